"""Rows of different checkpoints in one pass: every answer is what the checkpoint says by itself."""

import threading
from itertools import count

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from peft_core.checkpoints.asking import passes
from peft_core.checkpoints.asking.packed_pass import can_share
from peft_core.checkpoints.asking.passes import TOLERANCE, Row, label_logits
from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.backbone import label_logits as library_logits
from tests.cases import CASES
from tests.trained import make_record, on_replica, trained

SHARING = [name for name in CASES if name != "full"]
TEXTS = ["a good film", "the plot was very dull and sad , not funny", "i never", "bad " * 60, "scene"]


def tokens():
    ids = torch.randint(5, 27, (3, 7), generator=torch.Generator().manual_seed(2))
    return ids, torch.ones_like(ids)


@pytest.fixture(scope="module")
def models(backbone):
    """A trained model of every configuration, and the base model, untrained."""
    return {n: on_replica(backbone, trained(backbone, c, tokens()), c) for n, c in CASES.items()} | {
        "base": backbone.model
    }


@pytest.fixture(scope="module")
def folders(backbone, tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    for name, config in CASES.items():
        save_checkpoint(trained(backbone, config, tokens()), make_record(backbone, config), backbone, root / name)
    return {name: root / name for name in CASES}


@torch.inference_mode()
def one_by_one(row, backbone):
    """What transformers' own forward pass says of a row alone."""
    ids = torch.tensor([row.ids])
    return library_logits(row.model, ids, torch.ones_like(ids), backbone.label_ids)


rows_of_checkpoints = st.lists(
    st.tuples(st.sampled_from([*SHARING, "base"]), st.lists(st.integers(0, 63), min_size=1, max_size=40)),
    min_size=1,
    max_size=12,
)


@given(rows_of_checkpoints, st.sampled_from([8, 64, 2048]))
@settings(max_examples=60)
def test_any_mix_of_rows_gives_what_each_row_gives_alone(backbone, models, mix, most_tokens):
    rows = [Row(models[name], ids) for name, ids in mix]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "PASS_TOKENS", most_tokens)  # also when it takes several passes
        together = label_logits(rows, backbone.label_ids)
    expected = torch.cat([one_by_one(row, backbone) for row in rows])
    assert torch.allclose(together, expected, rtol=0, atol=TOLERANCE)
    alone = torch.cat([label_logits([row], backbone.label_ids) for row in rows])
    assert torch.allclose(together, alone, rtol=0, atol=TOLERANCE)
    backwards = label_logits(rows[::-1], backbone.label_ids).flip(0)
    assert torch.allclose(together, backwards, rtol=0, atol=TOLERANCE)


def test_a_method_that_a_pass_does_not_know_is_asked_by_itself_and_answers_as_it_would(backbone):
    class Unheard(nn.Module):
        def forward(self, x):
            return 2 * x

    model = backbone.replica()
    model.encoder.block[0].layer[0].dropout = Unheard()
    assert not can_share(model, backbone)
    rows = [Row(model, ids) for ids in ([8, 9, 1], [10, 11, 12, 1])]
    for row, logits in zip(rows, label_logits(rows, backbone.label_ids), strict=True):
        ids = torch.tensor([row.ids])
        assert torch.equal(library_logits(model, ids, torch.ones_like(ids), backbone.label_ids)[0], logits)


# ---------------------------------------------------------------------------------------------------------------------
# The predictor, which asks for such passes


def numbers(predictions):
    return [p.probability_positive for p in predictions]


@given(st.lists(st.sampled_from([*CASES, None]), min_size=1, max_size=6), st.permutations(TEXTS))
@settings(max_examples=30)
def test_asking_checkpoints_together_is_asking_one_after_another(backbone, folders, names, texts):
    predictor = Predictor(backbone)
    together = predictor.classify_with_each(texts, [folders.get(name) for name in names])
    for name, predictions in zip(names, together, strict=True):
        alone = [predictor.classify([text], folders.get(name))[0] for text in texts]
        assert np.allclose(numbers(predictions), numbers(alone), rtol=0, atol=TOLERANCE)
        assert [(p.label, p.tokens, p.notes) for p in predictions] == [(p.label, p.tokens, p.notes) for p in alone]


def test_a_checkpoint_that_cannot_be_loaded_does_not_keep_the_others_from_answering(backbone, folders, tmp_path):
    predictor = Predictor(backbone)
    asked = [folders["lora"], tmp_path / "nobody", None, folders["full"]]
    first, bad, base, full = predictor.classify_with_each(TEXTS, asked)
    assert isinstance(bad, PeftClassroomError)
    assert "is not a checkpoint" in str(bad)
    for predictions, folder in ((first, folders["lora"]), (base, None), (full, folders["full"])):
        assert np.allclose(numbers(predictions), numbers(predictor.classify(TEXTS, folder)), rtol=0, atol=TOLERANCE)
    with pytest.raises(PeftClassroomError, match="is not a checkpoint"):
        predictor.classify(TEXTS, tmp_path / "nobody")
    with pytest.raises(PeftClassroomError, match="empty"):
        predictor.classify_with_each(["good", " "], asked)


def test_what_is_computed_together_is_said(backbone, folders):
    asked = [folders["lora"], folders["full"], folders["adapter-houlsby"]]
    lora, full, adapter = Predictor(backbone).classify_with_each(TEXTS, asked)
    assert {p.together for p in (*lora, *adapter)} == {2 * len(TEXTS)}
    assert len({p.seconds for p in (*lora, *adapter)}) == 1
    assert {p.together for p in full} == {len(TEXTS)}
    assert full[0].seconds > 0


def test_sessions_that_ask_at_the_same_time_do_not_meet(backbone, folders):
    shared = Predictor(backbone)
    mixes = [["lora", "adapter-pfeiffer", "full"], ["soft_prompt-random", "lora-all", "lora"]]
    wanted = [shared.classify_with_each(TEXTS, [folders[name] for name in mix]) for mix in mixes]
    wrong = []

    def ask(number):
        for _ in range(10):
            got = shared.classify_with_each(TEXTS, [folders[name] for name in mixes[number]])
            for predictions, expected in zip(got, wanted[number], strict=True):
                if not np.allclose(numbers(predictions), numbers(expected), rtol=0, atol=TOLERANCE):
                    wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_many_checkpoints_are_one_backbone_and_their_own_tensors(backbone, tmp_path):
    number = count()

    def saved(config):
        folder = tmp_path / str(next(number))
        save_checkpoint(trained(backbone, config, tokens()), make_record(backbone, config), backbone, folder)
        return folder

    configs = [CASES[name] for name in SHARING] + [LoraConfig(r=r) for r in (1, 2, 3)]
    predictor = Predictor(backbone)
    held = [predictor.model(saved(config))[0] for config in configs]
    tensors = {t.data_ptr(): t.nbytes for m in held for t in (*m.parameters(), *m.buffers())}
    own = sum(p.nbytes for m in held for p in m.parameters() if p.requires_grad)
    base = {t.data_ptr(): t.nbytes for t in (*backbone.model.parameters(), *backbone.model.buffers())}
    assert len(held) == len(configs) >= 10
    assert sum(tensors.values()) == sum(base.values()) + own
