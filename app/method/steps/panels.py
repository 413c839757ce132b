"""What a step shows below its formula: heat-maps for most, the tokens at the beginning, the answer at the end."""

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import theme
from app.kit.plain import escaped
from app.method.steps import charts as steps_charts
from app.method.steps.controls import token_name
from peft_core.methods.registry import MethodConfig, method_label
from peft_core.methods.steps import Step, Tensor, Walk
from peft_core.t5.architecture import BaseModel

OF_ITS_OWN = ("tokens", "prompt_attention", "answer")  # steps that are drawn in another way than as signed heat-maps


def operands(step: Step) -> None:
    """Shape and norm of what goes in and is not drawn: mostly weights."""
    drawn = set() if step.key in OF_ITS_OWN else {tensor.name for panel in step.panels for tensor in panel}
    facts = []
    for o in step.operands:
        if o.name not in drawn:
            sizes = steps_charts.shape(o.shape)
            facts.append(label("steps", "operand", name=escaped(o.name), shape=sizes, norm=steps_charts.number(o.norm)))
    if facts:
        st.caption(label("steps", "goes_in", operands=" · ".join(facts)))


def draw(walk: Walk, step: Step, base: BaseModel, config: MethodConfig) -> None:
    """The figures of this step."""
    if step.key == "tokens":
        _tokens(walk)
    elif step.key == "answer":
        _answer(step, base, config)
    elif step.key == "prompt_attention":
        _attention(walk, step.result)
    else:
        for position, tensors in enumerate(step.panels):
            key = f"steps_chart_{step.key}_{position}"
            if tensors[0].values.ndim == 1:
                steps_charts.strips(tensors, key, last=position == len(step.panels) - 1)
            else:
                steps_charts.matrix(tensors[0], row_names(walk, tensors[0]), _first_row(walk, tensors[0]), key)
        signs = step.result.values.ndim == 1  # negative cells of a strip have a minus, those of a matrix are too small
        st.caption(label("steps", "colours" if signs else "colours_matrix"))


def row_names(walk: Walk, tensor: Tensor) -> list[str]:
    """Names of the rows of a matrix; tokens are user text."""
    size = len(tensor.values)
    pieces, virtual = _pieces(walk), [label("steps", "prompt_row", number=i + 1) for i in range(size)]
    if tensor.axes[0] == "token":
        return pieces
    if tensor.axes[0] == "position":
        return [*virtual[: size - len(pieces)], *pieces]
    if tensor.axes[0] == "virtual token":
        return virtual
    if tensor.axes[0] == "head":
        return [label("steps", "head", number=i + 1) for i in range(size)]
    return [str(i + 1) for i in range(size)]


def _pieces(walk: Walk) -> list[str]:
    """The tokens of the text, the chosen one with a mark."""
    names = [token_name(number, token) for number, token in enumerate(walk.reading.tokens, start=1)]
    if walk.place.reads_review:
        names[walk.token] = f"▸ {names[walk.token]}"
    return names


