"""Dials on a trained checkpoint: turn it down, up or off, keep fewer terms or rows, blend it with another one.

A dial that is let go draws its panel alone. The needle comes first, the accuracy follows.
"""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.asking import verdicts
from app.kit.asking.classes import classes_of
from app.kit.plain import escaped
from app.playground import explain
from app.playground.dials import accuracy, needles
from app.services.dials import Place
from peft_core.checkpoints.dials.setting import AS_TRAINED, FEWEST_ROWS, OFF, Offered, Setting
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.reviews.config import Learned

STOPS = (0, 0.25, 0.5, 1, 1.5, 2, 3)  # of α, times what was trained
STEP = 0.05  # of t
WRITTEN = {0.25: "¼", 0.5: "½", 1.5: "1½"}
ON, FACTOR, TERMS, ROWS, SECOND, BETWEEN = KEYS = (
    "dial_on", "dial_factor", "dial_terms", "dial_rows", "dial_second", "dial_t",
)  # fmt: skip
ALONE = "nobody"  # nobody to be blended with
OF = "dials of"  # session state: the checkpoint whose dials these are
ANSWERS = "dial answers"  # session state: {(review, name or place, task): p(positive)}, the latest
MOST_ANSWERS = 100


@st.fragment
def draw(review: str, trained: Sequence[CheckpointInfo]) -> None:
    """Whose dials these are; dials at the left, what they do at the right."""
    _panel(review, *_who(trained))
    with st.expander(label("dials", "how")):
        st.markdown(text("dials", "how", n=2 * services.dials.FIXED_A_LABEL))


@st.fragment
def _panel(review: str, info: CheckpointInfo, second: CheckpointInfo | None) -> None:
    """What is drawn again when a dial is let go, and nothing else."""
    left, right = st.columns([2, 3], gap="large")
    try:
        with left:
            place = _between(info, second) if second else _turn(info, services.dials.offered(info))
        with right:
            cleaned = explain.usable(review, info.record.learned)
            if cleaned is not None:
                _needles(cleaned, place)
            accuracy.draw(place, lambda: cleaned is not None and _ask_ahead(cleaned, place))
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")


def _who(trained: Sequence[CheckpointInfo]) -> tuple[CheckpointInfo, CheckpointInfo | None]:
    """Whose dials these are, and with whom it is blended, if with anybody."""
    left, right = st.columns(2)
    with left:
        info = explain.choose_checkpoint("dial_checkpoint", label("dials", "checkpoint"), list(trained))
    if st.session_state.setdefault(OF, info.name) != info.name:  # another checkpoint begins as it was trained
        st.session_state[OF] = info.name
        for key in KEYS:
            st.session_state.pop(key, None)
    with right:
        return info, _second(info)


def _between(info: CheckpointInfo, second: CheckpointInfo) -> Place:
    """Two checkpoints and the dial between them."""
    url.clamp(BETWEEN, "t", 0, 1, whole=False)
    t = st.slider(label("dials", "t"), 0.0, 1.0, 0.5, STEP, key=BETWEEN, bind="query-params")
    return Place(info, AS_TRAINED, second, t)


def _turn(info: CheckpointInfo, offered: Offered) -> Place:
    """Every dial that this checkpoint has; where they stand."""
    if not st.toggle(label("dials", "on", name=escaped(_title(info))), True, key=ON, bind="query-params"):
        return Place(info, OFF)
    factor, terms, rows = 1.0, None, None
    if offered.factor:
        url.told(FACTOR, "α", st.query_params.get(FACTOR), STOPS, "1")
        url.from_link(FACTOR, STOPS, 1)
        factor = st.select_slider(
            label("dials", "factor"), STOPS, key=FACTOR, format_func=lambda stop: f"{WRITTEN.get(stop, stop)}×"
        )
        url.remember(FACTOR, str(factor), "1")
    if offered.terms:
        terms = _count(TERMS, label("dials", "terms", n=offered.terms), 0, offered.terms)
    if offered.rows > FEWEST_ROWS:
        rows = _count(ROWS, label("dials", "rows", n=offered.rows), FEWEST_ROWS, offered.rows)
    if not (offered.factor or offered.terms or offered.rows):
        st.caption(label("dials", "switch_alone"))
    return Place(info, Setting(True, float(factor), terms, rows))


