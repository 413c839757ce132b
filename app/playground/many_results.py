"""The answers to many reviews: a line a checkpoint, a line a review, and the file to keep. Texts are in cells only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.kit import saving
from app.kit.asking import verdicts
from app.kit.asking.classes import named
from app.kit.asking.verdicts import Model, name_of
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.reviews.spreadsheet import Reviews, safe_cell, write_csv
from peft_core.statistics.calibration import confusion
from peft_core.statistics.intervals import wilson

if TYPE_CHECKING:
    from peft_core.checkpoints.asking.predictor import Prediction


Labels = tuple[str, str]  # the two classes' names


@dataclass
class Answers:
    """One checkpoint's answers so far: p("positive") by row, and notes by row."""

    n: int
    positive: dict[int, float] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return len(self.positive) == self.n

    def missing(self, rows: Iterable[int]) -> bool:
        return any(row not in self.positive for row in rows)

    def add(self, row: int, prediction: "Prediction") -> None:
        """Take an answer; one that is there already stays."""
        if row in self.positive:
            return
        self.positive[row] = prediction.probability_positive
        if prediction.notes:
            self.notes[row] = " ".join(prediction.notes)


def show(reviews: Reviews, done: list[Model], answers: Mapping[str, Answers], labels: Labels) -> None:
    """Everything about the reviews that all checkpoints in `done` have answered."""
    called = verdicts.titles({name_of(model): model for model in (*services.askable(), *done)}.values())
    titles = {name_of(model): called[name_of(model)] for model in done}
    frame = review_rows(reviews, titles, answers, labels)
    if len(done) > 1:
        n = int(frame["disagree"].sum())
        st.markdown(f"**{label('many', 'disagree', n=f'{n:,}', total=f'{len(frame):,}')}**")
    _checkpoint_table(reviews, titles, answers)
    number, words = st.column_config.NumberColumn, st.column_config.TextColumn
    names = list(titles)
    frame[names] = 100 * frame[names]
    theirs = ["text"] if labels == LABEL_WORDS else ["text", "verdict", "truth"]
    for column in frame.columns.intersection(theirs):  # a browser saves a table as it is
        frame[column] = frame[column].map(safe_cell)
    order = [c for c in ("row", "verdict", "truth", "text", *names, "note") if c in frame]
    st.dataframe(
        frame[order],
        hide_index=True,
        width="stretch",
        key="many_table",
        column_config={
            "row": number(label("many", "row"), width=55),
            "verdict": words(label("many", "verdict"), width=95),
            "truth": words(label("many", "truth"), width=95),
            "text": words(label("many", "review"), width=430),
            "note": words(label("many", "note"), width="medium"),
            **{name: number(title, format="%.1f%%") for name, title in titles.items()},
        },
    )
    st.caption(text("many", "reading", **named(labels).written))
    table = partial(result_file, reviews, titles, answers, labels)
    saving.button(label("many", "download"), table, "reviews-classified.csv", "text/csv", key="many_download")


def review_rows(
    reviews: Reviews, titles: Mapping[str, str], answers: Mapping[str, Answers], labels: Labels = LABEL_WORDS
) -> pd.DataFrame:
    """A row a review, those on which the checkpoints disagree first. A checkpoint's column holds p("positive")."""
    rows, classes = [], named(labels)
    for position, (number, words) in enumerate(zip(reviews.rows, reviews.texts, strict=True)):
        positive = {name: answers[name].positive[position] for name in titles}
        for_it = sum(p > 0.5 for p in positive.values())
        row = {"row": number, "text": words, "disagree": 0 < for_it < len(positive)}
        if reviews.labels is not None:
            truth = reviews.labels[position]
            row["truth"] = "" if truth is None else classes.verdict(bool(truth))
        row["verdict"] = (
            label("many", "split", yes=for_it, no=len(positive) - for_it)
            if row["disagree"]
            else classes.verdict(for_it > 0)
        )
        row |= positive
        note = " ".join(dict.fromkeys(answers[name].notes.get(position, "") for name in titles)).strip()
        rows.append(row | {"note": note})
    frame = pd.DataFrame(rows)
    if not frame["note"].any():
        frame = frame.drop(columns="note")
    return frame.sort_values("disagree", ascending=False, kind="stable")


def _checkpoint_table(reviews: Reviews, titles: Mapping[str, str], answers: Mapping[str, Answers]) -> None:
    """How often each checkpoint says what, and, where labels are given, how often it is right.

    Not how fast: those that share the base model are computed together, so no one's time can be told.
    """
    labels = reviews.labels or ()
    known = [position for position, truth in enumerate(labels) if truth is not None]
    rows = []
    for name, title in titles.items():
        given = answers[name]
        yes = sum(p > 0.5 for p in given.positive.values())
        row = {"checkpoint": title, "positive": f"{yes:,}", "negative": f"{given.n - yes:,}"}
        if known:
            counts = confusion(
                np.array([given.positive[i] for i in known]), np.array([labels[i] for i in known], dtype=int)
            )
            right = wilson(counts.true_positive + counts.true_negative, counts.n)
            row["accuracy"] = label(
                "many", "interval", accuracy=f"{right.accuracy:.1%}", low=f"{right.low:.1%}", high=f"{right.high:.1%}"
            )
            row |= {"missed": f"{counts.false_negative:,}", "wrongly": f"{counts.false_positive:,}"}
        rows.append(row)
    headings = {column: label("many", f"column_{column}") for column in rows[0]}
    st.dataframe(pd.DataFrame(rows).rename(columns=headings), hide_index=True, width="stretch", key="many_checkpoints")
    if known:
        st.caption(label("many", "labelled", n=f"{len(known):,}", total=f"{len(reviews.texts):,}"))


def result_file(
    reviews: Reviews, titles: Mapping[str, str], answers: Mapping[str, Answers], labels: Labels = LABEL_WORDS
) -> bytes:
    """The CSV file to keep, in the order of the source: row, text, label if given, verdict and p of each checkpoint."""
    header = [label("many", "row"), label("many", "review")]
    header += [label("many", "truth")] if reviews.labels is not None else []
    for title in titles.values():
        header += [
            label("many", "file_verdict", name=title),
            label("many", "file_probability", of=labels[1], name=title),
        ]
    rows = []
    for position, (number, words) in enumerate(zip(reviews.rows, reviews.texts, strict=True)):
        row: list[object] = [number, words]
        if reviews.labels is not None:
            truth = reviews.labels[position]
            row.append("" if truth is None else labels[truth])
        for name in titles:
            p = answers[name].positive[position]
            row += [labels[p > 0.5], round(p, 6)]
        rows.append(row)
    return write_csv(header, rows, reviews.delimiter)
