"""How wide? What the shipped checkpoints with different bottlenecks reached, and whether that tells them apart."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit.formats import with_interval
from app.kit.plain import escaped
from app.method.quiz.questions import load
from app.method.quiz.questions.facts import StillLoading
from app.method.quiz.questions.recorded import evidence
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.architecture import BaseModel


def draw(base: BaseModel, config: AdapterConfig) -> None:
    """Claim, the measured widths, the paired test of the narrowest and the widest."""
    st.markdown(text("method/adapter", "width"))
    try:
        facts = load(services.checkpoints(), services.libraries().finished.is_set())
    except PeftClassroomError as error:
        st.error(escaped(error))
        return
    infos = sorted(
        (info for info in facts.checkpoints if info.method == "adapter"),
        key=lambda info: (info.record.config.method.bottleneck_dim, info.name),
    )
    if len(infos) > 1:
        st.markdown(table(infos))
        try:
            widest = max(
                infos, key=lambda info: info.record.config.method.bottleneck_dim
            )  # the first: of the same seed
            st.markdown(evidence(facts.compare(widest, infos[0])))
        except StillLoading:
            st.info(label("quiz", "loading"), icon=":material/hourglass_top:")
            services.rerun_when_ready(examples=True)
    st.markdown(text("method/adapter", "width_source"))


def table(infos: list[CheckpointInfo]) -> str:
    """Width, trained numbers and test accuracy of each checkpoint."""
    lines = [" | ".join(label("method/adapter", f"column_{name}") for name in ("width", "trained", "test", "seed"))]
    lines.append(":--|--:|--:|--:")
    for info in infos:
        record, test = info.record, info.record.test
        measured = with_interval(Accuracy(test.accuracy, test.low, test.high, test.n))
        cells = (
            f"m = {record.config.method.bottleneck_dim} (`{info.name}`)", f"{record.trainable_parameters:,}", measured,
            f"{record.config.train.seed}",
        )  # fmt: skip
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines)
