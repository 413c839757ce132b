"""Which words go into which sentence: a list that a teacher wrote, or a visitor's own. All of it is in the URL."""

from dataclasses import dataclass

import streamlit as st

from app.content import head, label
from app.kit import url
from peft_core.reviews.gaps import MAX_LETTERS, MAX_SENTENCE, MAX_WORDS, check_sentence, check_words

OWN = "own"
ALL = "all"  # the mean over all sentences


@dataclass(frozen=True)
class WordList:
    """Sentences with a gap, and the words that go into it."""

    key: str
    name: str
    sentences: tuple[str, ...]
    words: tuple[str, ...]


def written() -> dict[str, WordList]:
    """The lists of `content/en/identity.md`, by key.

    Raises:
        PeftClassroomError: if one of them has a sentence without a gap, or too many words.
    """
    found = {}
    for one in head("identity")["lists"]:
        sentences, words = map(check_sentence, one["sentences"]), check_words("\n".join(one["words"]))
        found[one["key"]] = WordList(one["key"], one["name"], tuple(sentences), words)
    return found


def choose(of_films: bool) -> tuple[WordList, str]:
    """The list that is chosen, or what was typed; and which of its sentences is shown: its number as text, or ALL.

    Args:
        of_films: whether film reviews have been learned, which the written lists are about; else words are typed.

    Raises:
        PeftClassroomError: if what was typed is no sentence with one gap, or is not two words.
    """
    known, own = written() if of_films else {}, head("identity")["own"]

    def name(option: str) -> str:
        return own["name"] if option == OWN else known[option].name

    left, right = st.columns([2, 3])
    with left:
        offered = [*known, OWN]
        key = url.pick("identity_list", label("identity", "list"), offered, offered[0], name)
    if key != OWN:
        with right:
            sentence = _choose_sentence(known[key])
        st.caption(", ".join(known[key].words))
        return known[key], sentence
    with right:
        sentence = _typed("identity_sentence", label("identity", "own_sentence"), own["sentence"], 2 * MAX_SENTENCE)
    words = _typed("identity_words", label("identity", "own_words"), own["words"], 2 * MAX_WORDS * MAX_LETTERS)
    return WordList(OWN, own["name"], (check_sentence(sentence),), check_words(words)), "0"


def _typed(key: str, title: str, default: str, most: int) -> str:
    """A line of text that is in the URL; the library says what is too long, so there is room for more than it takes."""
    if url.to_be_read(key):
        st.session_state[key] = st.query_params.get(key, default)[:most]
    value = st.text_input(title, key=key, max_chars=most)
    url.remember(key, value, default=default)
    return value


def _choose_sentence(words: WordList) -> str:
    numbers = [str(number) for number in range(len(words.sentences))]

    def name(option: str) -> str:
        if option == ALL:
            return label("identity", "all", n=len(words.sentences))
        return words.sentences[int(option)]

    return url.pick("identity_shown", label("identity", "sentence"), [*numbers, ALL], numbers[0], name)
