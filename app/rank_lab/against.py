"""Already in W₀? The directions of ΔW, looked for in the weights that it was added to (Hu et al. 2021, section 7.3)."""

from statistics import median

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme, url
from app.kit.asking import verdicts
from app.kit.formats import percent
from app.kit.plain import escaped
from app.kit.url import pick
from app.rank_lab import data, strip
from app.rank_lab.strip import Cell
from peft_core.analysis.spectra.against_base import AgainstBase
from peft_core.errors import PeftClassroomError

CHECKPOINT, LAYER, K = "against_of", "against_layer", "against_k"  # in the URL
KS, USUAL = (1, 2, 4, 8, 64), 8
ROW = 32  # pixels of a bar and the space around it
BARS = ("chance", "there", "own", "update")


def draw() -> None:
    """Claim, checkpoint, matrix and k, four norms, the sentence, and the same of every matrix."""
    st.markdown(text("rank_lab", "against"))
    known = data.with_update()
    if not known:
        st.info(label("rank_lab", "no_update"), icon=":material/info:")
        return
    asked = st.query_params.get(CHECKPOINT)
    left, middle, right = st.columns([4, 4, 3])
    with left:
        titles = verdicts.titles(known.values())
        info = known[pick(CHECKPOINT, label("rank_lab", "checkpoint"), list(known), next(iter(known)), titles.get)]
    if why := data.left_out(asked):
        st.error(escaped(why), icon=":material/error:")
        return
    try:
        with st.spinner(label("rank_lab", "reading")):
            found = data.against(info)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    if not found:
        st.info(label("rank_lab", "nothing_moved"), icon=":material/info:")
        return
    with middle:
        words = lambda key: data.in_words(found[key].name)  # noqa: E731
        chosen = found[pick(LAYER, label("rank_lab", "layer"), list(found), next(iter(found)), words)]
    with right:
        k = _k(min(len(one.update) for one in found.values()))
    for name, sentence in ((CHECKPOINT, "unknown_checkpoint"), (LAYER, "unknown_layer")):
        if st.session_state.get(f"{name} in vain"):
            st.info(label("rank_lab", sentence), icon=":material/info:")
    _bars(chosen, k, info.method)
    st.markdown(text("rank_lab", "against_one", k=k, **_facts(chosen, k)))
    st.markdown(text("rank_lab", "against_all", k=k))
    strip.draw([_cell(one, k) for one in found.values()], chosen.name.key, info.method, "share_alt", "against_strip")
    st.markdown(text("rank_lab", "against_median", n=len(found), k=k, **_medians(list(found.values()), k)))
    st.caption(text("rank_lab", "against_source"))


def _k(most: int) -> int:
    """How many directions, as many as every matrix has at most."""
    options = [k for k in KS if k <= most]
    usual = min(USUAL, options[-1])
    if st.session_state.get(K, usual) not in options:
        st.session_state[K] = usual
    url.from_link(K, options, usual)
    k = st.segmented_control(label("rank_lab", "directions"), options, key=K, required=True)
    url.remember(K, str(k), str(usual))
    return k


@figure.kept
def _bars(one: AgainstBase, k: int, method: str) -> None:
    """Three norms of W₀ in k directions, and that of what training has added in the same ones."""
    values = [float(getattr(one, name)[k - 1]) for name in BARS]
    names = [label("rank_lab", f"bar_{name}", k=k) for name in BARS]
    rows = pd.DataFrame({"name": names, "value": values, "written": [f"{value:.2f}" for value in values]})
    colours = [theme.frozen()] * 3 + [theme.METHOD[method].colour]
    base = alt.Chart(rows).encode(
        x=alt.X("value:Q", title=label("rank_lab", "norm"), axis=alt.Axis(tickCount=5, grid=False)),
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=300, ticks=False, domain=False)),
    )
    bars = base.mark_bar(height=20).encode(
        color=alt.Color("name:N", scale=alt.Scale(domain=names, range=colours), legend=None)
    )
    numbers = base.mark_text(align="left", dx=6, fontSize=15, color=theme.ink()).encode(text=alt.Text("written:N"))
    listed = "; ".join(f"{name} {value:.2f}" for name, value in zip(names, values, strict=True))
    st.altair_chart(
        theme.readable((bars + numbers).properties(height=4 * ROW + 70)),
        width="stretch",
        key="against_bars",
        alt=label("rank_lab", "bars_alt", place=data.in_words(one.name), rows=listed),
    )


def _facts(one: AgainstBase, k: int) -> dict[str, str]:
    """The numbers of a sentence about one matrix."""
    there, own, chance = (float(getattr(one, name)[k - 1]) for name in ("there", "own", "chance"))
    return {
        "place": data.in_words(one.name),
        "there": f"{there:.2f}",
        "share": percent(there / own),
        "times": f"{there / chance:.1f}",
        "update": f"{one.update[k - 1]:.2f}",
        "amplification": f"{one.amplification[k - 1]:.2g}",
    }


def _medians(found: list[AgainstBase], k: int) -> dict[str, str]:
    return {
        "share": percent(median(one.there[k - 1] / one.own[k - 1] for one in found)),
        "times": f"{median(one.there[k - 1] / one.chance[k - 1] for one in found):.1f}",
        "amplification": f"{median(one.amplification[k - 1] for one in found):.2g}",
    }


def _cell(one: AgainstBase, k: int) -> Cell:
    facts = _facts(one, k)
    more = {name: facts[name] for name in ("share", "times", "amplification")}
    return Cell(one.name, float(one.there[k - 1] / one.own[k - 1]), f"{one.there[k - 1] / one.own[k - 1]:.0%}", more)
