"""Counterfactuals: delete or replace a word, negate, and every checkpoint is asked again; or try every deletion.

Edits are kept in the session beside the review they began with, probabilities by (text, checkpoint). The words are a
visitor's: they are shown as plain text, and on the word picker with every special character escaped.
"""

import re
from collections import Counter
from collections.abc import Callable

import streamlit as st

from app import services
from app.content import label, text
from app.kit.asking import verdicts
from app.kit.asking.classes import Classes, classes_of
from app.kit.asking.verdicts import Model, name_of
from app.kit.plain import escaped
from app.playground import explain, verdict_changes, word_chart
from app.playground.verdict_changes import Change
from peft_core.analysis.explain.edits import Edit, delete_word, negate, replace_word
from peft_core.errors import PeftClassroomError
from peft_core.reviews.checks import check_text
from peft_core.reviews.config import Learned
from peft_core.reviews.words import split_words

EDITS = "what_if edits"  # session state: (the review, [Edit, …])
ANSWERS = "what_if answers"  # session state: {(text, checkpoint): p(positive)}, the latest MOST_ANSWERS
PROBLEM = "what_if problem"  # session state: why the last edit could not be made
MOST_ANSWERS = 200
MOST_PILLS = 150
WORDS_IN_VIEW = 40
TOP = 10
WORD_JOINER = "\u2060"  # has no width


def draw(review: str, chosen: list[Model]) -> None:
    """Word picker and buttons, the edited text, what it does to every verdict; then all deletions."""
    st.markdown(text("explain", "what_if_lead"))
    learned = verdicts.learned_of(chosen)
    classes = classes_of(learned)
    cleaned = explain.usable(review, learned)
    if cleaned is None:
        return
    if st.session_state.get(EDITS, ("", []))[0] != cleaned:
        st.session_state[EDITS] = cleaned, []
    edits = st.session_state[EDITS][1]
    now = edits[-1].text if edits else cleaned
    _controls(now, edits)
    if edits:
        st.text("\n".join(edit.done for edit in edits))
        st.code(now, language=None, wrap_lines=True)
        changes = _changes(cleaned, now, chosen, learned)
        if changes:
            with st.container(key="what_if_changes"):
                verdict_changes.show(changes, "what_if", classes)
    else:
        st.caption(label("what_if", "nothing_yet"))
    with st.expander(label("what_if", "rules")):
        st.markdown(text("explain", "rules"))
    st.divider()
    _deletions(now, chosen, learned, classes)


def _controls(now: str, edits: list[Edit]) -> None:
    index = _pick_word(now)
    other = st.text_input(label("what_if", "by"), key="what_if_by", max_chars=100)
    with st.container(horizontal=True, key="what_if_actions"):
        _button("delete", index is None, lambda: delete_word(now, index))
        _button("replace", index is None or not other.strip(), lambda: replace_word(now, index, other))
        _button("negate", False, lambda: negate(now))
        st.button(label("what_if", "undo"), key="what_if_undo", disabled=not edits, on_click=_undo)
    if problem := st.session_state.pop(PROBLEM, None):
        st.warning(escaped(problem), icon=":material/info:")


def _button(name: str, disabled: bool, edit: Callable[[], Edit]) -> None:
    st.button(label("what_if", name), key=f"what_if_{name}", disabled=disabled, on_click=_apply, args=(edit,))


def _apply(edit: Callable[[], Edit]) -> None:
    try:
        done = edit()
        check_text(done.text)
    except PeftClassroomError as error:
        st.session_state[PROBLEM] = str(error)
        return
    st.session_state[EDITS][1].append(done)
    st.session_state["what_if_word"] = None


def _undo() -> None:
    st.session_state[EDITS][1].pop()
    st.session_state["what_if_word"] = None


def _pick_word(now: str) -> int | None:
    """The number of a word of the text. Buttons that read like the text; in a long one, a list to search in."""
    words = [word.text for word in split_words(now)]
    title = label("what_if", "word")
    if len(words) > MOST_PILLS:
        return st.selectbox(
            title, range(len(words)), format_func=lambda i: f"{i + 1} {words[i]}", index=None, key="what_if_word"
        )
    names = _unlike(words)
    with st.container(height=230 if len(words) > WORDS_IN_VIEW else "content", border=False):
        return st.pills(title, range(len(words)), format_func=names.__getitem__, key="what_if_word")


def _unlike(words: list[str]) -> list[str]:
    """Labels letter for letter; a word that came before has its count behind it, so that no two are the same."""
    seen: Counter[str] = Counter()
    names = []
    for word in words:
        seen[word] += 1
        names.append(_letter_for_letter(word if seen[word] == 1 else f"{word} ({seen[word]})"))
    return names


def _letter_for_letter(word: str) -> str:
    """Escaped for Markdown, and no address: one that is only escaped would still become a link on a button."""
    return escaped(re.sub("([.:@])", f"{WORD_JOINER}\\1", word))


def _changes(before: str, after: str, chosen: list[Model], learned: Learned) -> list[Change]:
    """Every checkpoint on both texts; a sentence for each that cannot answer."""
    titles = verdicts.titles([*services.askable(), *chosen])
    # a base model answers each task in its words
    answers = st.session_state.setdefault(f"{ANSWERS} {learned.task_key}" if learned.own else ANSWERS, {})
    both = dict.fromkeys((before, after))
    asked = [info for info in chosen if any((t, name_of(info)) not in answers for t in both)]
    new = [t for t in both if any((t, name_of(info)) not in answers for info in asked)]
    for info, found in zip(asked, services.ask(new, asked, learned) if asked else (), strict=True):
        if isinstance(found, PeftClassroomError):
            st.error(escaped(found), icon=":material/error:")
            continue
        for t, prediction in zip(new, found, strict=True):
            answers[t, name_of(info)] = prediction.probability_positive
    changes = [
        Change(titles[name_of(info)], answers[before, name_of(info)], answers[after, name_of(info)])
        for info in chosen
        if all((t, name_of(info)) in answers for t in both)
    ]
    while len(answers) > MOST_ANSWERS:
        answers.pop(next(iter(answers)))
    return changes


def _deletions(now: str, chosen: list[Model], learned: Learned, classes: Classes) -> None:
    """Every word left out in turn: occlusion, told in probabilities."""
    st.markdown(f"**{label('what_if', 'deletions')}** {text('explain', 'deletions')}")
    info = explain.choose_checkpoint("what_if_checkpoint", label("what_if", "deletions_for"), chosen)
    if st.button(label("what_if", "try_all"), key="what_if_try_all"):
        explain.explain(now, info, ("occlusion",), learned)
    found = explain.known(now, info, "occlusion", learned)
    if found is None or not found.most_influential(1):
        return
    read = found.most_influential(len(found.words))
    p = found.probability
    changes = {i: Change(word_chart.named(found, i), p, found.probability_without(i)) for i in read}
    flips = sum(change.flips for change in changes.values())
    words = {"n": f"{flips:,}", "of": f"{len(changes):,}", "p": f"{p:.1%}", "seconds": f"{found.seconds:.1f}"}
    words |= classes.written
    st.markdown(label("what_if", "deletions_none" if not flips else "deletions_some", **words))
    word_chart.bars(found, TOP, label("what_if", "deletions_axis", **classes.plain), (), key="what_if_bars")
    flips_first = sorted(changes.values(), key=lambda change: not change.flips)
    verdict_changes.table(flips_first[:TOP], label("what_if", "left_out"), "what_if_deletions", classes)
