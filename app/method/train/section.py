"""Settings, presets, the Train button, and the run under way. The same for every method."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.pages import rate_key
from app.kit.plain import escaped
from app.method.train.monitor import monitor
from peft_core.config import PRESETS, PRESETS_TIMED_IN, PRESETS_TIMED_WITH, RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.reviews.config import DataConfig
from peft_core.t5.architecture import BaseModel
from peft_core.training.pace import find_pace
from peft_core.training.runs import CLASSROOM_LIMITS, new_spec

SIZES = (64, 500, 1000, 2000, 4000, 8000, 20_000)
LENGTHS = (64, 128, 160, 192, 256, 320)
RATES = (0.0001, 0.0002, 0.0004, 0.001, 0.002, 0.004, 0.01, 0.03, 0.1, 0.3, 1.0)
MAX_EPOCHS, MAX_SECONDS = 20, int(CLASSROOM_LIMITS.max_seconds)


def train_settings(base: BaseModel, method: MethodConfig) -> RunConfig:
    """The form; every value is checked again by the configuration, the server and the worker."""
    _presets(base, method)
    start, own_rate = PRESETS["minute"], rate_key(method.method)
    url.nearest("train_size", label("train", "reviews"), SIZES)
    url.nearest("max_length", label("train", "max_length"), LENGTHS)
    url.nearest(own_rate, label("train", "learning_rate"), RATES)
    url.clamp("epochs", label("train", "epochs"), 1, MAX_EPOCHS)
    url.clamp("max_seconds", label("train", "max_seconds"), 10, MAX_SECONDS)
    url.clamp("seed", label("train", "seed"), 0, 2**31 - 1)
    one, two, three = st.columns(3)
    bind = {"bind": "query-params"}
    reviews = start.train_size(method.method)
    size = one.select_slider(label("train", "reviews"), SIZES, reviews, key="train_size", **bind)
    epochs = one.slider(label("train", "epochs"), 1, MAX_EPOCHS, start.epochs, key="epochs", **bind)
    length = two.select_slider(label("train", "max_length"), LENGTHS, start.max_length, key="max_length", **bind)
    seconds = two.slider(
        label("train", "max_seconds"), 10, MAX_SECONDS, start.max_seconds, step=10, key="max_seconds", **bind
    )
    default_rate = method_of(method).learning_rate
    rate = three.select_slider(label("train", "learning_rate"), RATES, default_rate, key=own_rate, **bind)
    seed = three.number_input(label("train", "seed"), 0, 2**31 - 1, 0, key="seed", **bind)
    config = RunConfig(
        base=base.name,
        method=method,
        data=DataConfig(train_size=size, max_length=length),
        train=TrainConfig(epochs=epochs, max_seconds=seconds, learning_rate=rate, seed=seed),
    )
    _estimate(config)
    return config


def _estimate(config: RunConfig) -> None:
    """How long that would take at the pace of the newest run here, or of the shipped one; and whether it is in time."""
    machine = services.machine()
    pace = find_pace(config, services.checkpoints(), machine)
    if pace is None:
        return
    seconds = pace.seconds(config)
    values = {
        "readings": f"{config.data.train_size * config.train.epochs:,}",
        "pace": f"{pace.examples_per_second:.0f}",
        "tokens": pace.record.config.data.max_length,
        "device": pace.record.device,
        "time": f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min",
    }
    words = [label("train", "estimate_here" if pace.here else "estimate", **values)]
    if machine and not pace.here and machine[1] != pace.record.precision:
        words.append(label("train", "estimate_other", there=pace.record.precision, here=machine[1]))
    if seconds > config.train.max_seconds:
        words.append(label("train", "estimate_late"))
    st.caption(" ".join(words))


def _presets(base: BaseModel, method: MethodConfig) -> None:
    """Buttons that move the settings below: what they chose is seen, and can be changed.

    They are called by their time on the base model and in the precision that they were timed with, else by their size.
    """
    machine = services.machine()
    timed = base.name == PRESETS_TIMED_WITH and (machine is None or machine[1] == PRESETS_TIMED_IN)

    def take(name: str) -> None:
        preset = PRESETS[name]
        st.session_state["train_size"] = preset.train_size(method.method)
        st.session_state["epochs"], st.session_state["max_length"] = preset.epochs, preset.max_length
        st.session_state["max_seconds"] = preset.max_seconds or MAX_SECONDS

    with st.container(horizontal=True, vertical_alignment="center"):
        for name in PRESETS:
            size = {"reviews": f"{PRESETS[name].train_size(method.method):,}", "tokens": PRESETS[name].max_length}
            named = timed or PRESETS[name].max_seconds is None
            title = label("presets", name) if named else label("presets", "size", **size)
            st.button(title, key=f"preset_{name}", on_click=take, args=(name,))


def run_panel(base: BaseModel, config: RunConfig) -> None:
    """Press Train, watch. The run's id is in the URL, so a reload finds it again."""
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
        st.error(escaped(error), icon=":material/error:")
        return
    st.session_state["run"] = st.query_params["run"] = waiting.id
    st.rerun()
