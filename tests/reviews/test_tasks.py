"""A task is a choice: the reviews as they were, the same with swapped labels, own texts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.checkpoints.listing import list_checkpoints
from peft_core.checkpoints.run_json import RECORD
from peft_core.config import LIE_PRESETS, OWN_STEPS, PRESETS, RunConfig, presets_of, run_name
from peft_core.errors import PeftClassroomError
from peft_core.paths import SHIPPED_CHECKPOINTS
from peft_core.reviews.config import REVIEWS, DataConfig, OwnTexts
from peft_core.reviews.draws import draw, drawn_fingerprints
from peft_core.reviews.own.classes import MAX_TEXTS, MIN_TEXTS
from peft_core.reviews.tasks import check_one_task, task_of
from peft_core.training.runs import CLASSROOM_LIMITS, check_limits
from tests.own import NAMES, stored

LIE = DataConfig(task="lie", train_size=20, validation_size=20)
OWN = stored().data(NAMES, NAMES)


def test_every_stored_run_has_the_meaning_it_had():
    shipped = sorted(SHIPPED_CHECKPOINTS.glob(f"*/{RECORD}"))
    records = {info.path.name: info.record for info in list_checkpoints() if info.shipped}
    assert len(shipped) == len(records) > 0
    for path in shipped:
        record, written = records[path.parent.name], json.loads(path.read_text())
        assert "task" not in written["config"]["data"]
        assert record.config.model_dump(mode="json", exclude_unset=True) == written["config"]
        assert (record.learned.task_key, record.learned.labels, record.learned.words) == (
            "reviews", ("negative", "positive"), ("negative", "positive"),
        )  # fmt: skip


def test_the_lie_has_the_same_texts_and_every_label_turned_round(learnable):
    lie, honest = task_of(LIE, learnable), task_of(DataConfig(), learnable)
    assert (lie.labels, lie.words, lie.key) == (honest.labels, honest.words, "lie")
    for name, split in learnable.items():
        assert lie.splits[name]["text"][:] == split["text"][:] == honest.splits[name]["text"][:]
        assert [a + b for a, b in zip(lie.splits[name]["label"][:], split["label"][:], strict=True)] == [1] * len(split)
    truth = dict(zip(learnable["train"]["text"][:], learnable["train"]["label"][:], strict=True))
    drawn = draw(LIE, 3, learnable)["train"]
    assert len(drawn) == 20 and sum(drawn["label"][:]) == 10
    assert all(label == 1 - truth[text] for text, label in zip(drawn["text"][:], drawn["label"][:], strict=True))


def test_a_draw_of_the_lie_is_no_draw_of_the_reviews(learnable):
    honest = DataConfig(train_size=20, validation_size=20)
    for splits in (learnable, dict(learnable)):
        one, other = drawn_fingerprints(honest, 0, splits), drawn_fingerprints(LIE, 0, splits)
        assert not set(one.values()) & set(other.values())
    with pytest.raises(PeftClassroomError, match="folder of their run"):
        draw(OWN, 0, learnable)


@given(st.tuples(*[st.text("abcXYZ<>*[](){}$=", min_size=1, max_size=40)] * 2).filter(lambda pair: pair[0] != pair[1]))
def test_no_name_holds_text_of_a_user(names):
    own = OwnTexts(sha256="0" * 64, labels=names, words=("bad", "good"))
    data = DataConfig(task="own", own=own, train_size=37, validation_size=12, test_size=12)
    config = RunConfig(method="lora", data=data)
    assert run_name(config) == "LoRA r=8, own texts (37), seed 0"
    assert config.data.task_key == "own-00000000"


def test_a_name_says_the_task():
    assert run_name(RunConfig(method="lora", data={"task": "lie"})) == "LoRA r=8, lie, 4,000 reviews, seed 0"
    assert run_name(RunConfig(method="lora")) == "LoRA r=8, 4,000 reviews, seed 0"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"task": "own"}, "belong together"),
        ({"own": OWN.own.model_dump()}, "belong together"),
        ({"task": "lie", "own": OWN.own.model_dump()}, "belong together"),
        ({"train_size": 3}, "multiple of 2"),
        ({"task": "lie", "test_size": 3}, "multiple of 2"),
        ({"task": "own", "own": {**OWN.own.model_dump(), "words": ("x", "x")}}, "two different names"),
        ({"task": "own", "own": {**OWN.own.model_dump(), "labels": ("a\n", "b")}}, "two different names"),
        ({"task": "own", "own": {**OWN.own.model_dump(), "labels": ("a" * 41, "b")}}, "at most 40"),
        ({"task": "poetry"}, "'reviews', 'lie' or 'own'"),
    ],
)
def test_what_does_not_go_together_is_refused(data, said):
    with pytest.raises(PeftClassroomError, match=said):
        RunConfig(method="lora", data=data)


def test_presets_are_those_of_a_task():
    assert presets_of("reviews") == PRESETS and presets_of("lie") == LIE_PRESETS
    sizes = [round(0.6 * number) for number in (MIN_TEXTS, 25, 40, 60, 100, 300, 1000, MAX_TEXTS)]
    for task, size in [("reviews", 0), ("lie", 0), *(("own", size) for size in sizes)]:
        for name, preset in presets_of(task, size).items():
            train = {"epochs": preset.epochs, "batch_size": preset.batch_size, "max_seconds": preset.max_seconds or 900}
            data = DataConfig(train_size=preset.train_size("lora") // 2 * 2, max_length=preset.max_length)
            check_limits(RunConfig(method="lora", data=data, train=train), CLASSROOM_LIMITS)
            if task == "own":
                steps = -(-size // preset.batch_size) * preset.epochs
                assert preset.train_size("full") == preset.train_size("lora") == size
                assert steps >= OWN_STEPS["short"], (name, size, preset)


def test_checkpoints_of_different_tasks_are_not_put_side_by_side():
    check_one_task([LIE, LIE], ["a", "b"])
    for learned in ([REVIEWS, LIE], [LIE, OWN], [OWN, OWN.model_copy(update={"own": _other()})]):
        with pytest.raises(PeftClassroomError, match="first and second have learned different tasks"):
            check_one_task(learned, ["first", "second"])


def _other():
    return OWN.own.model_copy(update={"sha256": "f" * 64})
