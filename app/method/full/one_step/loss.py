"""What is made small: the cross-entropy of the label word after one decoder step, on the student's own words."""

from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.kit import theme, url
from app.kit.plain import escaped
from app.method.steps.controls import words
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.t5.architecture import BaseModel

if TYPE_CHECKING:
    from peft_core.analysis.walkthrough.decoder_step import DecoderStep

PAGE, TRUTH = "method/full", "step_truth"
BAR, AXIS = 27, 40  # pixels
STYLE = {"positive": theme.POSITIVE, "negative": theme.NEGATIVE}


def draw(base: BaseModel, config: MethodConfig) -> None:
    """Words and their true label → a probability for every word → the loss, and where it pushes."""
    st.markdown(text(PAGE, "loss"))
    if why_not := services.why_not_loadable(base.name):
        st.info(label("steps", "not_here", base=base.name, why=escaped(why_not)), icon=":material/cloud_off:")
        return
    if services.libraries().error or not services.libraries().ready.is_set():
        st.info(services.libraries().error or label("steps", "loading"), icon=":material/hourglass_top:")
        return
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        typed = words()
    url.from_link(TRUTH, LABEL_WORDS, LABEL_WORDS[1])
    with right:
        truth = st.segmented_control(
            label(PAGE, "loss_truth"), LABEL_WORDS, key=TRUTH, required=True,
            format_func=lambda word: f"{theme.sign(word)} {label('playground', word)}",
        )  # fmt: skip
    url.remember(TRUTH, truth, LABEL_WORDS[1])
    try:
        with st.spinner(label("steps", "computing")):
            step = _step(base.name, typed)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    number = LABEL_WORDS.index(truth)
    p = step.labels[number]
    _chart(step, truth)
    st.latex(rf"\mathrm{{loss}} = -\ln {p:.3g} = {step.loss(number):.3f}")
    st.markdown(text(PAGE, "loss_pushes", truth=truth, up=1 - p, vocabulary=step.vocabulary - 1))
    st.caption(text(PAGE, "loss_forcing", base=base.name))


@st.cache_data(max_entries=64, show_spinner=False)
def _step(base: str, typed: str) -> "DecoderStep":
    from peft_core.analysis.walkthrough.decoder_step import decoder_step

    with services.exclusive_predictor(base) as predictor:
        return decoder_step(predictor.backbone, predictor.backbone.model, typed, shown=4)


def _chart(step: "DecoderStep", truth: str) -> None:
    """The likeliest words, the label words among them, and all the rest in one bar."""
    shares = dict(step.likeliest) | dict(zip(LABEL_WORDS, step.labels, strict=True))
    rows = [{"word": word, "p": p} for word, p in sorted(shares.items(), key=lambda item: -item[1])]
    others = label(PAGE, "loss_others", n=f"{step.vocabulary - len(shares):,}")
    rows.append({"word": others, "p": max(0.0, 1 - sum(shares.values()))})
    for row in rows:
        name = f"{row['word']}  ←" if row["word"] == truth else row["word"]
        row["words"] = f"{name}  {row['p']:.3f}" if row["p"] >= 0.0005 else f"{name}  {row['p']:.0e}"
        row["colour"] = STYLE[row["word"]].colour if row["word"] in STYLE else theme.frozen()
    frame = pd.DataFrame(rows)
    base = alt.Chart(frame).encode(
        y=alt.Y("word:N", sort=[row["word"] for row in rows], axis=None), tooltip=alt.TooltipValue(None)
    )
    x = alt.X("p:Q", title=label(PAGE, "loss_axis", start=step.start), scale=alt.Scale(domain=[0, 1.35]))
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format="%", grid=False)
    bars = base.mark_bar(size=18).encode(x=x.axis(axis), color=alt.Color("colour:N", scale=None))
    names = base.mark_text(align="left", dx=8, fontSize=14, color=theme.ink()).encode(
        x=alt.X("p:Q"), text=alt.Text("words:N")
    )
    said = "; ".join(row["words"] for row in rows)
    chart = theme.readable((bars + names).properties(height=AXIS + BAR * len(rows)))
    st.altair_chart(chart, width="stretch", key="loss_chart", alt=label(PAGE, "loss_alt", rows=said))
