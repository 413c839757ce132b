"""Inside: what a run looked like, moment by moment, while it trained and afterwards."""

import streamlit as st

from app import services
from app.content import has_section, label, text
from app.kit.plain import escaped
from app.kit.url import pick
from app.method.inside import film, pictures, runs, scrubber, where
from app.method.inside.runs import Filmed
from app.method.steps import controls
from peft_core.errors import PeftClassroomError
from peft_core.methods.inside import kind_of
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel
from peft_core.t5.names import Place
from peft_core.training.snapshots.moments import BUDGET

RUN, PLACE = "inside_run", "inside_place"  # in the URL
POLL_SECONDS = 2.0  # of a run under way


def draw(base: BaseModel, config: MethodConfig) -> None:
    """Whose run, where; then scrubber, accuracy, picture, one sentence."""
    known = runs.filmed(base.name, config.method)
    if not known:
        st.info(label("inside", "none", base=base.name), icon=":material/info:")
        return
    loaded = services.libraries()
    ready = loaded.ready.is_set() and not loaded.error
    words_too = ready and kind_of(config) == "units"
    columns = st.columns([5, 5, 6] if words_too else 2)
    with columns[0]:
        run = known[_choose(known)]
    moments = run.moments().moments
    if not moments:
        _await(run)
        return
    if not ready:
        st.info(loaded.error or label("playground", "loading"), icon=":material/hourglass_top:")
        return
    try:
        with st.spinner(label("inside", "reading")):
            about = film.about(run, moments[0])
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    with columns[1]:
        place = _place(about)
    words = ""
    if about.kind == "units":
        with columns[2]:
            words = controls.words()
    _watch(run, about, place, words, config.method)


def _choose(known: dict[str, Filmed]) -> str:
    """A run that has just been started is taken once; afterwards the choice is the visitor's."""
    trained = st.session_state.get(runs.TRAINED_HERE) or st.query_params.get(runs.TRAINED_HERE)
    if trained in known and trained != st.session_state.get("inside started"):
        if "inside started" in st.session_state or RUN not in st.query_params:
            st.session_state[RUN] = trained
        st.session_state["inside started"] = trained
    called = runs.titles(known)
    chosen = pick(RUN, label("inside", "run"), list(known), next(iter(known)), called.get, always=True)
    if st.session_state.get(f"{RUN} in vain"):
        st.info(label("inside", "unknown"), icon=":material/info:")
    return chosen


def _place(about: film.About) -> Place:
    """Where to look: at first the matrix nearest to the answer, or the first unit that reads the words.

    Rows in front of the review are in one place.
    """
    known = {place.name: place for place in about.places}
    first, last = about.places[0].name, about.places[-1].name
    if about.kind in (None, "rows"):
        return known[first]
    title = label("steps", "place" if known[first].module else "place_layer")
    at = last if about.kind == "update" else first
    return known[pick(PLACE, title, list(known), at, lambda name: controls.place_name(known[name]))]


def _await(run: Filmed) -> None:
    """A run that waits, or loads its base model, has no moment yet; of a finished one, none can be used."""
    if not run.under_way():
        st.error(escaped(" ".join(run.moments().damaged)), icon=":material/error:")
        return

    @st.fragment(run_every=POLL_SECONDS)
    def wait() -> None:
        st.info(label("inside", "starting"), icon=":material/hourglass_top:")
        if run.moments().moments or not run.under_way():
            st.rerun()

    wait()


def _watch(run: Filmed, about: film.About, place: Place, words: str, method: str) -> None:
    """What moves: drawn again by itself while it plays, or while the run is under way."""
    moving, live = scrubber.playing(), run.under_way()
    every = scrubber.TICK if moving else POLL_SECONDS if live else None

    @st.fragment(run_every=every)
    def watch() -> None:
        screen(run, about, place, words, method)
        if scrubber.playing() != moving or (live and not run.under_way()):
            st.rerun()

    watch()


def screen(run: Filmed, about: film.About, place: Place, words: str, method: str) -> None:
    """Everything that depends on the moment."""
    listed = run.moments()
    moments = listed.moments
    if not moments:  # the run was deleted, or begins anew
        st.info(label("inside", "gone"), icon=":material/info:")
        return
    step = scrubber.draw(run.id, [moment.step for moment in moments])
    shown = next(number for number, moment in enumerate(moments) if moment.step == step)
    where.draw(run, moments, moments[shown])
    for sentence in listed.damaged:
        st.warning(escaped(sentence), icon=":material/broken_image:")
    if about.kind is None:
        st.info(text("inside", "no_picture", megabytes=BUDGET // 10**6), icon=":material/info:")
        return
    with st.spinner(label("inside", "reading")):
        seen = film.film(run, moments, place, words)
    now = seen[shown]
    if isinstance(now, PeftClassroomError):
        st.error(escaped(now), icon=":material/error:")
        return
    whole = [one for one in seen if not isinstance(one, PeftClassroomError)]
    with st.container(gap="small", key="inside_picture"):
        pictures.draw(now, whole, about.kind, method)
    own = has_section(f"method/{method}", "inside")
    page, section = (f"method/{method}", "inside") if own else ("inside", about.kind)
    st.caption(text(page, section, blocks=pictures.blocks(now)))
