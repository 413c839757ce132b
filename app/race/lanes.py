"""Which recorded runs race: rows of the results file and shipped checkpoints that it lacks; at first one a method."""

from collections.abc import Sequence

import streamlit as st

from app import services
from app.content import label
from app.kit import url
from app.kit.formats import NOTHING, megabytes
from app.kit.plain import escaped
from app.race import chart
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS, method_config
from peft_core.report.race import Along, Lane, of_record, recorded
from peft_core.report.reproduction.results import load_results, shipped_race, shipped_results

BASE = "tiny-t5"  # of the recorded runs
KEY = "lane"  # in the URL, as often as there are lanes


def known() -> dict[str, Lane]:
    """Every recorded lane by its key.

    Raises:
        PeftClassroomError: if the results file is damaged.
    """
    found = {lane.key: lane for lane in _recorded()}
    told = {racer.name for lane in found.values() for racer in lane.racers}
    for info in services.checkpoints():
        if info.shipped and info.base == BASE and info.name not in told and len(info.record.validations) > 1:
            found[info.name] = of_record(info.name, info.record)
    return found


@st.cache_data(show_spinner=False)
def _recorded() -> tuple[Lane, ...]:
    """Those of the table; then those that were trained for the race alone."""
    table, race = load_results(shipped_results(BASE)), load_results(shipped_race(BASE))
    found = {lane.key: lane for lane in recorded(race)} | {lane.key: lane for lane in recorded(table, race)}
    return tuple(found.values())


def at_first(lanes: dict[str, Lane]) -> list[str]:
    """One lane a method, in the methods' order: its default setting, or else its first."""
    chosen = []
    for name in METHODS:
        of_method = [key for key, lane in lanes.items() if lane.method.method == name]
        of_method.sort(key=lambda key: lanes[key].method != method_config(name))
        chosen += of_method[:1]
    return chosen


def choose(lanes: dict[str, Lane]) -> list[Lane]:
    """The lanes of the race, in the URL by their keys."""
    usual = at_first(lanes)
    if url.to_be_read("race_lanes"):
        asked = [key for key in dict.fromkeys(st.query_params.get_all(KEY)) if key in lanes]
        st.session_state["race_lanes"] = asked if len(asked) > 1 else usual
    with st.popover(label("race", "lanes"), icon=":material/groups:"):
        keys = st.multiselect(
            label("race", "lanes"),
            list(lanes),
            format_func=lambda key: f"{lanes[key].label} ({key})",
            key="race_lanes",
            max_selections=8,
        )
    if len(keys) < 2:
        st.info(label("race", "two_lanes"), icon=":material/info:")
        keys = usual
    if keys == usual:
        st.query_params.pop(KEY, None)
    elif keys != st.query_params.get_all(KEY):
        st.query_params[KEY] = keys
    return [lanes[key] for key in keys]


def draw(lanes: Sequence[Lane], along: Along, position: float, mark: float) -> None:
    """The lanes, and all numbers as a table, for who reads them or has a narrow screen."""
    chart.draw(lanes, along, position, mark)
    with st.expander(label("race", "numbers")):
        st.markdown(table(lanes, along, position))


def table(lanes: Sequence[Lane], along: Along, position: float) -> str:
    """What each lane knows and what it took until then, as a Markdown table."""
    head = [label("race", f"column_{name}") for name in ("lane", "accuracy", "trains", "memory", "time")]
    lines = [f"| {' | '.join(head)} |", "|:--|--:|--:|--:|--:|"]
    for lane in lanes:
        known = lane.first.last(along, position)
        measured = known.validation if known else None
        accuracy = (
            f"{measured.accuracy:.1%} ({100 * measured.low:.0f}–{100 * measured.high:.0f})" if measured else NOTHING
        )
        memory = megabytes(lane.peak_bytes) if lane.peak_bytes else NOTHING
        took = chart.lane_seconds(lane, [known] if known else [])
        lines.append(f"| {lane.label} | {accuracy} | {lane.trainable_parameters:,} | {memory} | {took} |")
    return "\n".join(lines)


def all_known() -> dict[str, Lane]:
    """As `known`, or nothing after a sentence."""
    try:
        return known()
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return {}
