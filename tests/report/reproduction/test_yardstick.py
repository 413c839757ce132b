"""Word counts and logistic regression: chosen on validation, tested once, on the very reviews the others read."""

import pytest
from datasets import Dataset

from peft_core.config import RunConfig, TrainConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.reproduction.yardstick import YardstickConfig, measure
from peft_core.reviews.draws import draw, rows_fingerprint
from peft_core.reviews.word_counts import C_VALUES
from peft_core.statistics.intervals import wilson
from peft_core.training import measuring

pytestmark = pytest.mark.usefixtures("easy_reviews")

CONFIG = YardstickConfig(train_size=60, validation_size=80, seed=2)


@pytest.fixture
def splits():
    return measuring.load_splits("bundled")


def changed(split: Dataset, **columns) -> Dataset:
    return Dataset.from_dict({"text": split["text"][:], "label": split["label"][:]} | columns)


def test_it_learns_that_one_word_decides(splits):
    record = measure(CONFIG, splits)
    assert record.test.accuracy > 0.95
    assert record.test.n == len(record.test_right) == 120
    assert record.split_sizes == {"train": 60, "validation": 80, "test": 120}
    expected = wilson(record.test_right.count("1"), 120)
    assert (record.test.accuracy, record.test.low, record.test.high) == (expected.accuracy, expected.low, expected.high)


def test_it_repeats_itself(splits):
    first, second = (measure(CONFIG, splits) for _ in range(2))
    untimed = {"seconds": 0, "created": ""}
    assert first.model_copy(update=untimed) == second.model_copy(update=untimed)


def test_the_test_split_chooses_nothing(splits):
    """Other test reviews, another test accuracy; the same words, the same C, the same validation."""
    told = []
    record = measure(CONFIG, splits, lambda c, accuracy: told.append((c, accuracy.accuracy)))
    labels = splits["test"]["label"][:]
    wrong = changed(splits["test"], label=[1 - label for label in labels])
    other = measure(CONFIG, dict(splits) | {"test": wrong})
    assert (other.c, other.validations, other.features) == (record.c, record.validations, record.features)
    assert other.test.accuracy == pytest.approx(1 - record.test.accuracy)
    assert tuple(told) == record.validations
    assert [c for c, _ in told] == list(C_VALUES)


def test_c_is_the_smallest_of_the_best_on_validation(splits):
    record = measure(CONFIG, splits)
    best = max(accuracy for _, accuracy in record.validations)
    assert record.validation.accuracy == best
    assert record.c == min(c for c, accuracy in record.validations if accuracy == best)


def test_words_of_validation_and_test_are_not_counted(splits):
    other = {
        name: changed(split, text=[f"{text} unheard of" for text in split["text"][:]])
        for name, split in splits.items()
        if name != "train"
    }
    assert measure(CONFIG, dict(splits) | other).features == measure(CONFIG, splits).features


def test_it_reads_the_reviews_that_a_run_with_its_seed_reads(splits):
    run = RunConfig(method=LoraConfig(), data=CONFIG.data, train=TrainConfig(seed=2))
    assert measure(CONFIG, splits).data_fingerprint == rows_fingerprint(draw(run.data, run.train.seed, splits))
