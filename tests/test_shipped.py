"""What the repository ships is what its records and docs/results.md say."""

from functools import cache

import numpy as np
import pytest
import torch

from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.checkpoints.stored_answers import stored_test
from peft_core.counting.by_hand import count
from peft_core.methods.registry import METHODS
from peft_core.paths import BUNDLED_BASES, ROOT, SHIPPED_CHECKPOINTS
from peft_core.reviews.splits import load_splits
from peft_core.t5.architecture import base_model
from peft_core.t5.backbone import load_backbone
from peft_core.training.measuring import accuracy

SHIPPED = [info for info in list_checkpoints() if info.shipped]
every_checkpoint = pytest.mark.parametrize("info", SHIPPED, ids=lambda info: info.name)


@pytest.fixture(scope="module")
def tiny_t5():
    return load_backbone("tiny-t5")


@pytest.fixture(scope="module")
def splits():
    return load_splits()


@pytest.fixture(scope="module")
def stored(splits):
    """p("positive") and labels of the test reviews of a checkpoint; finding out that they are those takes a second."""
    return cache(lambda name: stored_test(next(info for info in SHIPPED if info.name == name).record, splits))


def test_there_is_a_checkpoint_of_every_method():
    assert {info.method for info in SHIPPED} == set(METHODS)


@every_checkpoint
def test_it_loads_over_the_bundled_base_and_has_the_counts_worked_out_by_hand(tiny_t5, info):
    model, record = load_checkpoint(info.path, tiny_t5)
    by_hand = count(base_model("tiny-t5").architecture, record.config.method)
    assert record.trainable_parameters == by_hand.trainable_parameters
    assert record.total_parameters == by_hand.total_parameters == sum(p.numel() for p in model.parameters())


@every_checkpoint
def test_reviews_asked_again_are_answered_as_the_record_says(tiny_t5, info, splits, stored):
    """But for those on which the record itself was undecided: this computer may round otherwise.

    The 36 shortest, the 2 longest, which are cut, and 2 between: a pass over long ones costs ten times as much.
    """
    positive, _ = stored(info.name)
    by_length = np.argsort([len(text) for text in splits["test"]["text"][:]], kind="stable").tolist()
    rows = [*by_length[:36], *by_length[-2:], *by_length[1000:2500:1000]]
    answers = Predictor(tiny_t5).classify(splits["test"].select(rows)["text"][:], info.path)
    again = np.array([answer.probability_positive for answer in answers])
    undecided = abs(positive[rows] - 0.5) < 0.05
    assert ((again > 0.5) == (positive[rows] > 0.5))[~undecided].all()
    assert undecided.sum() <= 6


@every_checkpoint
def test_its_stored_predictions_give_exactly_the_accuracy_in_its_record(info, stored):
    positive, labels = stored(info.name)  # refuses other reviews
    assert accuracy(positive, labels).accuracy == info.record.test.accuracy
    assert len(positive) == info.record.test.n == 3_000


@every_checkpoint
def test_training_helped(info):
    assert info.record.validation.accuracy > info.record.untrained.accuracy


@every_checkpoint
def test_it_tells_praise_from_blame(tiny_t5, info):
    texts = ["a wonderful, moving film", "a dull, lifeless mess"]
    assert [p.label for p in Predictor(tiny_t5).classify(texts, info.path)] == ["positive", "negative"]


@every_checkpoint
def test_the_page_of_results_quotes_the_record(info):
    test, page = info.record.test, (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{info.name}` "))
    assert f"{info.record.trainable_parameters:,}" in row
    assert f"{test.accuracy:.1%} ({test.low:.1%} to {test.high:.1%})" in row


@every_checkpoint
def test_no_file_names_a_folder_of_the_machine_it_was_made_on(info):
    for path in info.path.glob("*.json"):
        assert str(ROOT) not in path.read_text()


def test_plain_transformers_and_peft_read_what_is_shipped():
    from peft import PeftModel
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    folder = BUNDLED_BASES / "tiny-t5"
    tokenizer, base = AutoTokenizer.from_pretrained(folder), T5ForConditionalGeneration.from_pretrained(folder)
    model = PeftModel.from_pretrained(base, SHIPPED_CHECKPOINTS / "lora-8").eval()
    inputs = tokenizer(["sentiment: a wonderful, moving film", "sentiment: a dull, lifeless mess"], padding=True)
    with torch.inference_mode():
        said = model.generate(**{k: torch.tensor(v) for k, v in inputs.items()}, max_new_tokens=1)
    assert tokenizer.batch_decode(said, skip_special_tokens=True) == ["positive", "negative"]
