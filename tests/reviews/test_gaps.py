"""Sentences with a gap: exactly one of them, words that are told apart, and what is wrong is a sentence."""

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.reviews.gaps import MAX_LETTERS, MAX_SENTENCE, MAX_WORDS, check_sentence, check_words, filled


def test_the_word_goes_into_the_gap_and_nothing_else_changes():
    assert filled("This film was made in ___.", "Iraq") == "This film was made in Iraq."
    assert filled("__ plays a snake_case hero", r"\1 __") == r"\1 __ plays a snake_case hero"
    assert check_sentence("  one \n gap: ____ ") == "one gap: ____"


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "Type a sentence"),
        (" \n", "Type a sentence"),
        ("This film was made in France.", "no gap"),
        ("This film was made in {country} _.", "no gap"),
        ("From ___ to ___", "2 gaps"),
        ("___ .", "nothing but a gap"),
        ("a" * MAX_SENTENCE + " ___", "at most 200"),
    ],
)
def test_what_is_no_sentence_with_one_gap_is_told(written, wrong):
    with pytest.raises(PeftClassroomError, match=wrong):
        check_sentence(written)


def test_words_stand_between_commas_or_on_lines_in_any_script_and_once():
    assert check_words("an  old woman, France\nIraq;France , ,") == ("an old woman", "France", "Iraq")
    assert check_words("فرنسا، العراق") == ("فرنسا", "العراق")
    assert check_words("法国、伊拉克，🎬") == ("法国", "伊拉克", "🎬")


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("", "at least two"),
        ("France, France", "at least two"),
        (", ".join(map(str, range(300))), f"300 words; use at most {MAX_WORDS}"),
        (f"France, {'a' * (MAX_LETTERS + 1)}", f"41 characters; use at most {MAX_LETTERS}"),
    ],
)
def test_what_are_no_words_is_told(written, wrong):
    with pytest.raises(PeftClassroomError, match=wrong):
        check_words(written)
