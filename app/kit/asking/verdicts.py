"""Verdicts of several checkpoints on one review. The review itself is never drawn as Markdown or HTML.

Every number is p(positive), on the cards, in the chart and in the table. The order is that of the question, whatever
is answered: who follows the third card finds it in the same place for the next review.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import streamlit as st

from app import services
from app.content import label
from app.kit import figure, present, theme
from app.kit.asking.classes import named
from app.kit.formats import NOTHING, with_interval
from app.kit.plain import escaped
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.methods.registry import method_label
from peft_core.reviews.config import REVIEWS, Learned
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.reviews.spreadsheet import safe_cell

if TYPE_CHECKING:
    from peft_core.checkpoints.asking.predictor import Prediction

Model = CheckpointInfo | str  # a checkpoint, or a base model by its name, as `services.ask` takes them
MOST_A_ROW = 3  # cards


@dataclass(frozen=True)
class Verdict:
    """What one checkpoint, or a base model that nobody has fine-tuned, says."""

    model: Model
    title: str
    prediction: "Prediction"

    @property
    def label(self) -> str:
        """Which of the two: of own texts, too, the second class is the positive one."""
        return LABEL_WORDS[self.probability > 0.5]

    @property
    def words(self) -> str:
        """What is answered, with its sign; a class's name letter for letter."""
        return named(self.prediction.labels).written_verdict(self.probability > 0.5)

    @property
    def probability(self) -> float:
        return self.prediction.probability_positive


def name_of(model: Model) -> str:
    """What it is called in a link."""
    return model if isinstance(model, str) else model.name


def learned_of(models: Iterable[Model]) -> Learned:
    """The task that they have learned, all the same one. Base models alone are asked about the film reviews."""
    return next((model.record.learned for model in models if not isinstance(model, str)), REVIEWS)


def base_of(model: Model) -> str:
    """The base model, by its name."""
    return model if isinstance(model, str) else model.base


def ask(review: str, models: Sequence[Model]) -> list[Verdict]:
    """Everyone's verdict; on the screen a sentence for each that cannot answer."""
    called = titles([*services.askable(), *models])
    answers, refusals = [], []
    for model, found in zip(models, services.ask([review], models), strict=True):
        if isinstance(found, list):
            answers.append(Verdict(model, called[name_of(model)], *found))
        else:
            refusals.append(str(found))
    for refusal in dict.fromkeys(refusals):  # what is wrong with the review, each of them says
        st.error(escaped(refusal), icon=":material/error:")
    return answers


def show(verdicts: Sequence[Verdict]) -> None:
    """What to know before the answers; the answers, those that contradict the others in a frame; every number."""
    _notes(verdicts)
    odd = contradicting([v.label for v in verdicts])
    if len(verdicts) > 1:
        st.markdown(f"**{label('playground', 'disagree' if odd else 'agree')}**")
    for first in range(0, len(verdicts), MOST_A_ROW):
        row = verdicts[first : first + MOST_A_ROW]
        columns = st.columns(min(len(verdicts), MOST_A_ROW))
        for place, (column, verdict) in enumerate(zip(columns, row, strict=False), first):
            with column:
                _card(verdict, place, framed=place in odd)
    _chart(verdicts)
    _table(verdicts)


def contradicting(answers: Sequence[str]) -> set[int]:
    """The places of the rarer answer; where both are as frequent, of what the first does not say. Empty: all agree."""
    often = Counter(answers)
    if len(often) < 2:
        return set()
    usual = max(often, key=lambda answer: (often[answer], answer == answers[0]))
    return {place for place, answer in enumerate(answers) if answer != usual}


def warn(note: str, doubtful: bool) -> None:
    """A sentence of the library on a review, where it is seen before the answer."""
    (st.warning if doubtful else st.info)(escaped(note), icon=f":material/{'warning' if doubtful else 'info'}:")


def _notes(verdicts: Sequence[Verdict]) -> None:
    said = {note: v.prediction.doubtful for v in verdicts for note in v.prediction.notes}
    for note, doubtful in said.items():
        warn(note, doubtful)


