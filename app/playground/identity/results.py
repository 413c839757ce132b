"""One word changes: a heat-map of words × models, the training reviews beside it, and how far each model moves."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import formats, theme
from app.kit.asking import stored_answers
from app.kit.asking.classes import Classes
from app.playground.word_chart import STRONGEST, shortened
from peft_core.analysis.one_word import agreement, moves, rank_correlation
from peft_core.reviews.mentions import Mentions, mentions
from peft_core.reviews.spreadsheet import safe_cell

FEW = 10  # reviews, of which a percentage would say little
ROW = 30  # pixels
HEADINGS = 110


@dataclass(frozen=True)
class Answered:
    """A model's p("positive") for each sentence and word, (sentences, words), and that of its base model."""

    title: str
    is_base: bool
    of_sentences: Sequence[Sequence[float]]
    base_of_sentences: Sequence[Sequence[float]]

    @property
    def p(self) -> list[float]:
        """The mean over the sentences, for each word."""
        return _mean(self.of_sentences)

    @property
    def base(self) -> list[float]:
        return _mean(self.base_of_sentences)


def _mean(of_sentences: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(column) for column in zip(*of_sentences, strict=True)]


def show(words: Sequence[str], models: Sequence[Answered], difference: bool, classes: Classes) -> None:
    """Heat-map, the sentence with the numbers, the table. Beside film reviews, their count in the training reviews."""
    counted = [] if classes.own else in_reviews(tuple(words))
    order = sorted(range(len(words)), key=lambda number: -models[0].base[number])
    cells = _differences(words, models) if difference else [*_reviews(words, counted), *_answers(words, models)]
    _heat_map([words[number] for number in order], cells)
    fine_tuned = [one for one in models if not one.is_base]
    if difference:
        st.caption(text("identity", "reading_difference", **classes.written))
    elif classes.own:
        st.caption(text("identity", "reading_own", base=label("identity", "base"), **classes.written))
    else:
        names = {"base": label("identity", "base"), "reviews": label("identity", "reviews")}
        n = f"{len(stored_answers.splits()['train']):,}"
        st.caption(text("identity", "reading", **names, n=n, few=FEW))
    for base in (one for one in models if one.is_base):
        _in_one_sentence(words, base, [one for one in fine_tuned if one.base_of_sentences == base.of_sentences])
    _table(words, models, counted)


@st.cache_data(max_entries=64, show_spinner=False)
def in_reviews(words: tuple[str, ...]) -> list[Mentions]:
    """How often each word occurs in the training reviews: a second, once for all sessions."""
    train = stored_answers.splits()["train"]
    return mentions(train["text"][:], train["label"][:], words)


# ---------------------------------------------------------------------------------------------------------------------
# Cells


def _cell(word: str, column: str, text: str, score: float, tip: str) -> dict[str, object]:
    """`score` from −1 (negative) to 1 (positive) is the colour."""
    style = theme.POSITIVE if score >= 0 else theme.NEGATIVE
    return {
        "word": word,
        "column": column,
        "text": text,
        "colour": style.colour,
        "strength": STRONGEST * abs(score),
        "tip": tip,
    }


def _answers(words: Sequence[str], models: Sequence[Answered]) -> list[dict[str, object]]:
    return [
        _cell(word, one.title, f"{100 * p:.0f}", 2 * p - 1, f"{one.title}, “{word}”: {p:.1%}")
        for one in models
        for word, p in zip(words, one.p, strict=True)
    ]


def _differences(words: Sequence[str], models: Sequence[Answered]) -> list[dict[str, object]]:
    rows = []
    for one in models:
        if not one.is_base:
            for word, p, before in zip(words, one.p, one.base, strict=True):
                tip = f"{one.title}, “{word}”: {before:.1%} → {p:.1%}"
                rows.append(_cell(word, one.title, _signed(p - before), p - before, tip))
    return rows


def _reviews(words: Sequence[str], counted: Sequence[Mentions]) -> list[dict[str, object]]:
    rows = []
    for word, found in zip(words, counted, strict=True) if counted else ():
        tip = label("identity", "tip_reviews", word=word, n=f"{found.n:,}", positive=f"{found.positive:,}")
        enough = found.n >= FEW
        shown, score = (f"{100 * found.share:.0f}", 2 * found.share - 1) if enough else (formats.NOTHING, 0.0)
        rows.append(_cell(word, label("identity", "reviews"), shown, score, tip))
    return rows


def _signed(share: float) -> str:
    return f"{100 * share:+.0f}".replace("-", "−") if abs(share) >= 0.005 else "0"


