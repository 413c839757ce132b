"""A prediction before the start, and what became of it: told with what is, and what is not, more than chance."""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from app.content import label, text
from app.kit.plain import escaped
from peft_core.report.race import Along, Lane, first_to, highest, pairs
from peft_core.statistics.formats import p_text, points

KEPT = "race guess"  # session state


class Guess(NamedTuple):
    """Keys of lanes; None: not said yet."""

    first: str | None
    highest: str | None

    @property
    def complete(self) -> bool:
        return None not in self


def ask(lanes: Sequence[Lane], mark: float | None) -> Guess:
    """Two questions, or without a mark the second alone; answers stay in this session, as in "Check yourself"."""
    names = {lane.key: lane.label for lane in lanes}
    asked = {"highest": {}} if mark is None else {"first": {"mark": f"{mark:.0%}"}, "highest": {}}
    answers = {}
    for column, (key, values) in zip(st.columns(2), asked.items(), strict=False):
        widget = f"race_guess_{key}"
        before = st.session_state.get(widget, getattr(st.session_state.get(KEPT), key, None))
        st.session_state[widget] = before if before in names else None  # a widget that was not drawn has forgotten it
        answers[key] = column.selectbox(
            label("race", f"ask_{key}", **values),
            list(names),
            index=None,
            format_func=names.__getitem__,
            key=widget,
            placeholder=label("race", "your_guess"),
        )
    guess = st.session_state[KEPT] = Guess(answers.get("first", kept().first), answers["highest"])
    return guess


def kept() -> Guess:
    """What was last guessed in this session."""
    return st.session_state.get(KEPT, Guess(None, None))


def tell(lanes: Sequence[Lane], mark: float, along: Along, guess: Guess) -> None:
    """Who was first, who ends highest, whether that was guessed, and how sure one can be of the order."""
    names = {lane.key: escaped(lane.label) for lane in lanes}
    first, place = first_to(lanes, mark, along)
    best = highest(lanes)
    where = label("race", f"at_{along}", n=f"{place:,.0f}") if first else ""
    words = [
        label("race", "was_first" if first else "nobody", names=_and(first), mark=f"{mark:.0%}", where=where),
        label("race", "was_highest", names=_and(best), share=f"{best[0].first.end.validation.accuracy:.1%}"),
    ]
    if guess.complete:
        right = sum((guess.first in [lane.key for lane in first], guess.highest in [lane.key for lane in best]))
        said = {"first": names.get(guess.first, ""), "highest": names.get(guess.highest, "")}
        words.insert(0, label("race", f"guessed_{right}", **said))
    elif guess.highest:
        words.insert(0, label("race", "guessed_end", highest=names.get(guess.highest, "")))
    st.markdown(" ".join(words))
    st.markdown(significance(lanes, best[0]))


def significance(lanes: Sequence[Lane], best: Lane) -> str:
    """How the one that ends highest does on the test reviews beside each other one, corrected for all pairs."""
    found = [pair for pair in pairs(lanes) if best.key in (pair.first, pair.second)]
    if not found:
        return text("race", "no_test", n=best.first.end.validation.n)
    names = {lane.key: escaped(lane.label) for lane in lanes}
    apart, not_apart = [], []
    for pair in sorted(found, key=lambda pair: pair.p_holm):
        other, sign = (pair.second, 1) if pair.first == best.key else (pair.first, -1)
        told = label(
            "race",
            "pair",
            name=names[other],
            points=points(sign * pair.test.difference),
            p=p_text(pair.p_holm).replace(" ", "\N{NO-BREAK SPACE}"),
        )
        (apart if pair.told_apart else not_apart).append(told)
    parts = [text("race", "significance", best=names[best.key], n=f"{found[0].test.n:,}", pairs=len(pairs(lanes)))]
    parts += [label("race", "apart", pairs=", ".join(apart))] if apart else []
    parts += [label("race", "not_apart", pairs=", ".join(not_apart))] if not_apart else []
    untested = [names[lane.key] for lane in lanes if lane.first.test_right is None]
    parts += [label("race", "not_tested", names=", ".join(untested))] if untested else []
    return " ".join(parts)


def _and(lanes: Sequence[Lane]) -> str:
    return label("race", "and").join(f"**{escaped(lane.label)}**" for lane in lanes)
