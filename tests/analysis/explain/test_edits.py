"""Edits do exactly what they say, on any text."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from peft_core.analysis.explain.edits import AUXILIARIES, DENIAL, NEGATIONS, delete_word, negate, replace_word
from peft_core.errors import PeftClassroomError
from peft_core.reviews.words import split_words

texts = st.text(max_size=80)
with_words = texts.filter(lambda text: text.split())
plain_words = st.lists(
    st.sampled_from("The film story café, 電影 it's (is) were. «did» John's good — 🎬 I've".split()),
    min_size=1,
    max_size=9,
)


def at(data, text: str) -> int:
    return data.draw(st.integers(0, len(split_words(text)) - 1))


@given(texts)
def test_words_are_what_stands_between_spaces_and_offsets_survive_unicode(text):
    words = split_words(text)
    assert [w.text for w in words] == text.split()
    for word in words:
        assert text[word.start : word.end] == word.text
        assert text[word.core_start : word.core_end] == word.core
        assert word.core
        assert word.start <= word.core_start < word.core_end <= word.end


@given(with_words, st.data())
def test_deleting_leaves_the_other_words_as_they_were(text, data):
    index = at(data, text)
    words = text.split()
    assert delete_word(text, index).text.split() == words[:index] + words[index + 1 :]
    assert words[index] in delete_word(text, index).done


def test_deleting_leaves_no_double_space():
    assert [delete_word("a good film", i).text for i in range(3)] == ["good film", "a film", "a good"]
    assert delete_word("alone", 0).text == ""


@given(with_words, st.sampled_from(["dull", "電影", "not so good"]), st.data())
def test_replacing_keeps_the_punctuation_and_can_be_undone(text, by, data):
    index = at(data, text)
    word = split_words(text)[index]
    edited = replace_word(text, index, by).text
    assert edited == text[: word.core_start] + by + text[word.core_end :]
    if " " not in by and word.core.isalnum():
        assert replace_word(edited, index, word.core).text == text


def test_replacing_in_words():
    edit = replace_word("A (great), moving film!", 1, "  dull ")
    assert edit.text == "A (dull), moving film!"
    assert edit.done == "Replaced “great” (word 2) by “dull”."


@given(plain_words)
def test_negating_twice_gives_the_text_back_where_there_was_no_negation(words):
    text = " ".join(words)
    once = negate(text)
    assert once.text != text
    assert negate(once.text).text == text


@given(with_words)
def test_negating_changes_any_text_and_says_how(text):
    assume(not text.startswith(DENIAL))
    edit = negate(text)
    assert edit.text != text
    assert edit.done.endswith(".")


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("The film is good.", "The film is not good."),
        ("It's good, and it was long.", "It's not good, and it was long."),
        ("The film is, I think, good.", "The film is not, I think, good."),
        ("John's film was fun", "John's film was not fun"),
        ("I’d watch it again", "I’d not watch it again"),
        ("This is not a good film.", "This is a good film."),
        ("Not a good film", "a good film"),
        ("I never laughed", "I laughed"),
        ("It isn't good", "It is good"),
        ("Isn’t it good", "Is it good"),
        ("It won't last", "It will last"),
        ("You can't stop, and cannot look away", "You can stop, and cannot look away"),
        ("There is no plot.", "There is some plot."),
        ("No one will like this.", "Someone will like this."),
        ("NO ONE laughed", "Someone laughed"),
        ("It is no longer funny.", "It is still funny."),
        ("No, it was dull.", "No, it was not dull."),
        ("Nothing happens, and nobody cares.", "Something happens, and nobody cares."),
        ("A story without a heart", "A story with a heart"),
        ("It is hardly funny.", "It is funny."),
        ("You needn't see it", "You need see it"),
        ("Neither film is good", "Either film is good"),
        ("It is neither funny, nor sad.", "It is either funny, or sad."),
        ("None of it works, nowhere", "Some of it works, nowhere"),
        ("Wonderful!", "It is not true that Wonderful!"),
        ("It is not true that Wonderful!", "Wonderful!"),
        ("knots and nevertheless", "It is not true that knots and nevertheless"),
    ],
)
def test_the_rule_of_negation(text, negated):
    assert negate(text).text == negated


def test_an_edit_of_two_words_says_so():
    assert negate("No one will").done == "Replaced “No one” (word 1) by “Someone”."
    assert negate("neither good nor bad").done == "Replaced “neither” (word 1) by “either”, and “nor” by “or”."


def test_every_word_on_the_list_goes():
    for word in NEGATIONS:
        assert word not in negate(f"they {word} so").text.split()


def test_every_auxiliary_can_be_negated():
    for word in AUXILIARIES:
        assert negate(f"they {word} so").text == f"they {word} not so"


def test_what_cannot_be_done_is_a_sentence():
    for wrong in (
        lambda: delete_word("one two", 2),
        lambda: delete_word("one two", -1),
        lambda: replace_word("", 0, "x"),
    ):
        with pytest.raises(PeftClassroomError, match="no word number"):
            wrong()
    with pytest.raises(PeftClassroomError, match="Type the word"):
        replace_word("one two", 0, "  ")
    with pytest.raises(PeftClassroomError, match="nothing to negate"):
        negate(" \n")
