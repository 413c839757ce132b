"""A review that is judged before the first click: stored answers, on the screen before torch is imported, marked so.

Which reviews these are is a rule's choice (`peft_core/report/judged.py`), what is said of them stands in the records of
the shipped checkpoints. Home opens with one of them, and so does the Playground, which then asks live.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import streamlit as st

from app import services
from app.content import label
from app.kit import theme, url
from app.kit.asking import review_box, verdicts
from app.kit.pages import script_of
from app.kit.plain import escaped
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS
from peft_core.report.judged import JudgedReview, answered_all, first_of_each_method, judged
from peft_core.reviews.splits import LABEL_WORDS

KEY = "judged"  # in the URL: which of the reviews, from 1
BASE = "base"  # the key of a card that is of no method


@dataclass(frozen=True)
class Said:
    """One stored answer: whose, and its p("positive")."""

    method: str  # or `BASE`
    title: str
    probability: float
    created: str  # the day

    def right(self, truth: int) -> bool:
        """Whether it is the reviewer's own label."""
        return (self.probability > 0.5) == bool(truth)


def reviews() -> tuple[JudgedReview, ...]:
    """The reviews that the rule chose; none where the record is not here."""
    try:
        return judged().reviews
    except PeftClassroomError:  # a copy without measurements: there is nothing to open with, all else works
        return ()


def shown() -> JudgedReview | None:
    """The one that the address names, or the first."""
    found = reviews()
    if not found:
        return None
    if url.to_be_read(KEY):
        asked = st.query_params.get(KEY, "1")
        st.session_state[KEY] = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 4 else 1
    number = st.session_state[KEY] = (st.session_state[KEY] - 1) % len(found) + 1
    url.remember(KEY, str(number), "1")
    return found[number - 1]


def another(box: str = "") -> None:
    """The button to the next one. `box`: the key of a review's box into which it is put."""

    def go() -> None:
        st.session_state[KEY] = st.session_state[KEY] % len(reviews()) + 1
        if box:
            st.session_state[box] = reviews()[st.session_state[KEY] - 1].text

    st.button(label("judged", "another"), key="judged_another", on_click=go, icon=":material/refresh:")


def by_all(review: JudgedReview) -> list[Said]:
    """The untrained base, then the first shipped checkpoint of each method that has stored its answers."""
    stored = judged()
    shipped = (info for info in services.checkpoints() if info.shipped and info.base == stored.base)
    found = first_of_each_method(shipped)
    return [_of_base(review), *(_of(found[name], review) for name in METHODS if name in found)]


def by_some(review: JudgedReview, models: Sequence[verdicts.Model]) -> list[Said]:
    """Of those that are asked the ones whose answer is stored, each called as it is there."""
    found, called = [], verdicts.titles(models)
    for model in models:
        if isinstance(model, str):
            found += [_of_base(review)] if model == judged().base else []
        elif model.shipped and answered_all(model.record):
            found.append(replace(_of(model, review), title=called[model.name]))
    return found


def _of_base(review: JudgedReview) -> Said:
    stored = judged()
    return Said(
        BASE,
        label("playground", "untrained", base=stored.base),
        stored.untrained[review.row],
        _day(stored.provenance.created),
    )


def _of(info: CheckpointInfo, review: JudgedReview) -> Said:
    p, day = info.record.test_probabilities[review.row], _day(info.record.created)
    return Said(info.method, label(f"method/{info.method}", "title"), p, day)


def _day(created: str) -> str:
    return created[:10]


def draw(review: JudgedReview, said: Sequence[Said], repeated: bool = False) -> None:
    """The review as it was written, what there is to see, what everyone says. `repeated`: its words stand above."""
    with st.container(key="judged"):
        st.html(f"<style>{_rules()}</style>")
        if not repeated:
            st.markdown(f"“{escaped(review.text)}”")
        st.markdown(_sentence(review, said))
        st.html(f"<ul class='judged' aria-label='{escape(label('judged', 'cards'))}'>{_cards(review, said)}</ul>")
        days = sorted(one.created for one in said if one.method != BASE) or [""]
        base = _day(judged().provenance.created)
        st.caption(label("judged", "stored", first=days[0], last=days[-1], date=base))


