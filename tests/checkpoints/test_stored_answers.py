"""What `run.json` keeps of a test is what was measured, and its labels are those of the same reviews."""

import time

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.checkpoints.listing import list_checkpoints
from peft_core.checkpoints.record import Measured, RunRecord
from peft_core.checkpoints.run_json import MAX_RECORD_BYTES, RECORD, read_run_json, write_record
from peft_core.checkpoints.stored_answers import decimals, stored_test, untrained_test
from peft_core.config import TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import run_fingerprint, select
from peft_core.reviews.splits import data_fingerprint
from tests.trained import make_record, pretend


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_stored_decimals_are_short_and_give_back_every_bit(values):
    exact = np.array(values, dtype=np.float32)
    stored = decimals(exact)
    assert np.array_equal(np.array(stored, dtype=np.float32), exact)
    assert all(len(repr(p).replace("e-", "").replace("0.", "")) <= 14 for p in stored)
    assert [p > 0.5 for p in stored] == [p > 0.5 for p in exact]  # so the accuracy is the same, too


def with_probabilities(record: RunRecord, probabilities, accuracy: float) -> RunRecord:
    test = Measured(split="test", accuracy=accuracy, low=0, high=1, n=len(probabilities))
    return RunRecord(**{**dict(record), "test": test, "test_probabilities": tuple(probabilities)})


def test_a_record_keeps_its_probabilities_on_one_line(backbone, tmp_path):
    record = with_probabilities(make_record(backbone, LoraConfig()), [0.25, 1e-7, 1.0, 0.5000001], 0.5)
    write_record(record, tmp_path)
    lines = (tmp_path / RECORD).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "0.25" in line] == ['  "test_probabilities": [0.25, 1e-07, 1.0, 0.5000001],']
    assert read_run_json(tmp_path) == record
    assert [p.name for p in tmp_path.iterdir()] == [RECORD]
    write_record(make_record(backbone, LoraConfig()), tmp_path)  # replaces it; a record of an older run has none
    assert "test_probabilities" not in (tmp_path / RECORD).read_text(encoding="utf-8")
    assert read_run_json(tmp_path).test_probabilities is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [("[0.1]", "1 values for 2 test reviews"), ("[0.1, 1.5]", "less than or equal to 1"), ("[0.1, null]", "number")],
)
def test_damaged_probabilities_are_one_short_sentence(backbone, tmp_path, values, sentence):
    record = with_probabilities(make_record(backbone, LoraConfig()), [0.1, 0.9], 0.5)
    write_record(record.unbound(), tmp_path)  # without the seal, which would tell first
    path = tmp_path / RECORD
    path.write_text(path.read_text(encoding="utf-8").replace("[0.1, 0.9]", values), encoding="utf-8")
    with pytest.raises(PeftClassroomError, match=sentence) as error:
        read_run_json(tmp_path)
    assert len(str(error.value).removeprefix(str(path))) < 250


def test_the_largest_test_split_fits_and_many_records_are_listed_quickly(backbone, tmp_path, monkeypatch):
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path))
    generator = np.random.default_rng(0)
    small = 1 / (1 + np.exp(generator.normal(0, 12, 25_000)))  # many near 0: the longest decimals
    record = make_record(backbone, LoraConfig())
    write_record(with_probabilities(record, decimals(small), 0.5), tmp_path)
    assert (tmp_path / RECORD).stat().st_size < MAX_RECORD_BYTES / 2
    for number in range(50):
        folder = tmp_path / f"run-{number}" / "checkpoint"
        pretend(with_probabilities(record, decimals(small[:3000]), 0.5), folder)
    started = time.process_time()
    assert sum(not info.shipped for info in list_checkpoints()) == 50
    assert time.process_time() - started < 1  # about 0.05 s on an idle core


@pytest.fixture
def splits():
    def rows(size):
        return Dataset.from_dict({"text": [f"film {n}" for n in range(size)], "label": [n % 2 for n in range(size)]})

    return {"train": rows(40), "validation": rows(20), "test": rows(30)}


@pytest.fixture
def tested(backbone, splits):
    """A record of a run on `splits`, with probabilities that have 75% of 12 test reviews right."""
    record = make_record(backbone, LoraConfig())
    data = DataConfig(train_size=8, validation_size=4, test_size=12)
    config = record.config.model_copy(update={"data": data, "train": TrainConfig(seed=5)})
    drawn = {name: select(splits[name], size, seed) for name, size, seed in
             (("train", 8, 5), ("validation", 4, 0), ("test", 12, 0))}  # fmt: skip
    prints = [data_fingerprint(rows["text"][:], rows["label"][:]) for rows in drawn.values()]
    record = record.model_copy(update={"config": config, "data_fingerprint": run_fingerprint(prints)})
    labels = np.array(drawn["test"]["label"][:])
    right = np.arange(12) % 4 > 0
    return with_probabilities(record, decimals(np.where(right == (labels == 1), 0.9, 0.2)), 0.75), labels


def test_stored_probabilities_come_back_with_their_labels(tested, splits):
    record, labels = tested
    positive, truth = stored_test(record, splits)
    assert truth.tolist() == labels.tolist()
    assert ((positive > 0.5) == truth).mean() == 0.75


def test_labels_of_other_reviews_are_refused(tested, splits):
    record, _ = tested
    changed = splits | {"train": splits["train"].map(lambda row: {"text": row["text"].upper()})}
    with pytest.raises(PeftClassroomError, match="other reviews"):
        stored_test(record, changed)
    with pytest.raises(PeftClassroomError, match="--store"):
        stored_test(record.model_copy(update={"test_probabilities": None}), splits)
    swapped = tuple(1 - p for p in record.test_probabilities)
    with pytest.raises(PeftClassroomError, match="do not give the accuracy"):
        stored_test(record.model_copy(update={"test_probabilities": swapped}), splits)


def test_a_run_that_has_drawn_no_curve_still_says_what_the_untrained_base_had_right(backbone):
    before = Measured(split="test", accuracy=0.25, low=0.1, high=0.6, n=4)
    record = with_probabilities(make_record(backbone, LoraConfig()), [0.9, 0.1, 0.9, 0.9], 0.75)
    assert untrained_test([record]) is None
    told = RunRecord(**dict(record) | {"untrained_test": before, "discordant": (2, 0)})
    assert untrained_test([record, told]).accuracy == 0.25
    went_on = told.model_copy(update={"config": told.config.model_copy(update={"start_from": "0" * 64})})
    assert untrained_test([went_on]) is None  # that was a checkpoint, not the base
