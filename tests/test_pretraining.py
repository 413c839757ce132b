"""Pretraining with a tiny teacher: exact resume, only training reviews, a folder that plain Transformers loads."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import peft_core.distillation as distillation
import peft_core.pretraining as pretraining
from peft_core.backbone import load_backbone
from peft_core.distillation import windows_of
from peft_core.model_card import export
from peft_core.pretraining import PretrainConfig, Pretraining, batch_rows, learning_rate_at

WORDS = "a the film was good bad dull lively plot not negative positive sentiment :".split()
CONFIG = PretrainConfig(
    d_model=16, d_ff=24, num_heads=2, encoder_layers=1, decoder_layers=1, window=12, batch_size=4,
    snippet_batch_size=4, snippet_width=12, snippet_every=3, steps=8, warmup_steps=2,
)  # fmt: skip


class OnlyTrainingTexts(dict):
    """Stands for the splits: whoever asks for another split, or for a label, gets an error."""

    def __getitem__(self, split):
        assert split == "train"
        return {"text": [" ".join(WORDS[i % 10 :]) for i in range(30)]}


@pytest.fixture(autouse=True)
def tiny_world(monkeypatch, tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocabulary)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )

    def load_teacher():
        torch.manual_seed(0)
        shape = BertConfig(
            vocab_size=len(vocabulary), hidden_size=20, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20
        )
        return BertModel(shape).eval(), tokenizer

    snippets = {"text": ["good film", "dull plot"] * 420, "label": [1, 0] * 420}
    monkeypatch.setattr(pretraining, "load_teacher", load_teacher)
    monkeypatch.setattr(distillation, "load_splits", lambda source: OnlyTrainingTexts())
    monkeypatch.setattr(pretraining, "load_source", lambda source: _Rows(snippets))
    monkeypatch.setenv("PEFT_CACHE_DIR", str(tmp_path / "cache"))


class _Rows(dict):
    def __len__(self):
        return len(self["text"])


def test_a_stopped_run_goes_on_to_the_very_same_weights(tmp_path):
    straight = Pretraining(CONFIG, tmp_path / "a")
    straight.run()
    first = Pretraining(CONFIG, tmp_path / "b")
    for _ in range(5):
        first.one_step()
    first.save_state()
    second = Pretraining(CONFIG, tmp_path / "b")
    second.run()
    assert second.step == straight.step == 8
    for name, master in straight.masters.items():
        assert torch.equal(master, second.masters[name]), name


def test_distillation_and_snippets_are_learned(tmp_path):
    run = Pretraining(CONFIG.model_copy(update={"steps": 60, "learning_rate": 0.05}), tmp_path / "a")
    losses = [run.one_step() for _ in range(60)]
    for kind in ("distillation", "snippet"):
        values = [loss for name, loss in losses if name == kind]
        assert np.mean(values[-5:]) < np.mean(values[:5])


def test_the_finished_base_loads_like_any_other(tmp_path):
    run = Pretraining(CONFIG, tmp_path / "a")
    export(run, run.run(), tmp_path / "base")
    backbone = load_backbone(str(tmp_path / "base"))
    assert backbone.model.config.dropout_rate == 0.1
    assert backbone.tokenizer("good film")["input_ids"][-1] == backbone.tokenizer.eos_token_id
    card = (tmp_path / "base" / "README.md").read_text()
    assert f"{backbone.model.num_parameters():,} parameters" in card
    for name, parameter in backbone.model.named_parameters():
        assert torch.equal(parameter, run.masters[f"model.{name}"].to(torch.bfloat16).float())


@given(st.lists(st.integers(1, 9), max_size=100), st.integers(1, 20))
def test_windows_cover_a_review_and_all_but_a_short_one_are_full(ids, size):
    windows = windows_of(ids, size)
    assert all(len(window) == min(size, len(ids)) for window in windows)
    full = len(ids) // size
    assert [token for window in windows[:full] for token in window] == ids[: full * size]
    assert windows[-1] == ids[-size:]
    assert len(windows) == max(1, -(-len(ids) // size))


def test_batches_of_an_epoch_hold_each_row_once_and_epochs_differ():
    first = np.concatenate([batch_rows(12, 4, i, seed=0) for i in range(3)])
    second = np.concatenate([batch_rows(12, 4, i, seed=0) for i in range(3, 6)])
    assert sorted(first) == sorted(second) == list(range(12))
    assert first.tolist() != second.tolist()


def test_the_rate_is_constant_between_warm_up_and_decay():
    config = CONFIG.model_copy(update={"steps": 100, "warmup_steps": 10, "decay_fraction": 0.25})
    rates = [learning_rate_at(step, config) / config.learning_rate for step in range(101)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10:75] == [1.0] * 65
    assert rates[100] == 0