def _sentence(review: JudgedReview, said: Sequence[Said]) -> str:
    """How many are right; who is surest of what is wrong; what the base makes of it."""
    methods = [one for one in said if one.method != BASE]
    wrong = [one for one in methods if not one.right(review.truth)]
    word = _word(bool(review.truth))
    words = [label("judged", "right", truth=word, right=len(methods) - len(wrong), n=len(methods))]
    if wrong:
        worst = max(wrong, key=lambda one: abs(one.probability - 0.5))
        sure = max(worst.probability, 1 - worst.probability)
        words.append(label("judged", "surest", who=worst.title, p=f"{sure:.0%}", word=_word(worst.probability > 0.5)))
    for base in (one for one in said if one.method == BASE):
        name = "base_wrong" if not base.right(review.truth) else "base_right"
        words.append(label("judged", name, p=f"{base.probability:.0%}"))
    return " ".join(words)


def _word(positive: bool) -> str:
    return f"{theme.sign(LABEL_WORDS[positive])} {label('playground', LABEL_WORDS[positive])}"


def _cards(review: JudgedReview, said: Sequence[Said]) -> str:
    """A card each: colour and marker of the method, verdict with its sign, its number, right or wrong in words."""
    drawn = []
    for one in said:
        style = theme.METHOD.get(one.method)
        colour, mark = (style.colour, theme.MARKS[style.shape]) if style else (theme.frozen(), "○")
        verdict = theme.POSITIVE if one.probability > 0.5 else theme.NEGATIVE
        right = one.right(review.truth)
        p = label("playground", "p", name=label("playground", "positive"), p=f"{one.probability:.1%}")
        state = label("judged", "is_right" if right else "is_wrong")
        drawn.append(
            f"<li class='{'' if right else 'wrong'}' style='border-left-color: {colour}'>"
            f"<span><i style='color: {colour}' data-mark='{mark}'></i> {escape(one.title)}</span>"
            f"<b style='color: {verdict.words}'>{escape(_word(one.probability > 0.5))}</b>"
            f"<small>{escape(p)} · <em>{escape(state)}</em></small></li>"
        )
    return "".join(drawn)


def _rules() -> str:
    rules = "ul.judged { display: grid; gap: 0.5rem; list-style: none; padding: 0 3px !important; margin: 0;"
    rules += " grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); }"
    rules += f".judged li {{ margin: 0; padding: 0.3rem 0.6rem; border: 1px solid {theme.frozen()};"
    rules += " border-left-width: 6px; border-radius: 0.4rem; display: grid; line-height: 1.35; }"
    rules += f".judged li.wrong {{ outline: 3px dashed {theme.ink()}; outline-offset: -1px; }}"
    rules += ".judged i { font-style: normal; } .judged i::before { content: attr(data-mark) / ''; }"
    rules += " .judged span, .judged small { font-size: 0.875rem; }"
    rules += ".judged b { font-size: 1.15rem; } .judged li.wrong em { font-weight: 700; }"
    rules += ".judged em { font-style: normal; } .st-key-judged { gap: 0.5rem; }"
    rules += "@media (max-width: 640px) { ul.judged { grid-template-columns: 1fr 1fr; gap: 0.3rem; }"
    rules += " .judged li { padding: 0.1rem 0.4rem; line-height: 1.2; } .judged b { font-size: 1rem; }"
    return rules + " .judged span, .judged small { font-size: 0.75rem; } }"


def of_text(words: str) -> JudgedReview | None:
    """The judged review with these words, if it is one."""
    return next((review for review in reviews() if review.text == words), None)


def begin(box: str) -> None:
    """Before a review's box is drawn for the first time: nobody has brought words, so one of these stands in it."""
    if not url.to_be_read(box) or box in st.session_state or st.session_state.get(review_box.KEPT):
        return
    if review_box.LINK not in st.query_params and "example" not in st.query_params and (review := shown()):
        st.session_state[box] = review.text


def ask_yourself(review: JudgedReview) -> None:
    """Home's way on: the Playground with this review in its box, where everyone is asked now."""

    def bring() -> None:
        st.session_state[review_box.KEPT] = review.text
        review_box.ask_from_now_on()

    if st.button(label("judged", "ask"), key="judged_ask", on_click=bring, icon=":material/rate_review:"):
        st.switch_page(script_of("playground"))