def _count(key: str, title: str, low: int, high: int) -> int | None:
    """How many are kept; None: all of them."""
    url.clamp(key, title, low, high)
    kept = st.slider(title, low, high, high, key=key, bind="query-params")
    return None if kept == high else kept


def _second(info: CheckpointInfo) -> CheckpointInfo | None:
    """With whom it is blended: another checkpoint of this method and base model."""
    mates = {
        one.name: one
        for one in services.askable(info.task)
        if one.name != info.name and (one.method, one.base) == (info.method, info.base)
    }
    titles = verdicts.titles(services.askable(info.task)) | {ALONE: label("dials", "alone")}
    name = url.pick(SECOND, label("dials", "second"), [ALONE, *mates], ALONE, titles.__getitem__)
    return mates.get(name)


def _title(info: CheckpointInfo) -> str:
    return verdicts.titles(services.askable(info.task))[info.name]


def _needles(review: str, place: Place) -> None:
    """What the dials say, between what no dial moves."""
    ends: list[verdicts.Model] = [place.info, place.second] if place.second else [place.info.base, place.info]
    known = _known(review, ends, place.info.record.learned)
    now = _now(review, place)
    titles = verdicts.titles([*services.askable(place.info.task), *ends])
    rows = [needles.Needle(titles[verdicts.name_of(one)], known[verdicts.name_of(one)]) for one in ends]
    now_row = needles.Needle(label("dials", "now"), now, place.info.method)
    needles.draw([*rows, now_row], classes_of(place.info.record.learned).p)


def _now(review: str, place: Place) -> float:
    """p(positive) with the dials so; a place where they have been before is not asked again."""
    answers, asked = st.session_state.setdefault(ANSWERS, {}), _asked(review, place)
    if asked not in answers:
        answers[asked] = services.dials.dial(place, review).probability_positive
    return answers[asked]


def _asked(review: str, place: Place) -> tuple:
    return review, place.key, place.info.record.learned.task_key


def _around(place: Place) -> list[Place]:
    """Where the next move of one dial by one stop leads to."""
    if place.second is not None:
        ts = (round(place.t + by, 2) for by in (-STEP, STEP))
        return [replace(place, t=t) for t in ts if 0 <= t <= 1]
    setting, offered = place.setting, services.dials.offered(place.info)
    if not setting.on:
        return [Place(place.info, AS_TRAINED)]
    near: list[Setting] = []
    if offered.factor:
        at = STOPS.index(setting.factor)
        near += [
            replace(setting, factor=float(stop)) for stop in (*STOPS[max(0, at - 1) : at], *STOPS[at + 1 : at + 2])
        ]
    for name, low, high in (("terms", 0, offered.terms), ("rows", FEWEST_ROWS, offered.rows)):
        kept = getattr(setting, name) if getattr(setting, name) is not None else high
        numbers = (number for number in (kept - 1, kept + 1) if low <= number <= high and high > low)
        near += [replace(setting, **{name: None if number == high else number}) for number in numbers]
    return [replace(place, setting=one) for one in near]


def _ask_ahead(review: str, place: Place) -> bool:
    """Ask one place around this one that was not yet: then the needle is there with the next move. Whether one was."""
    answers = st.session_state.setdefault(ANSWERS, {})
    missing = next((near for near in _around(place) if _asked(review, near) not in answers), None)
    if missing is None:
        return False
    _now(review, missing)
    return True


def _known(review: str, models: Sequence[verdicts.Model], learned: Learned) -> dict[str, float]:
    """p(positive) of models as they are, asked once a review. A base model answers each task in its words."""
    answers = st.session_state.setdefault(ANSWERS, {})
    asked = [model for model in models if (review, verdicts.name_of(model), learned.task_key) not in answers]
    for model, found in zip(asked, services.ask([review], asked, learned) if asked else (), strict=True):
        if isinstance(found, PeftClassroomError):
            raise found
        answers[review, verdicts.name_of(model), learned.task_key] = found[0].probability_positive
    names = map(verdicts.name_of, models)
    known = {name: answers[review, name, learned.task_key] for name in names}
    while len(answers) > MOST_ANSWERS:
        answers.pop(next(iter(answers)))
    return known
