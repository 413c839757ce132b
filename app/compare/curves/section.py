"""Training curves of any runs over one another, and what their settings have in common or not."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from app.compare import shared
from app.compare.curves import charts as curve_charts
from app.compare.curves import runs
from app.compare.curves.runs import Curve
from app.content import label, text
from app.kit import url
from app.kit.asking import verdicts
from app.kit.plain import escaped
from peft_core.checkpoints.differences import differences, settings

AXES = ("step", "epoch", "seconds")
AT_FIRST = 3


def draw() -> None:
    """Which runs, along which axis, both curves, what they end with, and their settings."""
    st.markdown(text("compare", "curves"))
    known = runs.known()
    if not known:
        st.info(label("playground", "none_yet"), icon=":material/info:")
        return
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        chosen = _choose(verdicts.titles(known.values()))
    with right:
        along = shared.choose("along", label("compare", "along"), AXES, "along")
    if not chosen:
        st.caption(label("compare", "no_runs"))
        return
    found = [runs.curve(known[name]) for name in chosen]
    curve_charts.draw(found, along)
    _notes(found, along)
    _ends(found)
    _settings(found)


def _choose(titles: Mapping[str, str]) -> list[str]:
    """Runs by name in the URL, as often as there are; shipped ones and the newest at first."""
    in_link = st.query_params.get_all("runs")
    if url.to_be_read("runs"):
        here = [name for name in dict.fromkeys(in_link) if name in titles]
        st.session_state["runs"] = here or list(titles)[:AT_FIRST]
        st.session_state["runs left out"] = bool(set(in_link) - set(here))
    elif not titles.keys() >= set(st.session_state["runs"]):  # one was deleted meanwhile
        st.session_state["runs"] = [name for name in st.session_state["runs"] if name in titles]
    if st.session_state.get("runs left out"):
        st.info(label("playground", "unknown"), icon=":material/info:")
    names = st.multiselect(
        label("compare", "runs"), list(titles), format_func=lambda name: titles.get(name, name), key="runs", wrap=True
    )
    if names != in_link:
        st.query_params["runs"] = names
    return names


def _notes(found: list[Curve], along: str) -> None:
    """What cannot be drawn, and why."""
    without = [escaped(c.title) for c in found if c.loss.empty]
    if without:
        st.caption(label("compare", "no_steps", names=", ".join(without)))
    if along == "seconds" and any(c.accuracy["seconds"].isna().any() for c in found):
        st.caption(label("compare", "no_seconds"))


def _ends(found: list[Curve]) -> None:
    """One sentence a run: where it began and ended, and how long that took."""
    lines = []
    for one in found:
        record, n = one.record, len(one.accuracy) - 1
        best = max(share for _, share in record.validations)
        values = {
            "name": escaped(one.title), "seed": record.config.train.seed,
            "start": f"{record.untrained.accuracy:.1%}", "best": f"{best:.1%}", "n": n,
            "step": f"{record.best_step:,}", "steps": f"{record.steps:,}", "seconds": f"{record.seconds:,.0f}",
        }  # fmt: skip
        lines.append("- " + label("compare", "curve_sentence", **values))
    st.markdown("\n".join(lines))


def _settings(found: list[Curve]) -> None:
    """A column a run, a row a setting; all of them, or those that are not the same in all."""
    st.markdown(f"**{label('compare', 'settings')}**")
    only = st.toggle(label("compare", "only_different"), True, key="only_different", bind="query-params")
    records = [one.record for one in found]
    every = [settings(record) for record in records]
    names = list(differences(records)) if only else list(dict.fromkeys(name for one in every for name in one))
    if not names:
        st.caption(label("compare", "all_the_same"))
        return
    frame = pd.DataFrame(
        {
            label("compare", "column_setting"): names,
            **{one.title: [_told(own, name) for name in names] for one, own in zip(found, every, strict=True)},
        }
    )
    st.dataframe(frame, hide_index=True, width="stretch", key="settings_table", alt=label("compare", "settings_alt"))


def _told(own: Mapping[str, object], name: str) -> str:
    if name not in own:
        return label("compare", "no_such_setting")
    value = own[name]
    if value is None:
        return label("compare", "not_set")
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and name != "seed" else str(value)
