"""Identity terms: one sentence, one word in it changes. What does the verdict make of it, before and after fine-tuning?

The sentences and words are content that a teacher edits (`content/en/identity.md`), or one's own. All models answer all
sentences of a list when they are asked; the answers stay in the session, so that the next sentence shows at once.
"""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.asking import review_box, verdicts
from app.kit.asking.classes import Classes, classes_of
from app.kit.plain import escaped
from app.playground.identity import lists, results
from app.playground.identity.lists import ALL, WordList
from app.playground.many_reviews import identity
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.reviews.gaps import filled

Model = CheckpointInfo | str  # a checkpoint, or a base model by its name

ANSWERS = "identity answers"  # session state: {(model, text): p(positive)}, the latest MOST_ANSWERS
NOTES = "identity notes"  # session state: {text: sentences of the predictor}, of the texts that have any
REFUSED = "identity refused"  # session state: {model: why it did not answer the last time}
MOST_ANSWERS = 6_000
VIEWS = ("probability", "difference")


def draw(chosen: list[CheckpointInfo]) -> None:
    """Which words, which sentence; the heat-map, the numbers under it, and what follows."""
    classes = classes_of(verdicts.learned_of(chosen))
    st.markdown(text("identity", "lead_own" if classes.own else "lead"))
    try:
        words, sentence = lists.choose(of_films=not classes.own)
    except PeftClassroomError as error:
        st.info(escaped(error), icon=":material/info:")
        return
    models = list(_with_bases(chosen))
    texts = [filled(sentence, word) for sentence in words.sentences for word in words.words]
    if st.button(label("identity", "ask"), type="primary", key="identity_go") or review_box.link_asks():
        _ask(texts, models, classes)
    for refusal in dict.fromkeys(st.session_state.get(REFUSED, {}).values()):
        st.error(escaped(refusal), icon=":material/error:")
    known = {_name(one) for one in models if all((_name(one), t) in _answers(classes) for t in texts)}
    answered = [one for one in models if {_name(one), _base(one)} <= known]
    if answered:
        try:
            _show(words, sentence, answered, classes)
        except PeftClassroomError as error:  # the reviews, whose words are counted, are not there
            st.error(escaped(error), icon=":material/error:")
    else:
        st.caption(label("identity", "on_demand"))
    with st.expander(label("identity", "conclude")):
        st.markdown(text("identity", "conclude"))


def _with_bases(chosen: Sequence[CheckpointInfo]) -> Sequence[Model]:
    """Each base model, and behind it its checkpoints."""
    bases = dict.fromkeys(info.base for info in chosen)
    return [one for base in bases for one in (base, *(info for info in chosen if info.base == base))]


def _name(model: Model) -> str:
    return model if isinstance(model, str) else identity(model)


def _base(model: Model) -> str:
    return model if isinstance(model, str) else model.base


def _answers(classes: Classes) -> dict[tuple[str, str], float]:
    """Of film reviews, or of one task of own texts: a base model answers each in its words."""
    return st.session_state.setdefault(f"{ANSWERS} {classes.key}" if classes.own else ANSWERS, {})


def _ask(texts: list[str], models: list[Model], classes: Classes) -> None:
    """Ask every model what it has not been asked: all sentences in one go."""
    answers, notes = _answers(classes), st.session_state.setdefault(NOTES, {})
    refused = st.session_state[REFUSED] = {}
    asked = [one for one in models if any((_name(one), t) not in answers for t in texts)]
    if not asked:
        return
    with st.spinner(label("identity", "asking")):
        found = services.ask(texts, asked, verdicts.learned_of(models))
    for one, predictions in zip(asked, found, strict=True):
        if isinstance(predictions, PeftClassroomError):
            refused[_name(one)] = str(predictions)
            continue
        for t, prediction in zip(texts, predictions, strict=True):
            answers[_name(one), t] = prediction.probability_positive
            if prediction.notes:
                notes[t] = prediction.notes
    while len(answers) > MOST_ANSWERS:
        answers.pop(next(iter(answers)))


def _show(words: WordList, sentence: str, models: list[Model], classes: Classes) -> None:
    """What the models that have answered say: of one sentence, or the mean of all."""
    titles = {name: label("identity", f"view_{name}", **classes.written) for name in VIEWS}
    view = url.one_of("identity_view", label("identity", "view"), titles)
    shown = words.sentences if sentence == ALL else (words.sentences[int(sentence)],)
    results.show(words.words, _answered(words, shown, models, classes), view == "difference", classes)
    for note, about in _noted(words.words, shown).items():
        st.info(f"{escaped(', '.join(about))}: {escaped(note)}", icon=":material/info:")


def _answered(
    words: WordList, sentences: Sequence[str], models: Sequence[Model], classes: Classes
) -> list[results.Answered]:
    several = len({_base(one) for one in models}) > 1
    titles = verdicts.titles(
        {info.name: info for info in (*services.askable(), *models) if not isinstance(info, str)}.values()
    )
    known = _answers(classes)
    p = {_name(one): [[known[_name(one), filled(s, w)] for w in words.words] for s in sentences] for one in models}

    def title(one: Model) -> str:
        if isinstance(one, str):
            return label("identity", "base_of", base=Path(one).name) if several else label("identity", "base")
        return titles[one.name]

    return [results.Answered(title(one), isinstance(one, str), p[_name(one)], p[_base(one)]) for one in models]


def _noted(words: Sequence[str], sentences: Sequence[str]) -> dict[str, list[str]]:
    """What the predictor said of these texts: each sentence of it, with the words in question."""
    about: dict[str, list[str]] = {}
    for word in words:
        for note in {n: None for s in sentences for n in st.session_state[NOTES].get(filled(s, word), ())}:
            about.setdefault(note, []).append(word)
    return about
