"""Every method learns a task with other words; what a run's folder holds is what it was asked to learn."""

import json

import pytest
import torch

from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.run_json import read_record
from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS, method_config
from peft_core.reviews.batches import encode
from peft_core.reviews.config import DataConfig
from peft_core.reviews.own.stored import FILE, read_texts, write_texts
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.training.evaluate import evaluate_checkpoint, measure_again
from peft_core.training.experiment import run_experiment
from peft_core.training.own_texts import fine_tune
from peft_core.training.runs import RunStore, new_spec
from peft_core.training.runs.worker import run_worker
from tests.own import NAMES, TEXTS, brought, stored

TRAIN = TrainConfig(epochs=1, batch_size=16, max_seconds=60)
OWN = stored().data(("Dull", "Lively"), NAMES, max_length=16)  # as written, and as they are answered


def trained(base, folder, method="lora", data=OWN, train=TRAIN):
    """A finished run and its checkpoint's folder."""
    folder.mkdir(parents=True)
    if data.own:
        write_texts(folder, stored())
    config = RunConfig(base=str(base), method=method_config(method), data=data, train=train)
    for _ in run_experiment(config, folder):
        pass
    return folder / "checkpoint"


@pytest.fixture(scope="module")
def own(base_folder, tmp_path_factory):
    """LoRA, long enough to have learned it."""
    train = TrainConfig(epochs=15, batch_size=8, learning_rate=0.02, warmup_fraction=0.0)
    return trained(base_folder, tmp_path_factory.mktemp("own") / "run", train=train)


@torch.inference_mode()
def library_says(model, backbone, texts, words):
    """p of the second word against the first, by transformers' own forward pass and a softmax over two logits."""
    first, second = backbone.tokenizer.convert_tokens_to_ids(list(words))
    found, start = [], torch.zeros(1, 1, dtype=torch.long)
    for ids in encode(backbone.tokenizer, texts, backbone.base.prefix, OWN.max_length):
        row = torch.tensor([ids])
        logits = model(input_ids=row, attention_mask=torch.ones_like(row), decoder_input_ids=start).logits[0, 0]
        found.append(torch.sigmoid(logits[second] - logits[first]).item())
    return found


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_a_task_with_other_words(base_folder, backbone, tmp_path, method):
    checkpoint = trained(base_folder, tmp_path / "run", method)
    record = read_record(checkpoint)
    assert record.config.data == OWN and "own texts (28)" in record.name
    assert record.split_sizes == {"train": 28, "validation": 10, "test": 10}
    model, _ = load_checkpoint(checkpoint, backbone)
    found = Predictor(backbone).classify(TEXTS[:3], checkpoint)
    assert [one.probability_positive for one in found] == pytest.approx(
        library_says(model, backbone, TEXTS[:3], NAMES), abs=1e-5
    )
    for one in found:
        assert one.labels == ("Dull", "Lively")
        assert one.label == one.labels[one.probability_positive > 0.5]
    assert evaluate_checkpoint(checkpoint, "test", None).accuracy == pytest.approx(record.test.accuracy)


def test_it_is_learned_and_the_answers_are_the_classes(own, backbone):
    record = read_record(own)
    assert record.test.accuracy > record.untrained.accuracy and record.test.accuracy > 0.8
    answers = Predictor(backbone).classify(["the film was funny", "a scene was sad"], own)
    assert [one.label for one in answers] == ["Lively", "Dull"]
    again = measure_again(own)
    assert (again.accuracy, again.n) == (record.test.accuracy, 10)


def test_checkpoints_of_two_tasks_in_one_pass_are_each_asked_for_their_own_words(own, base_folder, backbone, tmp_path):
    other = trained(base_folder, tmp_path / "run", data=DataConfig(task="lie", train_size=20, validation_size=20,
                                                                   test_size=20, max_length=16))  # fmt: skip
    predictor, texts = Predictor(backbone), TEXTS[:4]
    together = predictor.classify_with_each(texts, [own, other, None, own], untrained=OWN)
    for checkpoint, answers in zip([own, other, own], [together[0], together[1], together[3]], strict=True):
        alone = predictor.classify(texts, checkpoint)
        assert [one.probability_positive for one in answers] == pytest.approx(
            [one.probability_positive for one in alone], abs=1e-5
        )
        assert [one.labels for one in answers] == [one.labels for one in alone]
    assert [one.labels for one in together[1]] == [LABEL_WORDS] * 4
    untrained = library_says(backbone.model, backbone, texts, NAMES)
    assert [one.probability_positive for one in together[2]] == pytest.approx(untrained, abs=1e-5)
    assert together[2][0].labels == ("Dull", "Lively")


