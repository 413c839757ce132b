"""Step through one forward pass of the loaded model on the student's own words: real tensors, one step a screen."""

import json
from pathlib import Path

import streamlit as st

from app import services
from app.content import has_section, label, text
from app.kit.length import tokens_read
from app.kit.plain import escaped
from app.method.steps import controls, panels
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.run_json import RECORD
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import MethodConfig, method_config, method_label, method_of
from peft_core.methods.steps import Reading, Step, Walk
from peft_core.t5.architecture import BaseModel

KEPT = 32  # walks and readings that are remembered: Back and Next compute nothing


def draw(base: BaseModel, config: MethodConfig) -> None:
    """Controls, then one step: sentence, formula, heat-map, numbers."""
    if why_not := services.why_not_loadable(base.name):
        st.info(label("steps", "not_here", base=base.name, why=escaped(why_not)), icon=":material/cloud_off:")
        return
    if services.libraries().error or not services.libraries().ready.is_set():
        st.info(services.libraries().error or label("steps", "loading"), icon=":material/hourglass_top:")
        return
    try:
        walk, config = _choose(base, config)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    number = controls.step_number(config.method, len(walk.steps))
    _step(walk, walk.steps[number - 1], base, config)


def _choose(base: BaseModel, page_config: MethodConfig) -> tuple[Walk, MethodConfig]:
    """What is to be walked through, by the controls, and the configuration that is walked.

    Raises:
        PeftClassroomError: for empty words, a damaged checkpoint, or a busy server.
    """
    (above, token_place), (left, right) = st.columns([8, 3]), st.columns(2)
    with above:
        words = controls.words()
    with left:
        chosen = controls.model(base, page_config)
    config, max_length = page_config, tokens_read()
    if chosen:
        config, max_length = chosen.record.method, chosen.record.max_length
    with right:
        place = controls.place(base, config)
    with st.spinner(label("steps", "computing")):
        reading = _read(base.name, words, max_length)
    with token_place:
        token = controls.token(reading, place)
    controls.notes(base)
    if chosen:
        st.caption(_settings(config))
    if reading.left_out:
        st.caption(label("steps", "left_out", longest=len(reading.tokens), left_out=reading.left_out))
    checkpoint, changed = _identity(chosen)
    with st.spinner(label("steps", "computing")):
        settings = config.model_dump_json()
        return _walk(base.name, settings, checkpoint, changed, words, place.name, token, max_length), config


def _settings(config: MethodConfig) -> str:
    """Whose settings are on the screen: a checkpoint brings its own."""
    free = ((name, getattr(config, name)) for name in sorted(method_of(config).free_fields))
    numbers = [f"{name} {value:g}" for name, value in free if isinstance(value, float)]  # LoRA's alpha
    return label("steps", "settings", settings=", ".join([method_label(config), *numbers]))


def _identity(chosen: CheckpointInfo | None) -> tuple[str | None, int]:
    """A checkpoint's folder and when it was written: a replaced one is walked anew."""
    if chosen is None:
        return None, 0
    record = chosen.path / RECORD
    return str(chosen.path), record.stat().st_mtime_ns if record.is_file() else 0


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _read(base: str, words: str, max_length: int) -> Reading:
    from peft_core.analysis.walkthrough.tokens import read_words

    with services.exclusive_predictor(base) as predictor:
        return read_words(predictor.backbone, words, max_length)


@st.cache_data(max_entries=KEPT, show_spinner=False)
def _walk(
    base: str, settings: str, checkpoint: str | None, changed: int, words: str, place: str, token: int, max_length: int
) -> Walk:
    """One forward pass, on a module tree of its own over the shared weights. All that it depends on is a parameter."""
    from peft_core.analysis.walkthrough.forward import untrained_model, walk
    from peft_core.checkpoints.files import load_checkpoint
    from peft_core.methods.places import find_place

    config = method_config(**json.loads(settings))
    with services.exclusive_predictor(base) as predictor:
        backbone = predictor.backbone
        if checkpoint:
            model, _ = load_checkpoint(Path(checkpoint), backbone)
        else:
            model = untrained_model(backbone, config)
        where = find_place(backbone.base.architecture, config, place)
        return walk(backbone, model, config, words, where, token, max_length)


def _step(walk: Walk, step: Step, base: BaseModel, config: MethodConfig) -> None:
    """One screen."""
    section = f"{step.key}_zero" if step.adds_nothing else step.key
    with st.container(key="steps_screen"):
        common = has_section("steps", section)  # the tokens in front and the answer behind are the same everywhere
        st.markdown(text("steps" if common else f"method/{config.method}", section, **step.values))
        lines = [line for line in (step.equation, step.formula) if line]
        st.latex(r"\begin{gathered}" + r" \\[0.8em] ".join(lines) + r"\end{gathered}")
        panels.operands(step)
        panels.draw(walk, step, base, config)
        if "off" in step.values:
            off = step.values["off"]
            words = label("steps", "close", off=off) if off else label("steps", "exact")
            st.caption(f":material/check_circle: {words}")
        panels.table(walk, step)
