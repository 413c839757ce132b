"""The reviews that Home opens with are those that the rule chooses, and what is stored of them is what is answered."""

import numpy as np
import pytest

from peft_core.checkpoints.listing import list_checkpoints
from peft_core.checkpoints.stored_answers import untrained_test
from peft_core.methods.registry import METHODS
from peft_core.report.judged import LONGEST, choose, first_of_each_method, judged

CLOSE = 0.01  # another processor, another order of sums: half of what a card's colour could be doubted for


@pytest.fixture(scope="module")
def shipped():
    return first_of_each_method(info for info in list_checkpoints() if info.shipped and info.base == judged().base)


@pytest.fixture(scope="module")
def reviews():
    from peft_core.reviews.splits import load_splits

    test = load_splits()["test"]
    return test["text"][:], test["label"][:]


def test_the_rule_on_reviews_made_for_it():
    """Of eight: too long; nobody wrong; all wrong; base right; nobody sure of the mistake; base unsure; two chosen."""
    texts = ["x" * (LONGEST + 1), *["x"] * 7]
    truth = [1, 1, 1, 1, 1, 0, 0, 1]
    base = [0.1, 0.1, 0.1, 0.9, 0.1, 0.4, 0.9, 0.2]
    methods = {
        "a": [0.1, 0.9, 0.1, 0.1, 0.3, 0.8, 0.1, 0.9],
        "b": [0.9, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.6],
        "c": [0.9, 0.9, 0.1, 0.9, 0.9, 0.2, 0.99, 0.9],
        "d": [0.9, 0.9, 0.1, 0.9, 0.9, 0.2, 0.3, 0.04],
    }
    assert choose(texts, truth, base, methods) == [6, 7, 5]  # the surest mistake first
    assert choose(texts, truth, [0.5 + 0.5 * t - 0.3 * (1 - t) for t in truth], methods) == []  # the base knows


@pytest.mark.slow
def test_the_choice_is_what_the_stored_files_say(shipped, reviews):
    from peft_core.reviews.splits import data_fingerprint

    texts, truth = reviews
    stored = judged()
    assert stored.data_fingerprint == data_fingerprint(texts, truth)
    assert list(shipped) and set(shipped) == set(METHODS)
    rows = choose(texts, truth, stored.untrained, {n: i.record.test_probabilities for n, i in shipped.items()})
    assert rows == [review.row for review in stored.reviews] and len(rows) >= 2
    assert [(review.text, review.truth) for review in stored.reviews] == [(texts[row], truth[row]) for row in rows]
    right = np.mean([(p > 0.5) == t for p, t in zip(stored.untrained, truth, strict=True)])
    noted = untrained_test(info.record for info in list_checkpoints() if info.shipped)
    assert right == pytest.approx(noted.accuracy, abs=0.003)  # as runs have noted it of the base themselves


@pytest.mark.slow
def test_what_is_stored_is_what_they_answer_now(shipped):
    from peft_core.checkpoints.asking.predictor import Predictor
    from peft_core.t5.backbone import load_backbone
    from peft_core.t5.identity import fingerprint

    stored, backbone = judged(), load_backbone("tiny-t5")
    assert stored.base_fingerprint == fingerprint(backbone.model)
    texts = [review.text for review in stored.reviews]
    answers = Predictor(backbone).classify_with_each(texts, [None, *(info.path for info in shipped.values())])
    kept = [stored.untrained, *(info.record.test_probabilities for info in shipped.values())]
    for now, then in zip(answers, kept, strict=True):
        for review, answer in zip(stored.reviews, now, strict=True):
            assert answer.probability_positive == pytest.approx(then[review.row], abs=CLOSE)
