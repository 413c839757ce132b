"""The form of a run: presets, settings, how long it would take. The same for every method."""

import streamlit as st

from app import services
from app.content import label
from app.kit import url
from app.kit.asking.classes import classes_of
from app.kit.formats import rough
from app.kit.length import KEY, STOPS, USUAL
from app.kit.pages import FORM, rate_key
from app.method.train import times
from app.method.train.task import TaskChoice, task_choice
from peft_core.config import PRESETS, Preset, RunConfig, TrainConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.reviews.config import DataConfig
from peft_core.t5.architecture import BaseModel
from peft_core.training.runs import CLASSROOM_LIMITS

SIZES = (64, 500, 1000, 2000, 4000, 8000, 20_000)
RATES = (0.0001, 0.0002, 0.0004, 0.001, 0.002, 0.004, 0.01, 0.03, 0.1, 0.3, 1.0)
SETTLED = "task that the settings suit"  # session state
MAX_EPOCHS, MAX_SECONDS, MAX_SEED = 20, int(CLASSROOM_LIMITS.max_seconds), 2**31 - 1


def train_settings(base: BaseModel, method: MethodConfig) -> tuple[RunConfig, TaskChoice]:
    """The form, and what is learned. Every value is checked again by the configuration, the server and the worker."""
    task = task_choice(base)
    _settle(method, task)
    _presets(base, method, task)
    one, two, three = st.columns(3)
    with one:
        size = task.fixed_size
        if size is None:
            size = _choice("train_size", "reviews", SIZES, PRESETS["minute"].train_size(method.method))
        epochs = _slider("epochs", "epochs", 1, MAX_EPOCHS, PRESETS["minute"].epochs)
    with two:
        length = _choice(KEY, "max_length", STOPS, USUAL, shipped=_shipped_length())
        seconds = _slider("max_seconds", "max_seconds", 10, MAX_SECONDS, PRESETS["minute"].max_seconds, step=10)
    with three:
        rate = _choice(rate_key(method.method), "learning_rate", RATES, method_of(method).learning_rate)
        seed = _seed()
    train = TrainConfig(epochs=epochs, batch_size=task.batch_size, max_seconds=seconds, learning_rate=rate, seed=seed)
    config = run_config_of(base, method, task.data(size, length), train)
    return config, task


def run_config_of(base: BaseModel, method: MethodConfig, data: DataConfig, train: TrainConfig) -> RunConfig:
    """What is trained: on which base, how, on which texts, how long."""
    return RunConfig(base=base.name, method=method, data=data, train=train)


def in_one_line(config: RunConfig) -> str:
    """The settings of a run, folded."""
    data, train = config.data, config.train
    values = {"reviews": f"{data.train_size:,}", "tokens": data.max_length, "seed": train.seed}
    words = label("train", "folded", **values, **classes_of(data).plain, rate=f"{config.learning_rate:g}")
    return words if data.task == "reviews" else f"{label('task', data.task)} · {words}"


def _choice(key: str, name: str, options: tuple, start, **values: object):
    title, told = label("train", name), label("train", f"help_{name}", **values)
    url.nearest(key, title, options)
    return st.select_slider(title, options, start, key=key, help=told, bind="query-params")


def _shipped_length() -> int:
    """Of the shipped checkpoints, the most tokens of a review that one reads."""
    return max((info.record.max_length for info in services.checkpoints() if info.shipped), default=USUAL)


def _slider(key: str, name: str, low: int, high: int, start: int, step: int = 1) -> int:
    title = label("train", name)
    url.clamp(key, title, low, high)
    return st.slider(
        title, low, high, start, step=step, key=key, help=label("train", f"help_{name}"), bind="query-params"
    )


def _seed() -> int:
    title = label("train", "seed")
    url.clamp("seed", title, 0, MAX_SEED)
    return url.bounded_number("seed", title, 0, MAX_SEED, 0, step=1, help=label("train", "help_seed"))


def _take(method: MethodConfig, task: TaskChoice, preset: Preset) -> None:
    if task.fixed_size is None:
        st.session_state["train_size"] = preset.train_size(method.method)
    st.session_state["epochs"], st.session_state["max_length"] = preset.epochs, preset.max_length
    st.session_state["max_seconds"] = preset.max_seconds or MAX_SECONDS


def _settle(method: MethodConfig, task: TaskChoice) -> None:
    """Another task, or another file, starts with settings that suit it, unless a link has brought its own."""
    now = (task.task, task.fixed_size)
    before = st.session_state.get(SETTLED)
    linked = before is None and any(key in st.query_params for key in FORM)
    if task.ready and now != (before or ("reviews", None)) and not linked:
        _take(method, task, PRESETS["minute"] if task.task == "reviews" else next(iter(task.presets.values())))
    if task.ready:
        st.session_state[SETTLED] = now


def _presets(base: BaseModel, method: MethodConfig, task: TaskChoice) -> None:
    """Buttons that move the settings below, where what they chose is seen; none before there are texts."""
    if not task.ready:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for name, preset in task.presets.items():
            title = _called(base, method, task, preset)
            st.button(title, key=f"preset_{name}", on_click=_take, args=(method, task, preset))


def _called(base: BaseModel, method: MethodConfig, task: TaskChoice, preset: Preset) -> str:
    """A preset by its size; and by its time, where this computer has measured how long it takes."""
    reviews, limit = preset.train_size(method.method), preset.max_seconds or MAX_SECONDS
    kind = "texts" if task.fixed_size else "passes" if preset.epochs > 1 else "size"
    values = {"epochs": preset.epochs, "reviews": f"{reviews:,}", "tokens": preset.max_length, "limit": rough(limit)}
    train = TrainConfig(epochs=preset.epochs, batch_size=preset.batch_size, max_seconds=limit)
    config = run_config_of(base, method, task.data(reviews, preset.max_length), train)
    pace = times.pace_for(config)
    if pace is None or not pace.here:
        return label("presets", kind, **values)
    allowed, asked = pace.steps(config)
    ending = "cut" if allowed < asked else "timed"
    return label("presets", f"{kind}_{ending}", **values, time=rough(pace.seconds(config)))
