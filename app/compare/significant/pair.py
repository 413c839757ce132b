"""Two checkpoints on the same test reviews: is one better, or were the reviews kind to it?"""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app import services
from app.compare import answered
from app.compare.significant import disagreements, pair_charts
from app.content import label, text
from app.kit import url
from app.kit.asking import stored_answers, task, verdicts
from app.kit.plain import escaped
from peft_core.analysis.comparison import Comparison, compare
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.reviews.config import REVIEWS, Learned
from peft_core.statistics.formats import p_text, p_value
from peft_core.statistics.paired_test import LEVEL

KEYS = ("first", "second")


# ---------------------------------------------------------------------------------------------------------------------
# Which two


def _usable(key: str = REVIEWS.task_key) -> list[CheckpointInfo]:
    return [info for info in services.checkpoints(key) if info.record.test_probabilities is not None]


def _tasks() -> dict[str, Learned]:
    """What can be looked into here. The texts on which two disagree are shown: own ones to whoever brought them."""
    mine = {run.spec.config.data.task_key for run in services.own_runs()}
    return {key: learned for key, learned in services.tasks().items() if not learned.own or key in mine}


def _defaults(usable: list[CheckpointInfo]) -> list[CheckpointInfo]:
    """LoRA and LoRA of rank 1, as the report's claim is about these; where they are not here, the first two."""
    ranks = [(info, info.record.config.method.r) for info in usable if info.method == "lora"]
    more, one = ([info for info, r in ranks if (r == 1) is alone] for alone in (False, True))
    return [more[0], one[0]] if more and one else usable[: len(KEYS)]


def chosen_pair() -> list[CheckpointInfo]:
    """The two of the link, or those that the page begins with; empty where there are no two."""
    usable = _usable()
    if len(usable) < len(KEYS):
        return []
    by_name = {info.name: info for info in usable}
    both = zip(KEYS, _defaults(usable), strict=True)
    return [by_name.get(st.query_params.get(key, ""), default) for key, default in both]


def titles(pair: Sequence[CheckpointInfo]) -> list[str]:
    """What people call them."""
    called = verdicts.titles({info.name: info for info in (*services.checkpoints(pair[0].task), *pair)}.values())
    return [called[info.name] for info in pair]


def _choose(usable: list[CheckpointInfo]) -> list[CheckpointInfo]:
    """Both are in the URL by their names."""
    by_name = {info.name: info for info in usable}
    called = verdicts.titles(services.checkpoints(usable[0].task))
    chosen = []
    for key, column, info in zip(KEYS, st.columns(2), _defaults(usable), strict=True):
        default = info.name
        url.from_link(key, list(by_name), default)
        if st.session_state[key] not in by_name:  # deleted meanwhile
            st.session_state[key] = default
        name = column.selectbox(
            label("compare", key), list(by_name), format_func=lambda name: called.get(name, name), key=key
        )
        url.remember(key, name, default=default)
        chosen.append(by_name[name])
    return chosen


def _without(usable: list[CheckpointInfo], key: str) -> None:
    """The checkpoints that cannot be chosen here, and the command that makes it possible."""
    others = [info for info in services.checkpoints(key) if info not in usable]
    if others:
        commands = "\n".join(f"python -m peft_core evaluate {info.name} --store" for info in others)
        with st.expander(label("compare", "not_stored", n=len(others))):
            st.code(commands, language="bash")


# ---------------------------------------------------------------------------------------------------------------------
# What tells them apart


def compared(pair: Sequence[CheckpointInfo]) -> Comparison | None:
    """The two under the names that people read; None if they cannot be compared. Draws nothing."""
    try:
        return _compared(pair)
    except (OSError, PeftClassroomError):
        return None


def _compared(pair: Sequence[CheckpointInfo]) -> Comparison:
    if len(pair) != len(KEYS) or pair[0].path == pair[1].path:
        raise PeftClassroomError(label("compare", "same_twice"))
    stamps = [services.stamp(info.path) for info in pair]
    first, second = titles(pair)
    return replace(_found(*stamps, *pair), first=first, second=second)


@st.cache_resource(max_entries=32, show_spinner=False)
def _found(one: tuple, other: tuple, _first: CheckpointInfo, _second: CheckpointInfo) -> Comparison:
    """`one`, `other`: folder and time of change of the records, for the cache."""
    data = _first.record.config.data
    bundled = data.source == "bundled" and not data.own
    return compare(_first, _second, stored_answers.splits() if bundled else None)


def draw() -> None:
    """Two checkpoints, what tells them apart, the careful sentence, the reviews on which they disagree."""
    st.markdown(text("compare", "significant"))
    key = task.choose(_tasks())
    usable = _usable(key)
    _without(usable, key)
    if len(usable) < len(KEYS):
        st.info(label("compare", "too_few"), icon=":material/info:")
        return
    pair = _choose(usable)
    loaded = services.libraries()
    if not loaded.finished.is_set() or loaded.error:
        st.info(loaded.error or label("compare", "loading_reviews"), icon=":material/hourglass_top:")
        return
    try:
        with st.spinner(label("calibration", "reading")):
            found = _compared(pair)
    except (OSError, PeftClassroomError) as error:
        st.info(escaped(error), icon=":material/info:")
        return
    pair_charts.difference(found)
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        pair_charts.two_by_two(found)
    right.metric(label("compare", "p"), p_value(found.test.p), help=label("compare", "p_help"))
    split = {"only_first": f"{found.test.only_first:,}", "only_second": f"{found.test.only_second:,}"}
    right.caption(label("compare", "p_of", **split))
    st.markdown(f"**{label('compare', 'careful')}** {escaped(found.sentence)}")
    _among_all(pair)
    disagreements.draw(found)


def _among_all(pair: Sequence[CheckpointInfo]) -> None:
    """What is left of the p of this pair if it was chosen after a look at all of them."""
    every, names = answered.pairs_at_hand(), {info.name for info in pair}
    mine = next((one for one in every if {one.first, one.second} == names), None)
    if mine:
        told = {"pairs": f"{len(every):,}", "chance": f"{LEVEL * len(every):.2g}", "p": p_text(mine.p_holm)}
        st.caption(label("compare", "among_all", **told))