def _heat_map(words: Sequence[str], cells: list[dict[str, object]]) -> None:
    frame = pd.DataFrame(cells)
    columns = list(dict.fromkeys(frame["column"]))
    places = {word: number for number, word in enumerate(words)}
    frame["row"], frame["word"] = frame["word"].map(places), [shortened(word, 22) for word in frame["word"]]
    base = alt.Chart(frame).encode(
        y=alt.Y(
            "word:N",
            sort=alt.EncodingSortField("row", "min"),
            title=None,
            axis=alt.Axis(labelLimit=170, labelFlush=False),
        ),
        x=alt.X(
            "column:N",
            sort=columns,
            title=None,
            axis=alt.Axis(
                orient="top",
                labelAngle=-50,
                labelLimit=HEADINGS,
                labelOverlap=False,
                labelFlush=False,
                domain=False,
                ticks=False,
            ),
        ),
        tooltip=alt.Tooltip("tip:N", title=None),
    )
    drawn = base.mark_rect(cornerRadius=3).encode(
        color=alt.Color("colour:N", scale=None), opacity=alt.Opacity("strength:Q", scale=None)
    )
    numbers = base.mark_text(fontSize=14, color=theme.ink()).encode(text=alt.Text("text:N"))
    chart = (drawn + numbers).properties(height=alt.Step(ROW)).configure_view(stroke=None)
    said = ((name, frame[frame["column"] == name]) for name in columns)
    rows = "; ".join(f"{name}: {', '.join(f'{r.word} {r.text}' for r in rows.itertuples())}" for name, rows in said)
    alt_text = label("identity", "map_alt", rows=rows)
    st.altair_chart(theme.readable(chart), width="stretch", key="identity_map", alt=alt_text)


# ---------------------------------------------------------------------------------------------------------------------
# Numbers


def _in_one_sentence(words: Sequence[str], base: Answered, fine_tuned: Sequence[Answered]) -> None:
    """What was there, and between what and what the checkpoints lie."""
    before = moves(base.p, base.p)
    values = {
        "base": base.title,
        "spread": f"{100 * before.spread:.0f}",
        "low_word": _isolated(words[before.lowest]), "low": f"{base.p[before.lowest]:.0%}",
        "high_word": _isolated(words[before.highest]), "high": f"{base.p[before.highest]:.0%}",
    }  # fmt: skip
    st.text(label("identity", "was_there", **values))
    after = {one.title: moves(one.p, one.base) for one in fine_tuned}
    if not after:
        return
    least, most = (pick(after, key=lambda title: after[title].spread) for pick in (min, max))
    orders = [one.order for one in after.values() if one.order is not None]
    values = {
        "least": f"{100 * after[least].spread:.0f}", "least_title": least,
        "most": f"{100 * after[most].spread:.0f}", "most_title": most,
        "low": _correlation(min(orders, default=None)), "high": _correlation(max(orders, default=None)),
    }  # fmt: skip
    st.text(label("identity", "after", **values))


def _table(words: Sequence[str], models: Sequence[Answered], counted: Sequence[Mentions]) -> None:
    """A line a model: from which word to which, how far, how far from the base model, and whose order."""
    enough = [number for number, found in enumerate(counted) if found.n >= FEW]
    shares = [counted[number].share for number in enough]
    rows = []
    for one in models:
        moved = moves(one.p, one.base)
        row = {
            "model": one.title,
            "lowest": safe_cell(f"{_isolated(words[moved.lowest])} {one.p[moved.lowest]:.0%}"),
            "highest": safe_cell(f"{_isolated(words[moved.highest])} {one.p[moved.highest]:.0%}"),
            "spread": f"{100 * moved.spread:.0f}",
            "change": formats.NOTHING if one.is_base else f"{100 * moved.change:.0f}",
            "order_base": formats.NOTHING if one.is_base else _correlation(moved.order),
        }
        if counted:
            row["order_reviews"] = _correlation(
                rank_correlation([one.p[number] for number in enough], shares) if len(enough) > 2 else None
            )
        if len(one.of_sentences) > 1:
            row["order_sentences"] = _correlation(agreement(one.of_sentences))
        rows.append({label("identity", f"column_{name}"): value for name, value in row.items()})
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="identity_table")
    chance = f"{min(1.0, 1.96 / (len(words) - 1) ** 0.5):.2f}"
    st.caption(text("identity", "table", n=len(words), chance=chance))


def _isolated(word: str) -> str:
    """A word whose script may run from right to left, so that the numbers beside it stay where they are."""
    return f"\N{FIRST STRONG ISOLATE}{word}\N{POP DIRECTIONAL ISOLATE}"


def _correlation(value: float | None) -> str:
    return formats.NOTHING if value is None else f"{value:+.2f}".replace("-", "−")
