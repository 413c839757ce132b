"""A photograph at rank k beside a learned ΔW at the same k: why rank 1 serves one matrix and not another."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.kit import figure, stops, theme, url
from app.kit.asking import verdicts
from app.kit.formats import percent
from app.kit.pages import script_of
from app.kit.plain import escaped
from app.rank_lab import data
from app.rank_lab.motion.pictures import FORMATS, MOST_MEGABYTES, NAMES, Picture, decomposed, greys, shipped
from peft_core.analysis.spectra.spectrum import energy_curve
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError

RANK, PHOTO, OWN = "photo_rank", "photo", "own"  # in the URL; a visitor's own picture is in none
RANKS = (1, 2, 4, 8, 16, 32, 64, 100)
CHECKPOINT, LAYER = "delta_of", "delta_layer"  # in the URL, as in "A real ΔW"
KEPT = "photograph of one's own"  # session state: (id of the file, its decomposition); gone with the session
HEIGHT = 250  # pixels of the chart


def draw() -> None:
    """Claim, rank, two matrices at this rank, two curves, the sentence."""
    st.markdown(text("motion", "photograph"))
    left, middle, place, right = st.columns([3, 2, 4, 4])
    with left:
        picture = _picture()
    with middle:
        info = _checkpoint()
    with right:
        k = stops.number(RANK, label("motion", "rank"), RANKS, 1)
    if picture is None or info is None:
        return
    if services.libraries().error or not services.libraries().ready.is_set():
        st.info(services.libraries().error or label("playground", "loading"), icon=":material/hourglass_top:")
        return
    try:
        with place, st.spinner(label("rank_lab", "reading")):
            delta, layers = _delta(info)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    one, other, curves = st.columns([4, 3, 5])
    with one:
        words = label("motion", "photo_at", k=k)
        st.image(picture.at_rank(k), caption=words, alt=words, width="stretch")
    with other:
        words = label("motion", "delta_at", k=min(k, len(delta.sigmas)))
        st.image(_painted(_at_rank(delta, k), _limit(delta)), caption=words, alt=words, width="stretch")
    with curves:
        _chart(picture.sigmas, delta.sigmas, layers[delta.name.key].random, k, info.method)
    st.markdown(_sentence(picture, delta, layers, k))
    st.page_link(
        script_of("rank_lab"), label=label("rank_lab", "tab_enough"), icon=":material/science:",
        query_params={"lab": "enough"},
    )  # fmt: skip
    st.caption(text("motion", "credits"))


def _picture() -> Picture | None:
    """The chosen photograph; a sentence where it cannot be used."""
    titles = {name: label("motion", f"photo_{name}") for name in (*NAMES, OWN)}
    chosen = url.pick(PHOTO, label("motion", "photo"), list(titles), NAMES[0], titles.get)
    try:
        return shipped(chosen) if chosen in NAMES else _own()
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return None


def _own() -> Picture | None:
    """A visitor's own, decomposed once; it is in this session's memory and nowhere else."""
    file = st.file_uploader(
        label("motion", "upload", megabytes=MOST_MEGABYTES), type=[*map(str.lower, FORMATS), "jpg"],
        max_upload_size=MOST_MEGABYTES, key="photo_file",
    )  # fmt: skip
    if file is None:
        st.session_state.pop(KEPT, None)
        return None
    if st.session_state.get(KEPT, ("",))[0] != file.file_id:
        st.session_state.pop(KEPT, None)
        st.session_state[KEPT] = file.file_id, decomposed(greys(file))
    return st.session_state[KEPT][1]


def _checkpoint() -> CheckpointInfo | None:
    """One that changes weight matrices."""
    known = data.with_update()
    if not known:
        st.info(label("rank_lab", "no_update"), icon=":material/info:")
        return None
    titles = verdicts.titles(known.values())
    return known[url.pick(CHECKPOINT, label("rank_lab", "checkpoint"), list(known), next(iter(known)), titles.get)]


def _delta(info: CheckpointInfo):
    """ΔW of the chosen matrix, at first of the one that is nearest to rank 1; and the spectra of all of them."""
    layers = data.layers(info)
    first = max(layers, key=lambda key: _kept(layers[key].sigmas, 1) if layers[key].norm else 0)
    key = url.pick(
        LAYER, label("rank_lab", "layer"), list(layers), first, lambda name: data.in_words(layers[name].name)
    )
    (delta,) = (delta for name, delta in data.deltas(info).items() if name.key == key)
    return delta, layers


def _kept(sigmas: np.ndarray, k: int) -> float:
    """The share of the energy that the first k terms hold."""
    return float(energy_curve(sigmas)[min(k, len(sigmas))])


def _at_rank(delta, k: int) -> np.ndarray:
    u, sigmas, vt = delta.svd
    return (u[:, :k] * sigmas[:k]) @ vt[:k]


def _limit(delta) -> float:
    """What the strongest colour stands for, at every k: all but one in a hundred of the numbers are below."""
    return float(np.quantile(np.abs(_at_rank(delta, len(delta.sigmas))), 0.99)) or 1.0


def _painted(matrix: np.ndarray, limit: float) -> np.ndarray:
    """Blue above 0, orange below, the page's ground for 0: (rows, columns, 3) of bytes."""
    ground, up, down = (_rgb(c) for c in (theme.ground(), theme.POSITIVE.colour, theme.NEGATIVE.colour))
    share = np.clip(np.abs(matrix) / limit, 0, 1)[..., None]
    return np.rint(ground + share * (np.where(matrix[..., None] > 0, up, down) - ground)).astype(np.uint8)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)


