"""The hand calculation, line by line, beside what `numel()` says of the real model."""

import streamlit as st

from app import services
from app.content import label, text
from app.method.parts import words
from peft_core.counting.by_hand import Count
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import BaseModel


def headline(result: Count) -> None:
    """The number first; the sentence puts it into proportion."""
    st.metric(label("count", "trainable"), f"{result.trainable_parameters:,}")
    values = {"total": f"{result.total_parameters:,}", "share": f"{100 * result.trainable_fraction:.3g}%"}
    st.markdown(label("count", "proportion", **values))


def hand_and_numel(base: BaseModel, config: MethodConfig, result: Count) -> None:
    """The lines with their sum, and the verdict: a tick, or the difference."""
    seen = services.numel_by_part(base, config)
    rows = [
        (f"{words(line.part)}: {line.product}", line.value, seen and seen.get(line.part, 0)) for line in result.lines
    ]
    rows.append((f"**{label('count', 'sum')}**", result.trainable_parameters, seen and sum(seen.values())))
    names = (label("count", "by_hand"), label("count", "line_number"), "`numel()`", label("count", "line_same"))
    head = f"| {' | '.join(names)} |\n|:--|--:|--:|:--|"
    st.markdown("\n".join([head, *(_row(*row) for row in rows)]))
    verdict(base, config, result)
    if not method_of(config).owns_weights:
        base_parameters = result.total_parameters - result.trainable_parameters
        of_base = f"{result.trainable_parameters / base_parameters:.4%}"
        st.caption(text("common", "percent", of_total=f"{result.trainable_fraction:.4%}", of_base=of_base))


def _row(what: str, by_hand: int, numel: int | None) -> str:
    if numel is None:
        return f"| {what} | {by_hand:,} | … | |"
    tick = "✓" if numel == by_hand else f"{by_hand - numel:+,}"
    return f"| {what} | {by_hand:,} | {numel:,} | {tick} |"


def verdict(base: BaseModel, config: MethodConfig, result: Count) -> None:
    """What `numel()` over the real model says, beside the sum by hand."""
    audit = services.numel(base, config)
    if audit is None:
        st.info(services.libraries().error or label("count", "waiting"), icon=":material/hourglass_top:")
        return
    model = label("count", "numel_of_config" if audit.config_file else "numel_of_shapes")
    values = {"model": model, "numel": f"{audit.numel_trainable:,}", "total": f"{audit.numel_total:,}"}
    hand = (result.trainable_parameters, result.total_parameters)
    if hand == (audit.numel_trainable, audit.numel_total):
        st.success(label("count", "agree", **values), icon=":material/check_circle:")
    else:
        values["difference"] = f"{hand[0] - audit.numel_trainable:+,}"
        st.error(label("count", "differ", **values), icon=":material/error:")
