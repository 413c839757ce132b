"""The hand calculation, line by line, beside what `numel()` says of the real model."""

import altair as alt
import pandas as pd
import streamlit as st

from app import services
from app.components import theme
from app.content import label, text
from peft_core.architecture import BaseModel
from peft_core.configs import LoraConfig, MethodConfig
from peft_core.counting import Count, count


def headline(result: Count) -> None:
    """The number first; the sentence puts it into proportion."""
    st.metric(label("count", "trainable"), f"{result.trainable_parameters:,}", help=text("common", "percent"))
    values = {"total": f"{result.total_parameters:,}", "share": f"{100 * result.trainable_fraction:.3g}%"}
    st.markdown(label("count", "proportion", **values))


def hand_and_numel(base: BaseModel, config: MethodConfig, result: Count) -> None:
    """The lines with their sum, and the verdict: a tick, or the difference."""
    seen = services.numel_by_place(base.architecture, config)
    rows = [(line.text, line.value, seen and seen.get(line.text.split(":")[0], 0)) for line in result.lines]
    rows.append((f"**{label('count', 'sum')}**", result.trainable_parameters, seen and sum(seen.values())))
    head = f"| {label('count', 'by_hand')} | | `numel()` | |\n|:--|--:|--:|:--|"
    st.markdown("\n".join([head, *(_row(*row) for row in rows)]))
    verdict(base, config, result)


def _row(words: str, by_hand: int, numel: int | None) -> str:
    if numel is None:
        return f"| {words} | {by_hand:,} | … | |"
    tick = "✓" if numel == by_hand else f"{by_hand - numel:+,}"
    return f"| {words} | {by_hand:,} | {numel:,} | {tick} |"


def verdict(base: BaseModel, config: MethodConfig, result: Count) -> None:
    """What `numel()` over the real model says, beside the sum by hand."""
    audit = services.numel(base.architecture, config)
    if audit is None:
        st.info(services.heavy().error or label("count", "waiting"), icon=":material/hourglass_top:")
        return
    values = {"numel": f"{audit.numel_trainable:,}", "total": f"{audit.numel_total:,}"}
    hand = (result.trainable_parameters, result.total_parameters)
    if hand == (audit.numel_trainable, audit.numel_total):
        st.success(label("count", "agree", **values), icon=":material/check_circle:")
    else:
        values["difference"] = f"{hand[0] - audit.numel_trainable:+,}"
        st.error(label("count", "differ", **values), icon=":material/error:")


def rank_chart(base: BaseModel, config: LoraConfig, ranks: range) -> None:
    """Trainable parameters against rank on a log axis, this setting marked, full matrices as a line."""
    shape = base.architecture
    rows = pd.DataFrame(
        {
            "r": list(ranks),
            "count": [count(shape, config.model_copy(update={"r": r})).trainable_parameters for r in ranks],
        }
    )
    per_rank = int(rows["count"].iloc[0])
    full = full_matrices(base, config)
    colour = theme.METHOD["lora"].colour
    x = alt.X("r:Q", title=label("count", "rank_axis"), scale=alt.Scale(domain=[1, ranks[-1]], nice=False))
    y = alt.Y("count:Q", title=label("count", "trainable"), scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"))
    line = alt.Chart(rows).mark_line(color=colour, strokeWidth=3).encode(x=x, y=y)
    here = pd.DataFrame({"r": [config.r], "count": [per_rank * config.r]})
    here["words"] = f"r = {config.r}: {per_rank * config.r:,}"
    point = alt.Chart(here).mark_point(color=colour, filled=True, size=180, shape="cross").encode(x=x, y=y)
    side = "right" if config.r > ranks[-1] / 2 else "left"
    words = alt.Chart(here).mark_text(
        align=side, dx=-12 if side == "right" else 12, dy=16, fontSize=15, color=theme.ink()
    ).encode(x=x, y=y, text="words:N")  # fmt: skip
    limit = pd.DataFrame(
        {"count": [full], "r": [ranks[-1]], "words": [label("count", "full_matrices", full=f"{full:,}")]}
    )
    rule = alt.Chart(limit).mark_rule(color=theme.frozen(), strokeDash=[6, 4], strokeWidth=2).encode(y=y)
    name = alt.Chart(limit).mark_text(align="right", dx=-4, dy=14, fontSize=14, color=theme.ink()).encode(
        x=x, y=y, text="words:N"
    )  # fmt: skip
    st.altair_chart(
        theme.readable((line + rule + name + point + words).properties(height=260)),
        width="stretch",
        key="rank_chart",
        alt=label("count", "chart_alt", r=config.r, count=f"{per_rank * config.r:,}", full=f"{full:,}"),
    )
    st.caption(text("lora", "break_even", rank=-(-full // per_rank), full=f"{full:,}"))


def full_matrices(base: BaseModel, config: LoraConfig) -> int:
    """Weights of the matrices that LoRA wraps here: what training them outright would cost."""
    a = base.architecture
    attention = sum(1 for m in config.target_modules if m in ("q", "k", "v", "o"))
    wide = ("wi" in config.target_modules) * (2 if a.gated else 1) + ("wo" in config.target_modules)
    per_attention = attention * a.d_model * a.inner_dim
    blocks = a.encoder_layers + 2 * a.decoder_layers  # a decoder block has two attentions
    return blocks * per_attention + a.blocks * wide * a.d_model * a.d_ff
