"""Dials on a trained checkpoint: turn it down, up or off, keep fewer terms or rows, blend it with another one.

A dial that is let go draws its panel alone. The needle comes first, the accuracy follows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from threading import Event

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

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

STOPS = (0, 0.25, 0.5, 1, 1.5, 2, 3)  # of α, times what was trained
STEP = 0.05  # of t
WRITTEN = {0.25: "¼", 0.5: "½", 1.5: "1½"}
ON, FACTOR, TERMS, ROWS, SECOND, BETWEEN = KEYS = (
    "dial_on", "dial_factor", "dial_terms", "dial_rows", "dial_second", "dial_t",
)  # fmt: skip
ALONE = "nobody"  # nobody to be blended with
OF = "dials of"  # session state: the checkpoint whose dials these are
MOST_AHEAD = 40  # places around one that are asked ahead: a second or two of work


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
            accuracy.draw(place, lambda: _ask_ahead(cleaned, place))
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
    return Place(info, AS_TRAINED, second, round(t, 2))


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
    trained = Place(place.info, AS_TRAINED)
    ends: list[tuple[verdicts.Model, Place]] = [(place.info.base, Place(place.info, OFF)), (place.info, trained)]
    if place.second is not None:
        ends = [(place.info, trained), (place.second, Place(place.second, AS_TRAINED))]
    titles = verdicts.titles([*services.askable(place.info.task), *(model for model, _ in ends)])
    rows = [needles.Needle(titles[verdicts.name_of(model)], services.dials.dial(at, review)) for model, at in ends]
    now = needles.Needle(label("dials", "now"), services.dials.dial(place, review), place.info.method)
    needles.draw([*rows, now], classes_of(place.info.record.learned).p)


def _ask_ahead(review: str | None, place: Place) -> Event:
    """Begin to ask where the next move of a dial may lead to: then the needle is there with it."""
    context = get_script_run_ctx()
    return services.dials.ask_ahead(
        context.session_id if context else "", review or "", _around(place) if review is not None else []
    )


def _around(place: Place) -> list[Place]:
    """Where one move of one dial leads to, the nearest stops first, at most `MOST_AHEAD`."""
    if place.second is not None:
        ts = (round(STEP * number, 2) for number in range(round(1 / STEP) + 1))
        found = [(abs(t - place.t), replace(place, t=t)) for t in ts]
    elif not place.setting.on:
        found = [(1, Place(place.info, AS_TRAINED))]
    else:
        found = [(far, replace(place, setting=one)) for far, one in _moves(place)]
    return [at for _, at in sorted(found, key=itemgetter(0)) if at != place][:MOST_AHEAD]


def _moves(place: Place) -> Iterator[tuple[int, Setting]]:
    """Where each dial can go, with how many stops that is."""
    setting, offered = place.setting, services.dials.offered(place.info)
    if offered.factor:
        at = STOPS.index(setting.factor)
        for number, stop in enumerate(STOPS):
            yield abs(number - at), replace(setting, factor=float(stop))
    for name, low, high in (("terms", 0, offered.terms), ("rows", FEWEST_ROWS, offered.rows)):
        kept = high if getattr(setting, name) is None else getattr(setting, name)
        for number in range(low, high + 1) if high > low else ():
            yield abs(number - kept), replace(setting, **{name: None if number == high else number})
