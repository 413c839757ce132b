"""Two checkpoints on the same test reviews: is one better, or were the reviews kind to it?"""

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.components import stored_answers, url, verdicts
from app.components.compare import disagreements, pair_charts, quoted_differences
from app.components.messages import plain
from app.content import label, text
from peft_core.comparison import Comparison, compare, p_value
from peft_core.errors import PeftClassroomError
from peft_core.records import RECORD, CheckpointInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS = ("first", "second")


def draw() -> None:
    """Two checkpoints, what tells them apart, the careful sentence; then the report's own differences."""
    st.markdown(text("compare", "significant"))
    _two_of_ours()
    st.divider()
    quoted_differences.draw()


def _two_of_ours() -> None:
    usable = [info for info in services.checkpoints() if info.record.test_probabilities is not None]
    _without(usable)
    if len(usable) < len(KEYS):
        st.info(label("compare", "too_few"), icon=":material/info:")
        return
    pair = _choose(usable)
    if pair[0].path == pair[1].path:
        st.info(label("compare", "same_twice"), icon=":material/info:")
        return
    heavy = services.heavy()
    if not heavy.finished.is_set() or heavy.error:
        st.info(heavy.error or label("compare", "loading_reviews"), icon=":material/hourglass_top:")
        return
    try:
        with st.spinner(label("calibration", "reading")):
            found = _compared(*(str(p) for p in _stamps(pair)), *pair)
    except (OSError, PeftClassroomError) as error:
        st.info(plain(error), icon=":material/info:")
        return
    called = verdicts.titles(services.checkpoints())
    _show(replace(found, first=called[pair[0].name], second=called[pair[1].name]), pair)


def _without(usable: list[CheckpointInfo]) -> None:
    """The checkpoints that cannot be chosen here, and the command that makes it possible."""
    others = [info for info in services.checkpoints() if info not in usable]
    if others:
        commands = "\n".join(f"python -m peft_core evaluate {info.name} --store" for info in others)
        with st.expander(label("compare", "not_stored", n=len(others))):
            st.code(commands, language="bash")


def _choose(usable: list[CheckpointInfo]) -> list[CheckpointInfo]:
    """Both are in the URL by their names."""
    by_name = {info.name: info for info in usable}
    titles: Mapping[str, str] = verdicts.titles(services.checkpoints())
    chosen = []
    for place, (key, column) in enumerate(zip(KEYS, st.columns(2), strict=True)):
        default = usable[place].name
        url.ask(key, list(by_name), default)
        if st.session_state[key] not in by_name:  # deleted meanwhile
            st.session_state[key] = default
        name = column.selectbox(
            label("compare", key), list(by_name), format_func=lambda name: titles.get(name, name), key=key
        )
        url.remember(key, name, default=default)
        chosen.append(by_name[name])
    return chosen


def _stamps(pair: list[CheckpointInfo]) -> list[float]:
    return [(info.path / RECORD).stat().st_mtime_ns for info in pair]


@st.cache_resource(max_entries=32, show_spinner=False)
def _compared(changed_1: str, changed_2: str, _first: CheckpointInfo, _second: CheckpointInfo) -> Comparison:
    source = _first.record.config.data.source
    return compare(_first, _second, stored_answers.splits() if source == "bundled" else None)


def _show(found: Comparison, pair: list[CheckpointInfo]) -> None:
    pair_charts.difference(found)
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        pair_charts.two_by_two(found)
    right.metric(label("compare", "p"), p_value(found.test.p), help=label("compare", "p_help"))
    right.caption(
        label("compare", "p_of", only_first=f"{found.test.only_first:,}", only_second=f"{found.test.only_second:,}")
    )
    st.markdown(f"**{label('compare', 'careful')}** {plain(found.sentence)}")
    disagreements.draw(found)
