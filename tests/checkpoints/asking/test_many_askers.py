"""Questions of many askers in one go: everyone's own answer, as if nobody else had asked."""

import threading
import time
from collections import Counter

import numpy as np
import pytest
import torch

from peft_core.checkpoints.asking import passes
from peft_core.checkpoints.asking.passes import TOLERANCE
from peft_core.checkpoints.asking.predictor import Predictor, Question
from peft_core.checkpoints.files import save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.serving.turns import Together, Turns
from tests.cases import CASES
from tests.trained import make_record, trained

WORDS = "good dull film plot funny sad scene very never bad".split()


@pytest.fixture(scope="module")
def folders(backbone, tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    ids = torch.randint(5, 27, (3, 7), generator=torch.Generator().manual_seed(2))
    for name, config in {**dict([*CASES.items()][::3]), "full": CASES["full"]}.items():  # some of each kind
        model = trained(backbone, config, (ids, torch.ones_like(ids)))
        save_checkpoint(model, make_record(backbone, config), backbone, root / name)
    return {path.name: path for path in root.iterdir()}


def questions(folders):
    """A different text each, of checkpoints of every method: one of its own, the one after it, and the base model."""
    names = [*folders]
    return [
        Question([" ".join(WORDS[: 1 + number % 9]) + f" {number}"], [folders[name], folders[names[number - 1]], None])
        for number, name in enumerate(names)
    ]


def same(found, expected):
    return all(
        np.isclose(mine[0].probability_positive, alone[0].probability_positive, rtol=0, atol=TOLERANCE)
        and (mine[0].label, mine[0].tokens, mine[0].notes) == (alone[0].label, alone[0].tokens, alone[0].notes)
        for mine, alone in zip(found, expected, strict=True)
    )


def test_many_who_ask_at_once_get_the_answers_they_would_get_alone_in_fewer_passes(backbone, folders, monkeypatch):
    asked = questions(folders)
    predictor = Predictor(backbone, max_checkpoints=len(folders))
    alone = [predictor.classify_with_each(one.texts, one.checkpoints) for one in asked]
    turns, computed, plain = Turns(), Counter(), passes.one_pass

    def counted(parts):
        computed["passes"] += 1
        return plain(parts)

    monkeypatch.setattr(passes, "one_pass", counted)
    for one in asked:
        predictor.answer([one])
    one_by_one = computed.pop("passes")
    together = Together(turns, lambda _, several: predictor.answer(several), size=lambda one: 3, most=1000)
    found = {}
    threads = [
        threading.Thread(target=lambda n=n, one=one: found.update({n: together.ask("t5", one, 60)}))
        for n, one in enumerate(asked)
    ]
    assert turns.take(0)  # somebody computes while they come
    for thread in threads:
        thread.start()
    while len(turns._line) < len(threads):
        time.sleep(0.001)
    turns.give_back()
    for thread in threads:
        thread.join()
    assert all(same(found[n], alone[n]) for n in range(len(asked)))
    assert computed["passes"] < len(asked) <= one_by_one


def test_what_is_wrong_with_one_question_is_said_to_its_asker_alone(backbone, folders, tmp_path):
    predictor = Predictor(backbone)
    lora, full = next(path for name, path in folders.items() if name.startswith("lora")), folders["full"]
    asked = [
        Question(["a good film"], [lora, full]),
        Question([" "], [lora]),
        Question(["good"], [tmp_path / "nobody", full]),
        Question(["never"] * 2, [full, None]),
    ]
    first, empty, gone, last = predictor.answer(asked)
    assert isinstance(empty, PeftClassroomError)
    assert "empty" in str(empty)
    assert isinstance(gone[0], PeftClassroomError)
    assert "is not a checkpoint" in str(gone[0])
    assert same(first, predictor.classify_with_each(["a good film"], [lora, full]))
    assert same(gone[1:], predictor.classify_with_each(["good"], [full]))
    assert same(last, predictor.classify_with_each(["never"] * 2, [full, None]))
    assert {p.together for p in last[0]} == {4}  # full fine-tuning has weights of its own: its rows go by themselves