pytestmark = pytest.mark.usefixtures("easy_reviews")


def test_without_the_texts_nothing_is_measured(own, tmp_path):
    texts = (own.parent / FILE).read_bytes()
    (own.parent / FILE).unlink()
    try:
        with pytest.raises(PeftClassroomError, match="not here"):
            evaluate_checkpoint(own, "test", None)
    finally:
        (own.parent / FILE).write_bytes(texts)


# ---------------------------------------------------------------------------------------------------------------------
# The run's folder


@pytest.fixture
def submitted(tmp_path, base_folder):
    store = RunStore(tmp_path / "runs")
    config = RunConfig(method="lora", data=OWN, train=TRAIN)
    return store, store.create(new_spec(config, "somebody"), stored())


def never(config, folder, should_stop):
    pytest.fail("it was trained")
    yield


def test_a_run_keeps_its_texts_and_they_go_with_it(submitted):
    store, run = submitted
    assert read_texts(run.path) == stored()
    store.folder(run.id).write_status(run.status.changed(state="cancelled"))
    store.delete(run.id)
    assert not list(store.root.rglob(FILE)) and not run.path.exists()


def _another_text(content):
    content["train"][0][0] += " indeed"


def _moved_to_the_test(content):
    content["test"].append(content["validation"].pop())


def _copied_into_the_test(content):
    content["test"][0] = content["train"][0]


@pytest.mark.parametrize(
    ("tamper", "said"),
    [(_another_text, "not those"), (_moved_to_the_test, "not those"), (_copied_into_the_test, "two splits")],
)
def test_the_worker_refuses_texts_that_were_changed(submitted, tamper, said):
    store, run = submitted
    content = json.loads((run.path / FILE).read_text())
    tamper(content)
    (run.path / FILE).write_text(json.dumps(content))
    assert run_worker(run.path, never) == 1
    status = store.read(run.id).status
    assert status.state == "failed" and said in status.message


def test_the_worker_refuses_a_run_whose_texts_are_gone(submitted):
    store, run = submitted
    (run.path / FILE).unlink()
    assert run_worker(run.path, never) == 1
    assert "not here" in store.read(run.id).status.message


def test_nothing_is_stored_for_a_run_without_its_texts(tmp_path):
    store = RunStore(tmp_path / "runs")
    own, honest = (
        new_spec(RunConfig(method="lora", data=data, train=TRAIN), "somebody") for data in (OWN, DataConfig())
    )
    other = brought(("bad", "sad")).texts.model_copy(update={"train": stored().test, "test": stored().train})
    for spec, texts in ((own, None), (own, other), (honest, stored())):
        with pytest.raises(PeftClassroomError):
            store.create(spec, texts)
    assert not list(tmp_path.rglob("*.json"))


# ---------------------------------------------------------------------------------------------------------------------
# What else takes checkpoints


def test_two_tasks_are_not_compared(own, base_folder, tmp_path):
    from peft_core.analysis.comparison import compare

    lie = trained(base_folder, tmp_path / "run", data=DataConfig(task="lie", train_size=20, validation_size=20,
                                                                 test_size=20, max_length=16))  # fmt: skip
    infos = [CheckpointInfo(name=p.parent.name, path=p, record=read_record(p), shipped=False) for p in (own, lie)]
    with pytest.raises(PeftClassroomError, match="different tasks"):
        compare(*infos)
    with pytest.raises(PeftClassroomError, match="folder of their run"):
        compare(infos[0], infos[0].model_copy(update={"name": "the same"}), {})


def test_other_names_than_those_of_the_reviews_are_a_task_of_their_own(base_folder, tmp_path):
    tuned = fine_tune(TEXTS, ["lively" if "good" in t or "lively" in t or "funny" in t else "dull" for t in TEXTS],
                      "lora", str(base_folder), TRAIN, max_length=16, names=NAMES)  # fmt: skip
    answers = tuned.classify(TEXTS[:2])
    record = read_record(tuned.save(tmp_path / "mine"))
    assert record.learned.task == "own" and record.learned.words == record.learned.labels == NAMES
    again = Predictor(tuned.backbone).classify(TEXTS[:2], tmp_path / "mine")
    assert [(one.label, one.probability_positive) for one in again] == [
        (one.label, one.probability_positive) for one in answers
    ]
    assert {one.labels for one in again} == {NAMES}
    with pytest.raises(PeftClassroomError, match="not known here"):
        evaluate_checkpoint(tmp_path / "mine", "test", None)
