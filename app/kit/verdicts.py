"""Verdicts of several checkpoints on one review. The review itself is never drawn as Markdown or HTML."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import theme
from app.kit.plain import escaped
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.reviews.splits import LABEL_WORDS

if TYPE_CHECKING:
    from peft_core.checkpoints.predictor import Prediction


@dataclass(frozen=True)
class Verdict:
    """What one checkpoint says, or (info None) the base model itself."""

    info: CheckpointInfo | None
    title: str
    prediction: "Prediction"

    @property
    def label(self) -> str:
        """Which of the two: of own texts, too, the second class is the positive one."""
        return LABEL_WORDS[self.probability > 0.5]

    @property
    def words(self) -> str:
        """What is answered, with its sign; a class's name letter for letter."""
        given = self.prediction.labels == LABEL_WORDS
        return (
            f"{theme.sign(self.label)} {label('playground', self.label) if given else escaped(self.prediction.label)}"
        )

    @property
    def probability(self) -> float:
        return self.prediction.probability_positive


def show(verdicts: list[Verdict]) -> None:
    """Disagreement first, then the rarer verdict first, then every number."""
    answers = [v.label for v in verdicts]
    if len(verdicts) > 1:
        agreed = len(set(answers)) == 1
        words = label("playground", "agree") if agreed else label("playground", "disagree")
        st.markdown(f"**{words}**")
    ordered = sorted(verdicts, key=lambda v: (answers.count(v.label), v.probability))
    columns = st.columns(min(len(ordered), 4))
    for position, verdict in enumerate(ordered):
        share = verdict.probability if verdict.label == "positive" else 1 - verdict.probability
        with columns[position % len(columns)].container(border=True, key=f"verdict_{verdict.label}_{position}"):
            st.metric(verdict.title, verdict.words, f"p = {share:.1%}", delta_color="off", delta_arrow="off")
    _chart(ordered)
    for note in dict.fromkeys(note for v in ordered for note in v.prediction.notes):
        st.info(note, icon=":material/info:")
    _table(ordered)


def one_a_method(infos: Iterable[CheckpointInfo]) -> list[str]:
    """The first shipped checkpoint of each method."""
    best: dict[str, str] = {}
    for info in infos:
        if info.shipped:
            best.setdefault(info.method, info.name)
    return list(best.values())


def titles(infos: Iterable[CheckpointInfo]) -> dict[str, str]:
    """What a person calls each checkpoint, by its name: no two are called the same.

    A run is called by its configuration; the base model and the end of its id are added where they tell it apart.
    """
    infos = list(infos)
    several_bases = len({info.base for info in infos}) > 1
    called = {}
    for info in infos:
        words = info.name if info.shipped else info.record.name
        called[info.name] = f"{words} · {Path(info.base).name}" if several_bases else words
    for ending in (6, None):  # a few letters of the id, or all of it
        often = Counter(called.values())
        for name, words in called.items():
            if often[words] > 1:
                called[name] = f"{words} · {name[-ending:] if ending else name}"
    return called


def _probability_of(verdicts: list[Verdict]) -> str:
    """What every number is the probability of."""
    return label("playground", "probability_of", name=verdicts[0].prediction.labels[1])


def _chart(verdicts: list[Verdict]) -> None:
    rows = pd.DataFrame(
        [
            {"checkpoint": v.title, "p": v.probability, "label": v.label, "words": f"{v.probability:.1%}"}
            for v in verdicts
        ]
    )
    names = rows["checkpoint"].tolist()
    x = alt.X("p:Q", title=_probability_of(verdicts), scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    base = alt.Chart(rows).encode(x=x, y=alt.Y("checkpoint:N", sort=names, title=None, axis=alt.Axis(labelLimit=260)))
    kinds = ["positive", "negative"]
    styles = [theme.POSITIVE, theme.NEGATIVE]
    points = base.mark_point(filled=True, size=200, opacity=1).encode(
        color=alt.Color("label:N", scale=alt.Scale(domain=kinds, range=[s.colour for s in styles]), legend=None),
        shape=alt.Shape("label:N", scale=alt.Scale(domain=kinds, range=[s.shape for s in styles]), legend=None),
    )
    left = base.transform_filter("datum.p > 0.85").mark_text(align="right", dx=-14, fontSize=14, color=theme.ink())
    right = base.transform_filter("datum.p <= 0.85").mark_text(align="left", dx=14, fontSize=14, color=theme.ink())
    middle = (
        alt.Chart(pd.DataFrame({"half": [0.5]})).mark_rule(color=theme.frozen(), strokeDash=[4, 4]).encode(x="half:Q")
    )
    chart = middle + points + left.encode(text="words:N") + right.encode(text="words:N")
    listed = "; ".join(f"{row.checkpoint} {row.words}" for row in rows.itertuples())
    st.altair_chart(
        theme.readable(chart.properties(height=60 + 40 * len(rows))),
        width="stretch",
        key="verdict_chart",
        alt=label("playground", "chart_alt", rows=listed),
    )


def _table(verdicts: list[Verdict]) -> None:
    rows = []
    for v in verdicts:
        test = v.info and v.info.record.test
        measured = f"{test.accuracy:.1%} ({test.low:.1%} to {test.high:.1%})" if test else "–"
        rows.append(
            {
                label("playground", "checkpoint"): v.title,
                label("playground", "verdict"): v.prediction.label,
                _probability_of(verdicts): f"{v.probability:.1%}",
                label("playground", "accuracy"): measured,
                label("playground", "trainable"): f"{v.info.record.trainable_parameters:,}" if v.info else "0",
                label("playground", "milliseconds"): f"{1000 * v.prediction.seconds:.0f}",
            }
        )
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="verdict_table")
