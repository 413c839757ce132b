"""Pretraining with a tiny teacher: exact resume, only training reviews, a folder that plain Transformers loads."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from peft_core.errors import PeftClassroomError
from peft_core.t5.backbone import load_backbone
from peft_core.training.loop.gradients import sliced
from peft_core.training.pretraining import teacher
from peft_core.training.pretraining.config import PretrainConfig
from peft_core.training.pretraining.model_card import export
from peft_core.training.pretraining.plan import batch_rows, learning_rate_at
from peft_core.training.pretraining.run import Pretraining, first_words
from peft_core.training.pretraining.student import blocks_of_base, empty_student, layers_of_teacher, student_tokenizer
from peft_core.training.pretraining.teacher import framed_rows, windows_of

WORDS = "a the film was good bad dull lively plot not negative positive sentiment :".split()
SMALL = {"window": 12, "batch_size": 4, "snippet_batch_size": 4, "snippet_width": 12, "snippet_every": 3}
CONFIG = PretrainConfig(
    d_model=16,
    d_ff=24,
    num_heads=2,
    encoder_layers=1,
    decoder_layers=1,
    taught={1: 2},
    steps=8,
    warmup_steps=2,
    **SMALL,
)
LIKE_THE_TEACHER = CONFIG.model_copy(
    update={"d_model": 20, "d_ff": 28, "encoder_layers": 2, "from_layers": True, "taught": {1: 1, 2: 2}}
)


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
            vocab_size=len(vocabulary), hidden_size=20, num_hidden_layers=2, num_attention_heads=2, intermediate_size=28
        )
        return BertModel(shape).eval(), tokenizer

    snippets = {"text": ["good film", "dull plot"] * 420, "label": [1, 0] * 420}
    monkeypatch.setattr(teacher, "load_teacher", load_teacher)
    monkeypatch.setattr(teacher, "load_splits", lambda source: OnlyTrainingTexts())
    monkeypatch.setattr(teacher, "load_source", lambda source: _Rows(snippets))
    monkeypatch.setenv("PEFT_CACHE_DIR", str(tmp_path / "cache"))


class _Rows(dict):
    def __len__(self):
        return len(self["text"])


@pytest.mark.parametrize("config", [CONFIG, LIKE_THE_TEACHER], ids=["words", "layers"])
def test_a_stopped_run_goes_on_to_the_very_same_weights(tmp_path, config):
    straight = Pretraining(config, tmp_path / "a")
    straight.run()
    first = Pretraining(config, tmp_path / "b")
    for _ in range(5):
        first.one_step()
    first.save_state()
    second = Pretraining(config, tmp_path / "b")
    second.run()
    assert second.step == straight.step == 8
    for name, master in straight.masters.items():
        assert torch.equal(master, second.masters[name]), name


@pytest.mark.parametrize("config", [CONFIG, LIKE_THE_TEACHER], ids=["words", "layers"])
def test_what_the_teacher_says_and_the_snippets_are_learned(tmp_path, config):
    run = Pretraining(config.model_copy(update={"steps": 60, "learning_rate": 0.05}), tmp_path / "a")
    before = run.held_out()
    losses = [run.one_step() for _ in range(60)]
    for kind in ("window", "snippet"):
        values = [loss for name, loss in losses if name == kind]
        assert np.mean(values[-5:]) < np.mean(values[:5])
    after = run.held_out()
    assert after["snippet_accuracy"] > 0.9  # "good film" and "dull plot"
    for name in (f"distance_after_{blocks}" for blocks in config.taught):
        assert after[name] < before[name]


def test_slices_of_a_batch_add_up_to_its_loss(tmp_path):
    run = Pretraining(CONFIG, tmp_path / "a")
    batch = run.window_batch(0)
    tokens, rows = int(batch.attention_mask.sum()), len(batch.rows)
    parts = [run.window_loss(part, tokens, rows).item() for part in sliced(batch, 2)]
    assert sum(parts) == pytest.approx(run.window_loss(batch, tokens, rows).item(), rel=1e-2)  # in bf16


def test_the_teacher_learns_the_snippets_once_and_is_kept(tmp_path):
    events: list[dict] = []
    learn = {"rate": 3e-3, "epochs": 8, "batch_size": 4}
    first, _ = teacher.sentiment_teacher(tmp_path, "sentiment: ", lambda **fields: events.append(fields), **learn)
    assert first.held_out_accuracy == 1.0 == max(event["held_out_accuracy"] for event in events)
    said = len(events)
    again, _ = teacher.sentiment_teacher(tmp_path, "sentiment: ", lambda **fields: events.append(fields))
    assert len(events) == said
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_layers_are_taken_from_a_teacher_of_the_same_shape_only():
    encoder, tokenizer = teacher.load_teacher()
    tokenizer = student_tokenizer(tokenizer)
    shape = {"d_model": 20, "d_ff": 28, "num_heads": 2, "num_layers": 2, "num_decoder_layers": 1}
    model = empty_student(shape, tokenizer, seed=0)
    layers_of_teacher(model, encoder, width=12)
    attention, own = model.encoder.block[1].layer[0].SelfAttention, encoder.encoder.layer[1].attention.self
    assert torch.equal(attention.v.weight, own.value.weight)
    q_k = attention.q.weight @ attention.k.weight.T
    assert torch.allclose(q_k, own.query.weight @ own.key.weight.T / 10**0.5, atol=1e-6)
    with pytest.raises(PeftClassroomError, match="d_model 20, d_ff 28, 2 heads, 2 encoder blocks"):
        layers_of_teacher(empty_student({**shape, "num_layers": 1}, tokenizer, seed=0), encoder, width=12)


@pytest.mark.parametrize("kept", [(0,), (1,), (0, 1), (1, 0)], ids=str)
def test_a_shorter_student_starts_as_its_base_without_the_other_blocks(tmp_path, kept):
    deep = Pretraining(LIKE_THE_TEACHER, tmp_path / "deep")
    export(deep, deep.run(), tmp_path / "base")
    config = LIKE_THE_TEACHER.model_copy(
        update={
            "from_layers": False,
            "from_base": str(tmp_path / "base"),
            "kept_blocks": kept,
            "encoder_layers": len(kept),
            "taught": {len(kept): 2},
        }
    )
    student = Pretraining(config, tmp_path / "short").model.float()
    base = load_backbone(str(tmp_path / "base")).own_copy()
    positions = base.encoder.block[0].layer[0].SelfAttention.relative_attention_bias
    blocks = [base.encoder.block[i] for i in kept]
    for place, block in enumerate(blocks):
        attention = block.layer[0].SelfAttention
        attention.has_relative_attention_bias = place == 0
        attention.relative_attention_bias = positions
        attention.layer_idx = place
    base.encoder.block = torch.nn.ModuleList(blocks)
    ids = torch.tensor([[5, 6, 7, 3], [8, 9, 3, 0]])
    torch.testing.assert_close(first_words(student, ids)[0], first_words(base, ids)[0])


@pytest.mark.parametrize("kept", [(0,), (0, 2)], ids=["too few", "beyond the last"])
def test_blocks_that_do_not_fit_are_refused(kept):
    _, tokenizer = teacher.load_teacher()
    shape = {"d_model": 20, "d_ff": 28, "num_heads": 2, "num_layers": 2, "num_decoder_layers": 1}
    base = empty_student(shape, student_tokenizer(tokenizer), seed=0)
    with pytest.raises(PeftClassroomError, match=re.escape("2 of the blocks 0 to 1")):
        blocks_of_base(empty_student(shape, student_tokenizer(tokenizer), seed=1), base, kept)


@given(st.lists(st.lists(st.integers(4, 14), max_size=30), min_size=1, max_size=4), st.integers(6, 20))
def test_a_row_is_framed_and_no_longer_than_asked(windows, width):
    _, tokenizer = teacher.load_teacher()
    rows = framed_rows(tokenizer, windows, "sentiment : ", width)
    assert rows.shape == (len(windows), 1 + width)
    for row, ids in zip(rows, windows, strict=True):
        used = row[row != 0].tolist()
        assert used[0] == tokenizer.cls_token_id and used[-1] == tokenizer.sep_token_id
        assert used[3:-1] == ids[: width - 3]  # after [CLS] and the two tokens of the prefix


def test_the_finished_base_loads_like_any_other(tmp_path):
    run = Pretraining(CONFIG, tmp_path / "a")
    export(run, run.run(), tmp_path / "base")
    backbone = load_backbone(str(tmp_path / "base"))
    assert backbone.model.config.dropout_rate == 0.1
    assert backbone.tokenizer("good film")["input_ids"][-1] == backbone.tokenizer.eos_token_id
    card = (tmp_path / "base" / "README.md").read_text()
    assert f"{backbone.model.num_parameters():,} parameters" in card
    assert f"{CONFIG.batch_size} training windows" in card
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
    lengths = np.array([5, 40, 70] * 4)
    first = np.concatenate([batch_rows(lengths, 4, i, seed=0) for i in range(3)])
    second = np.concatenate([batch_rows(lengths, 4, i, seed=0) for i in range(3, 6)])
    for i in range(6):
        assert len(set(lengths[batch_rows(lengths, 4, i, seed=0)])) == 1  # like with like
    assert sorted(first) == sorted(second) == list(range(12))
    assert first.tolist() != second.tolist()


def test_the_rate_is_constant_between_warm_up_and_decay():
    config = CONFIG.model_copy(update={"steps": 100, "warmup_steps": 10, "decay_fraction": 0.25})
    rates = [learning_rate_at(step, config) / config.learning_rate for step in range(101)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert rates[10:75] == [1.0] * 65
    assert rates[100] == 0
