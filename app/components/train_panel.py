"""Settings, the Train button, and the run under way. The same for every method."""

import streamlit as st

from app import services
from app.components import url
from app.components.messages import plain
from app.components.run_monitor import monitor
from app.content import label, text
from peft_core.architecture import BaseModel
from peft_core.configs import DEFAULT_LEARNING_RATE, DataConfig, MethodConfig, RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.runs import CLASSROOM_LIMITS, new_spec

SIZES = (64, 500, 1000, 2000, 4000, 8000, 20_000)
LENGTHS = (64, 128, 192, 256)


def train_panel(base: BaseModel, method: MethodConfig) -> None:
    """Choose, press Train, watch. The run's id is in the URL, so a reload finds it again."""
    config = _settings(base, method)
    where = services.device()
    st.caption(label("train", "device", device=where) if where else label("train", "device_pending"))
    possible = services.loadable(base.name) and base.name in CLASSROOM_LIMITS.bases()
    if not possible:
        st.info(text("common", "cannot_train", base=base.name), icon=":material/info:")
    if st.button(
        label("train", "train"), type="primary", key="train", disabled=not possible, icon=":material/play_arrow:"
    ):
        _submit(config)
    run_id = st.query_params.get("run") or st.session_state.get("run")  # the URL forgets it on another page
    if run_id:
        st.session_state["run"] = st.query_params["run"] = run_id
        monitor(run_id)


def _submit(config: RunConfig) -> None:
    """Start a run. Its spec is kept until it has ended; submitting it twice, as a double click does, runs it once."""
    waiting = st.session_state.get("spec")
    if waiting is None or waiting.config != config or services.has_ended(waiting.id):
        waiting = st.session_state["spec"] = new_spec(config, services.owner())
    try:
        services.backend().submit(waiting)
    except PeftClassroomError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.session_state["run"] = st.query_params["run"] = waiting.id
    st.rerun()


def _settings(base: BaseModel, method: MethodConfig) -> RunConfig:
    """The form; every value is checked again by the configuration, the server and the worker."""
    data, train = DataConfig(), TrainConfig()
    one, two, three = st.columns(3)
    bind = {"bind": "query-params"}
    url.nearest("train_size", label("train", "reviews"), SIZES)
    url.nearest("max_length", label("train", "max_length"), LENGTHS)
    url.clamp("epochs", label("train", "epochs"), 1, 10)
    url.clamp("max_seconds", label("train", "max_seconds"), 10, 600)
    url.clamp("seed", label("train", "seed"), 0, 2**31 - 1)
    url.clamp(f"{method.method}_rate", label("train", "learning_rate"), 1e-6, 1.0, whole=False)
    size = one.select_slider(label("train", "reviews"), SIZES, 4000, key="train_size", **bind)
    epochs = one.slider(label("train", "epochs"), 1, 10, train.epochs, key="epochs", **bind)
    seconds = two.slider(label("train", "max_seconds"), 10, 600, 120, step=10, key="max_seconds", **bind)
    length = two.select_slider(label("train", "max_length"), LENGTHS, data.max_length, key="max_length", **bind)
    rate = three.number_input(
        label("train", "learning_rate"), 1e-6, 1.0, DEFAULT_LEARNING_RATE[method.method], format="%g",
        key=f"{method.method}_rate", **bind,
    )  # fmt: skip
    seed = three.number_input(label("train", "seed"), 0, 2**31 - 1, 0, key="seed", **bind)
    return RunConfig(
        base=base.name,
        method=method,
        data=DataConfig(train_size=size, max_length=length),
        train=TrainConfig(epochs=epochs, max_seconds=seconds, learning_rate=rate, seed=seed),
    )