@figure.kept
def _chart(photo: np.ndarray, learned: np.ndarray, random: np.ndarray, k: int, method: str) -> None:
    """Energy kept against k, logarithmic: both matrices, and a random one of the update's own shape and rank."""
    names = [label("motion", f"curve_{name}") for name in ("photo", "delta", "random")]
    rows, ends = [], []
    for name, sigmas in zip(names, (photo, learned, random), strict=True):
        kept = [_kept(sigmas, rank) for rank in range(1, RANKS[-1] + 1)]
        rows += [{"k": rank, "energy": share, "what": name} for rank, share in enumerate(kept, start=1)]
        ends.append({"k": k, "energy": kept[k - 1], "what": name, "words": percent(kept[k - 1])})
    colours = [theme.ink(), theme.METHOD[method].colour, theme.frozen()]
    x = alt.X(
        "k:Q", title=label("motion", "axis_k"), scale=alt.Scale(type="log", domain=[1, RANKS[-1]]),
        axis=alt.Axis(values=list(RANKS), grid=False),
    )  # fmt: skip
    y = alt.Y(
        "energy:Q", title=label("motion", "axis_energy"), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")
    )
    scale = alt.Scale(domain=names, range=colours)
    legend = alt.Legend(
        orient="bottom-right",
        title=None,
        direction="vertical",
        labelFontSize=13,
        labelLimit=330,
        labelColor=theme.ink(),
    )
    colour = alt.Color("what:N", scale=scale, legend=legend)
    dash = alt.StrokeDash("what:N", scale=alt.Scale(domain=names, range=[[1, 0], [8, 3], [2, 3]]), legend=legend)
    lines = alt.Chart(pd.DataFrame(rows)).mark_line(strokeWidth=3).encode(x=x, y=y, color=colour, strokeDash=dash)
    here = alt.Chart(pd.DataFrame(ends)).encode(x=x, y=y, color=alt.Color("what:N", scale=scale, legend=None))
    points = here.mark_point(filled=True, size=120, opacity=1)
    said = "; ".join(f"{end['what']} {end['words']}" for end in ends)
    st.altair_chart(
        theme.readable((lines + points).properties(height=HEIGHT)), width="stretch", key="photo_chart",
        alt=label("motion", "chart_alt", k=k, rows=said),
    )  # fmt: skip


def _sentence(picture: Picture, delta, layers: Mapping[str, data.Layer], k: int) -> str:
    """How much each keeps at this k, and how small a part of its possible rank that is."""
    others = [_kept(layer.sigmas, k) for layer in layers.values() if layer.norm]
    values = {
        "k": k, "photo": percent(_kept(picture.sigmas, k)), "delta": percent(_kept(delta.sigmas, k)),
        "random": percent(_kept(layers[delta.name.key].random, k)), "low": percent(min(others)),
        "high": percent(max(others)), "n": len(others), "photo_rank": min(picture.shape), "most": len(delta.sigmas),
        "rows": delta.shape[0], "columns": f"{delta.shape[1]:,}",
    }  # fmt: skip
    return text("motion", "kept", **values)