def _first_row(walk: Walk, tensor: Tensor) -> int:
    """The chosen token, or where the prompt ends, is among the rows that fit."""
    size = len(tensor.values)
    middle = {"token": walk.token, "position": size - len(walk.reading.tokens)}.get(tensor.axes[0], 0)
    return max(0, min(middle - steps_charts.ROWS // 2, size - steps_charts.ROWS))


def _tokens(walk: Walk) -> None:
    rows = pd.DataFrame(
        {
            label("steps", "position"): range(1, len(walk.reading.tokens) + 1),
            label("steps", "piece"): [token.piece for token in walk.reading.tokens],
            label("steps", "id"): [token.id for token in walk.reading.tokens],
            label("steps", "part"): [label("steps", f"part_{token.part}") for token in walk.reading.tokens],
        }
    )
    st.dataframe(rows, hide_index=True, width="stretch", height=300, key="steps_tokens")


def _attention(walk: Walk, share: Tensor) -> None:
    """Heads × tokens, from 0 to 1; the chosen token's column is framed."""
    heads, pieces = row_names(walk, share), _pieces(walk)
    cells = pd.DataFrame(
        [
            {"head": head, "token": piece, "share": float(value)}
            for head, row in zip(heads, share.values, strict=True)
            for piece, value in zip(pieces, row, strict=True)
        ]
    )
    pale = "#2A313B" if theme.is_dark() else "#F1F2F4"
    base = alt.Chart(cells).encode(
        x=alt.X("token:N", sort=pieces, axis=alt.Axis(title=None, labelAngle=-45, labelLimit=80, labelOverlap=True)),
        y=alt.Y("head:N", sort=heads, axis=alt.Axis(title=None, labelOverlap=False, ticks=False, domain=False)),
        tooltip=[
            alt.Tooltip("head:N", title=label("steps", "row")),
            alt.Tooltip("token:N", title=label("steps", "token")),
            alt.Tooltip("share:Q", title=label("steps", "share"), format=".1%"),
        ],
    )
    ramp = alt.Scale(domain=[0, 1], range=[pale, theme.METHOD["soft_prompt"].colour], interpolate="rgb")
    map_ = base.mark_rect().encode(color=alt.Color("share:Q", scale=ramp, legend=None))
    frame = base.transform_filter(alt.datum.token == pieces[walk.token]).mark_rect(
        fill=None, stroke=theme.ink(), strokeWidth=1.5
    )
    st.caption(" · ".join([escaped(label("steps", "share")), label("steps", "scale_share")]))
    low, high = (steps_charts.number(float(v)) for v in (share.values.min(), share.values.max()))
    size = label("steps", "numbers", count=steps_charts.shape(share.shape))
    words = label("steps", "heat_alt", what=label("steps", "share"), numbers=size, low=low, high=high)
    chart = (map_ + frame).properties(height=22 * len(heads) + 70)
    st.altair_chart(theme.readable(chart), width="stretch", key="steps_attention", alt=words)


def _answer(step: Step, base: BaseModel, config: MethodConfig) -> None:
    """With the method, and the base model alone: two scores each, and p on a line from 0 to 1."""
    names = [method_label(config), label("steps", "base_alone", base=base.name)]
    v = step.values
    lines = [" | ".join(label("steps", name) for name in ("who", "negative_score", "positive_score")), ":--|--:|--:"]
    for name, (negative, positive) in zip(names, (v["z"], v["z_base"]), strict=True):
        lines.append(f"{escaped(name)} | {negative:.3f} | {positive:.3f}")
    st.markdown("\n".join(f"| {line} |" for line in lines))
    rows = pd.DataFrame({"who": names, "p": [v["p"], v["p_base"]], "words": [f"{v['p']:.1%}", f"{v['p_base']:.1%}"]})
    listed = "; ".join(f"{row.who} {row.words}" for row in rows.itertuples())
    st.altair_chart(
        theme.readable(_two_answers(rows, theme.METHOD[config.method])),
        width="stretch",
        key="steps_answer",
        alt=label("steps", "answer_alt", rows=listed),
    )


def _two_answers(rows: pd.DataFrame, style: theme.Style) -> alt.LayerChart:
    """The method in its own colour and marker, the base model as a square; each with its percentage."""
    names = rows["who"].tolist()
    axis = alt.Axis(format="%", title=label("steps", "answer_axis"), values=[0, 0.25, 0.5, 0.75, 1])
    base = alt.Chart(rows).encode(
        x=alt.X("p:Q", scale=alt.Scale(domain=[0, 1]), axis=axis),
        y=alt.Y("who:N", sort=names, axis=alt.Axis(title=None, labelLimit=190)),
    )
    points = base.mark_point(filled=True, size=200, opacity=1).encode(
        color=alt.Color("who:N", scale=alt.Scale(domain=names, range=[style.colour, theme.frozen()]), legend=None),
        shape=alt.Shape("who:N", scale=alt.Scale(domain=names, range=[style.shape, "square"]), legend=None),
    )
    words = {"fontSize": 14, "color": theme.ink()}
    left = (
        base.transform_filter("datum.p > 0.6")
        .mark_text(align="right", dx=-14, **words)
        .encode(text=alt.Text("words:N"))
    )
    right = (
        base.transform_filter("datum.p <= 0.6").mark_text(align="left", dx=14, **words).encode(text=alt.Text("words:N"))
    )
    half = alt.Chart(pd.DataFrame({"half": [0.5]})).mark_rule(color=theme.frozen(), strokeDash=[4, 4])
    return (half.encode(x=alt.X("half:Q")) + points + left + right).properties(height=140)


def table(walk: Walk, step: Step) -> None:
    """The numbers behind the colours: for those who cannot see them, and for checking."""
    if step.key in ("tokens", "answer"):
        return
    with st.expander(label("steps", "table")):
        last = step.panels[-1]
        if last[0].values.ndim == 1:
            numbers = pd.DataFrame({tensor.name: tensor.values for tensor in last})
            numbers.index = pd.RangeIndex(1, len(numbers) + 1, name=label("steps", "index"))
        else:
            numbers = pd.DataFrame(last[0].values, index=row_names(walk, last[0]))
            numbers.columns = [str(i + 1) for i in range(numbers.shape[1])]
        st.dataframe(numbers, width="stretch", height=300, key=f"steps_table_{step.key}")
