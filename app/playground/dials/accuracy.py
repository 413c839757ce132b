"""How many of the fixed test reviews are right with the dials so: it follows the needle, a few reviews at a time."""

from collections.abc import Callable, Mapping
from threading import Event

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from app import services
from app.content import label
from app.kit.asking.classes import classes_of
from app.kit.formats import with_interval
from app.kit.plain import escaped
from app.services.dials import FixedTest, Place
from peft_core.checkpoints.dials.setting import AS_TRAINED, OFF
from peft_core.errors import PeftClassroomError

SECONDS = 0.1  # between two drawings, while reviews are missing


def draw(place: Place, ask_ahead: Callable[[], Event]) -> None:
    """A fragment in the panel's: it draws itself again until all reviews have been asked.

    When the panel is drawn it asks for none: a dial was moved, and the needle comes first. A moment later `ask_ahead`
    is called, and once its event is set, the reviews follow.
    """
    loaded = services.libraries()
    if not loaded.finished.is_set() or loaded.error:
        st.caption(loaded.error or label("dials", "loading"))
        return
    places = {"now": place, "trained": Place(place.info, AS_TRAINED), "off": Place(place.info, OFF)}
    if place.second is not None:
        places = {"now": place, "trained": Place(place.info, AS_TRAINED), "second": Place(place.second, AS_TRAINED)}
    try:
        for one in places.values():
            services.dials.known(one)
    except PeftClassroomError as error:  # own texts that went with their run
        st.caption(escaped(error))
        return
    by_itself, ahead = False, None

    @st.fragment(run_every=SECONDS)
    def follow() -> None:
        nonlocal by_itself, ahead
        if by_itself and ahead is None:
            ahead = ask_ahead()
        tests = {name: services.dials.known(one) for name, one in places.items()}
        missing = next((name for name in places if not tests[name].complete), None)
        if missing and ahead is not None and ahead.is_set():
            try:
                tests[missing] = services.dials.fixed_test(places[missing])
            except PeftClassroomError as error:
                st.caption(escaped(error))
        _show(tests, classes_of(place.info.record.learned).plain["texts"])
        if ahead is not None and all(test.complete for test in tests.values()):
            _stop_timer()
        by_itself = True

    follow()


def _stop_timer() -> None:
    """End the `run_every` of this fragment. Drawing the whole page again without it would be the only other way, and
    whoever moves a dial meanwhile would wait for that.
    """
    message = ForwardMsg()
    message.stop_auto_rerun.fragment_ids.append(ThreadState.get().fragment_id)
    get_script_run_ctx().enqueue(message)


def _show(tests: Mapping[str, FixedTest], texts: str) -> None:
    total = max(test.total for test in tests.values())
    words = label("dials", "blend_right" if "second" in tests else "alone_right", n=total, texts=texts, **{
        name: _words(test) for name, test in tests.items()
    })  # fmt: skip
    with st.container(key="dial_accuracy"):
        st.markdown(words)


def _words(test: FixedTest) -> str:
    if test.measured is None:
        return label("dials", "none_yet")
    measured = with_interval(test.measured)
    return measured if test.complete else label("dials", "so_far", measured=measured, n=len(test.right))
