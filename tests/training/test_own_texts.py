"""Texts of one's own: held out without overlap, learnt for real, saved as a checkpoint that answers alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.record import AdoptedRecord
from peft_core.config import TrainConfig
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS, method_config
from peft_core.reviews.own.classes import checked
from peft_core.reviews.own.splitting import hold_out
from peft_core.training import own_texts
from peft_core.training.own_texts import fine_tune

GOOD, BAD = "good lively funny", "bad dull sad"
THINGS = ("film", "plot", "actor", "scene")
TEXTS = [f"the {thing} was {how}" for how in f"{GOOD} {BAD}".split() for thing in THINGS]
LABELS = [how in GOOD for how in f"{GOOD} {BAD}".split() for _ in THINGS]
TRAIN = TrainConfig(epochs=15, batch_size=8, learning_rate=0.02, warmup_fraction=0.0)


@pytest.fixture(scope="module")
def tuned(base_folder):
    return fine_tune(TEXTS, [int(label) for label in LABELS], "lora", str(base_folder), TRAIN, max_length=16)


def test_what_was_held_out_is_learnt_from_the_others(tuned):
    assert tuned.validation.n == 4 and tuned.trained_on == len(TEXTS) - 4
    assert tuned.validation.accuracy > tuned.untrained.accuracy
    assert tuned.classify("the film was lively")[0].label == "positive"
    assert [one.label for one in tuned.classify(["the plot was dull", "the scene was good"])] == [
        "negative",
        "positive",
    ]


def test_it_is_saved_as_a_checkpoint_that_answers_alike_and_claims_no_accuracy(tuned, tmp_path):
    folder = tuned.save(str(tmp_path / "mine"))
    _, record = load_checkpoint(str(folder), tuned.backbone)
    assert isinstance(record, AdoptedRecord) and record.test is None
    assert record.method == tuned.method == method_config("lora") and record.max_length == 16
    assert record.trainable_parameters == count(tuned.backbone.base.architecture, record.method).trainable_parameters
    assert "fine_tune on 20 texts" in record.why
    text = "the scene was good"
    found = Predictor(tuned.backbone).classify(text, str(folder))
    assert found[0].probability_positive == tuned.classify(text)[0].probability_positive
    with pytest.raises(PeftClassroomError, match="exists already"):
        tuned.save(folder)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_the_same_way(base_folder, method, tmp_path):
    train = TrainConfig(epochs=1, batch_size=16)
    found = fine_tune(TEXTS, LABELS, method, str(base_folder), train, max_length=16)
    loaded, _ = load_checkpoint(found.save(tmp_path / method), found.backbone)
    again = Predictor(found.backbone).classify_with_model(TEXTS[:3], loaded, 16)
    assert [a.probability_positive for a in again] == [a.probability_positive for a in found.classify(TEXTS[:3])]


words = st.sampled_from(["a", "b", "c", "d", "e", "f"])


@given(
    st.lists(words, min_size=1), st.lists(words.map(str.upper), min_size=1), st.floats(0.05, 0.95), st.integers(0, 9)
)
def test_no_text_is_on_both_sides_and_every_label_is_on_each(good, bad, share, seed):
    texts, labels = [*good, *bad], [1] * len(good) + [0] * len(bad)
    try:
        inside, outside = hold_out(texts, labels, [share], seed)
    except PeftClassroomError as error:
        few = min(len(set(good)), len(set(bad)))
        assert few < 2 or max(1, round(share * few)) >= few, error
        return
    assert sorted([*inside, *outside]) == list(range(len(texts)))
    assert not {texts[row] for row in inside} & {texts[row] for row in outside}
    assert {labels[row] for row in inside} == {labels[row] for row in outside} == {0, 1}
    assert [inside, outside] == hold_out(texts, labels, [share], seed)


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        ("a good film", [1], "list of texts"),
        (["good"], [1, 0], "as many labels"),
        (["good", "bad"], [1, "neutral"], "not 'neutral'"),
        (["good", " good "], [1, 0], "both labels"),
        (["good", ""], [1, 0], "empty"),
    ],
)
def test_what_does_not_fit_is_a_sentence(texts, labels, said):
    with pytest.raises(PeftClassroomError, match=said):
        checked(texts, labels)


def test_labels_are_words_or_numbers():
    assert checked(["x", "y", "z"], ["positive", 0, 1])[1] == [1, 0, 1]


def test_too_few_texts_are_told_before_a_model_is_loaded(monkeypatch):
    monkeypatch.setattr(own_texts, "load_backbone", lambda name: pytest.fail("loaded"))
    with pytest.raises(PeftClassroomError, match="too few to hold out"):
        fine_tune(["good", "bad"], [1, 0])
    with pytest.raises(PeftClassroomError, match="Unknown method 'lara'"):
        fine_tune(["good", "bad"], [1, 0], "lara")
