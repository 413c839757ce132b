"""Is it English? Short reviews of 18 languages, the test reviews, and what is said in a lesson."""

import re
import tomllib
from pathlib import Path

import pytest

from peft_core.reviews.language import is_english
from peft_core.reviews.splits import load_splits

FOREIGN = tomllib.loads(Path(__file__).with_name("foreign.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("group", "least"), [("chosen", 0.95), ("fresh", 0.9)])
def test_other_languages_are_noticed_even_in_short_reviews(group, least):
    reviews = [text for texts in FOREIGN[group].values() for text in texts]
    assert sum(not is_english(text) for text in reviews) >= least * len(reviews)


@pytest.mark.parametrize(
    "text",
    [
        "Esta película es muy buena",
        "Film yang sangat bagus, saya suka",
        "Der Film ist gut",
        "Ich fand den Film super",
        "Una pelicula muy mala",
    ],
)
def test_what_pieces_per_word_did_not_notice(text):
    assert not is_english(text)


def test_english_is_never_taken_for_another_language():
    reviews = load_splits()["test"]["text"][::5]
    assert [text for text in reviews if not is_english(text)] == []
    assert is_english(reviews[0].replace(". ", ".<br/><br/>"))
    first = [re.split(r"(?<=[.!?])\s", text)[0] for text in reviews]
    assert sum(not is_english(text) for text in first) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10/10",
        "Wow!",
        "a good film",
        "Not bad.",
        "🎬",
        "This film was made in Nigeria.",
        "Loved it!! 10/10",
        "This film 💩",
        "lol",
        "Uggh!",
        "La La Land",
    ],
)
def test_little_text_is_no_evidence(text):
    assert is_english(text)