def _card(verdict: Verdict, place: int, framed: bool) -> None:
    """In the colour and with the marker of its method: `theme.tidy` has the rules for these keys."""
    method = "base" if isinstance(verdict.model, str) else verdict.model.method
    marks = "_framed" * framed + "_doubtful" * verdict.prediction.doubtful
    with st.container(border=True, key=f"verdict_{verdict.label}_of_{method}_at_{place}{marks}"):
        p = label("playground", "p", name=escaped(verdict.prediction.labels[1]), p=f"{verdict.probability:.1%}")
        st.metric(escaped(verdict.title), verdict.words, p, delta_color="off", delta_arrow="off")


def one_a_method(infos: Iterable[CheckpointInfo]) -> list[str]:
    """The first shipped checkpoint of each method."""
    best: dict[str, str] = {}
    for info in infos:
        if info.shipped:
            best.setdefault(info.method, info.name)
    return list(best.values())


def titles(models: Iterable[Model]) -> dict[str, str]:
    """What a person calls each checkpoint and base model, by its name in a link: no two are called the same.

    A run is called by its configuration; the base model and the end of its id are added where they tell it apart.
    """
    models = list(models)
    infos = [model for model in models if not isinstance(model, str)]
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
    untrained = {
        base: label("playground", "untrained", base=Path(base).name) for base in models if isinstance(base, str)
    }
    return called | untrained


def _probability_of(verdicts: Sequence[Verdict]) -> str:
    """What every number is the probability of."""
    return label("playground", "probability_of", name=verdicts[0].prediction.labels[1])


def _chart(verdicts: Sequence[Verdict]) -> None:
    rows = pd.DataFrame(
        [
            {"checkpoint": v.title, "p": v.probability, "label": v.label, "words": f"{v.probability:.1%}"}
            for v in verdicts
        ]
    )
    listed = "; ".join(f"{row.checkpoint} {row.words}" for row in rows.itertuples())
    form = _form(_probability_of(verdicts), theme.is_dark())
    spec = figure.filled(form, {"rows": rows}, {}, height=60 + (22 if present.on() else 40) * len(rows))
    figure.draw(spec, "verdict_chart", label("playground", "chart_alt", rows=listed))


@lru_cache(maxsize=16)
def _form(probability_of: str, dark: bool) -> str:
    """Only its rows, as `figure.filled` puts them in, differ from answer to answer. `dark` is for the cache."""
    x = alt.X("p:Q", title=probability_of, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    y = alt.Y("checkpoint:N", sort=None, title=None, axis=alt.Axis(labelLimit=260))
    base = alt.Chart(alt.NamedData("rows")).encode(x=x, y=y)
    kinds = ["positive", "negative"]
    styles = [theme.POSITIVE, theme.NEGATIVE]
    points = base.mark_point(filled=True, size=200, opacity=1).encode(
        color=alt.Color("label:N", scale=alt.Scale(domain=kinds, range=[s.colour for s in styles]), legend=None),
        shape=alt.Shape("label:N", scale=alt.Scale(domain=kinds, range=[s.shape for s in styles]), legend=None),
    )
    left = base.transform_filter("datum.p > 0.85").mark_text(align="right", dx=-14, fontSize=14, color=theme.ink())
    right = base.transform_filter("datum.p <= 0.85").mark_text(align="left", dx=14, fontSize=14, color=theme.ink())
    middle = alt.Chart(alt.NamedData("rows")).mark_rule(color=theme.frozen(), strokeDash=[4, 4])
    chart = middle.encode(x=alt.datum(0.5)) + points
    for names in (left, right):
        chart += names.encode(text=alt.Text("words:N"))
    return figure.form(theme.readable(chart.properties(height=0)))


def _table(verdicts: Sequence[Verdict]) -> None:
    task = learned_of(v.model for v in verdicts).task_key
    rows = []
    for v in verdicts:
        record = None if isinstance(v.model, str) else v.model.record
        test = record.test if record else services.untrained_test(v.model, task)
        rows.append(
            {
                label("playground", "checkpoint"): v.title,
                label("playground", "what"): method_label(record.method) if record else NOTHING,
                label("playground", "verdict"): safe_cell(v.prediction.label),
                _probability_of(verdicts): f"{v.probability:.1%}",
                label("playground", "accuracy"): with_interval(test) if test else NOTHING,
                label("playground", "trainable"): f"{record.trainable_parameters:,}" if record else "0",
            }
        )
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="verdict_table")
