"""How sure is a checkpoint? Three questions of its stored test answers, one at a time."""

import streamlit as st

from app import services
from app.content import label
from app.kit import url
from app.kit.asking import stored_answers, verdicts
from app.kit.asking.classes import classes_of
from app.kit.plain import escaped
from app.playground.how_sure import reliability, temperature, threshold
from app.playground.how_sure.threshold import Tested
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError

PARTS = {"reliability": reliability.draw, "temperature": temperature.draw, "threshold": threshold.draw}


def draw(chosen: list[CheckpointInfo]) -> None:
    """The question of the link, asked of every checkpoint whose test answers are known."""
    classes = classes_of(verdicts.learned_of(chosen))
    names = {name: label("calibration", f"part_{name}", **classes.written) for name in PARTS}
    part = url.screen_of("sure", label("calibration", "part"), names, untitled=False)
    loaded = services.libraries()
    if not loaded.finished.is_set() or loaded.error:
        st.info(loaded.error or label("calibration", "loading"), icon=":material/hourglass_top:")
        return
    if tested := _tested(chosen):
        PARTS[part](tested, classes)


def _tested(chosen: list[CheckpointInfo]) -> list[Tested]:
    """The checkpoints whose predictions are known; a sentence for each of the others."""
    called = verdicts.titles({info.name: info for info in (*services.askable(), *chosen)}.values())
    found, without = [], []
    for info in chosen:
        title = called[info.name]
        if info.why:
            st.info(f"{escaped(title)}: {escaped(info.why)}", icon=":material/info:")
        elif info.record.test_probabilities is None:
            without.append(info)
        elif info.record.config.data.source != "bundled" and not info.record.learned.own:
            st.info(label("calibration", "elsewhere", name=escaped(title)), icon=":material/info:")
        else:
            try:
                with st.spinner(label("calibration", "reading")):
                    stored = stored_answers.answers(info)
            except (OSError, PeftClassroomError) as error:
                st.info(f"{escaped(title)}: {escaped(error)}", icon=":material/info:")
                continue
            found.append(Tested(info, title, *stored))
    if without:
        names = ", ".join(escaped(called[info.name]) for info in without)
        st.info(label("calibration", "not_stored", names=names), icon=":material/info:")
        commands = "\n".join(f"python -m peft_core evaluate {info.name} --store" for info in without)
        st.code(commands, language="bash")
    return found
