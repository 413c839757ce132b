"""How often a word occurs: whole, in capitals or not, once a review."""

from peft_core.reviews.mentions import Mentions, mentions

TEXTS = [
    "Made in Turkey. Turkey!",
    "what a TURKEY",
    "turkeys and an Old Woman",
    "an old woman's film",
    "café, caféteria",
]
LABELS = [1, 0, 1, 1, 0]


def test_whole_words_are_counted_once_a_review():
    words = ["turkey", "an old woman", "café", "Iraq"]
    assert mentions(TEXTS, LABELS, words) == [
        Mentions(2, 1), Mentions(2, 2), Mentions(1, 0), Mentions(0, 0),
    ]  # fmt: skip
    assert mentions(TEXTS, LABELS, ["turkey"])[0].share == 0.5
