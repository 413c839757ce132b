"""The Train section, the same for every method: the run at the top, the button, the settings, then one's own runs.

While a run is shown the settings are folded into one line, so that its bar, curves and result are on the first screen.
"""

import streamlit as st

from app import services
from app.content import label, text
from app.kit.machine import this_computer
from app.kit.plain import escaped
from app.method.train import times, your_runs
from app.method.train.monitor import monitor
from app.method.train.settings import in_one_line, train_settings
from app.method.train.task import TaskChoice
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.paths import RUNS, stands_in
from peft_core.reviews.own.stored import StoredTexts
from peft_core.t5.architecture import BaseModel
from peft_core.training.runs import CLASSROOM_LIMITS, Run, new_spec

CAPTION = 500  # pixels beside the button


def draw(base: BaseModel, method: MethodConfig, is_open: bool) -> RunConfig:
    """The section; what its form says. Closed, it draws the form alone: widgets not drawn forget their value."""
    run = _shown(method) if is_open else None
    top, button = st.container(key="run"), st.container()
    folded = label("train", "settings") if run is None else in_one_line(run.spec.config)
    # under one key the browser would keep it as it was before the run
    with st.expander(folded, expanded=run is None, key="train_settings" if run is None else "train_settings_folded"):
        config, task = train_settings(base, method)
    if is_open:
        with top:
            if run is not None:
                monitor(run.id)
        with button:
            _train(base, config, task)
        your_runs.draw(method.method)
    return config


def _shown(method: MethodConfig) -> Run | None:
    """The run of the link, or of this session, or else one's own that is under way: if it is of this method.

    The link forgets it on another page.
    """
    asked = st.query_params.get("run") or st.session_state.get("run")
    if asked is None:
        under_way = (run for run in services.own_runs() if not run.status.finished)
        return next((run for run in under_way if run.spec.config.method.method == method.method), None)
    try:
        run = services.backend().store.read(asked)
    except PeftClassroomError as error:
        st.warning(escaped(error), icon=":material/help:")
        return None
    if run.spec.config.method.method != method.method:
        your_runs.link(run, label("train", "elsewhere", name=run.spec.name))
        return None
    show(run.id)
    return run


def show(run_id: str) -> None:
    """From now on this run is shown; a reload finds it again."""
    st.session_state["run"] = st.query_params["run"] = run_id


def _train(base: BaseModel, config: RunConfig, task: TaskChoice) -> None:
    """The button, on what it would train, and for how long."""
    where = services.device()
    why_not = services.why_not_loadable(base.name)
    here = why_not is None and base.name in CLASSROOM_LIMITS.bases()
    if why_not:
        st.info(text("common", "cannot_train", base=base.name, why=escaped(why_not)), icon=":material/info:")
    elif not here:
        st.info(text("common", "not_trained_here", base=base.name), icon=":material/info:")
    if no_device := services.no_device():
        st.error(f"{escaped(no_device)} {this_computer.link()}", icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            label("train", "train"), type="primary", key="train", disabled=not (here and task.ready) or bool(no_device),
            icon=":material/play_arrow:",
        )  # fmt: skip
        device = "" if no_device else label("train", "device_pending")
        if where:
            device = label("train", "device", device=where, here=this_computer.link())
        st.caption(f"{device} {times.expected(config)}", width=CAPTION)
    if services.is_operator() and (elsewhere := stands_in(RUNS)):
        st.info(escaped(elsewhere), icon=":material/folder_open:")
    if pressed:
        _submit(config, task.texts)


def _submit(config: RunConfig, texts: StoredTexts | None) -> None:
    """Start a run. Its spec is kept until it has ended; submitting it twice, as a double click does, runs it once."""
    waiting = st.session_state.get("spec")
    if waiting is None or waiting.config != config or services.has_ended(waiting.id):
        waiting = st.session_state["spec"] = new_spec(config, services.owner())
    try:
        services.backend().submit(waiting, texts)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    show(waiting.id)
    st.rerun()
