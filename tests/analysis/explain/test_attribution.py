"""Scores of words: they add up, they are what the predictor would say, and nothing shared is touched."""

import math
from itertools import cycle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.analysis.explain import attribution
from peft_core.analysis.explain.attribution import (
    AVERAGE,
    BASELINES,
    TOLERANCE,
    integrated_gradients,
    logit_differences,
    occlusion,
    opposite,
)
from peft_core.analysis.explain.edits import delete_word
from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.reviews.batches import encode
from peft_core.reviews.word_tokens import read
from peft_core.t5.backbone import label_logits
from tests.cases import CASES, WORDS, every_config
from tests.trained import make_record, trained

TEXT = "the plot was very dull and sad , not funny"
LENGTH = 24


@pytest.fixture(scope="module")
def folders(backbone, tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    tokens = torch.randint(5, 27, (3, 7), generator=torch.Generator().manual_seed(2))
    for name, config in CASES.items():
        model = trained(backbone, config, (tokens, torch.ones_like(tokens)))
        save_checkpoint(model, make_record(backbone, config), backbone, root / name)
    return {config: root / name for name, config in CASES.items()}


@pytest.fixture
def model(backbone, folders, config):
    return load_checkpoint(folders[config], backbone)[0]


@every_config
def test_the_logit_difference_behind_the_embeddings_is_the_predictors(backbone, folders, model, config):
    (d,) = logit_differences(backbone, model, [TEXT], LENGTH)
    (prediction,) = Predictor(backbone).classify([TEXT], folders[config])
    assert 1 / (1 + math.exp(-d)) == pytest.approx(prediction.probability_positive, abs=1e-6)
    tokens = torch.tensor(encode(backbone.tokenizer, [TEXT], backbone.base.prefix, LENGTH))
    mask = torch.ones_like(tokens)
    negative, positive = label_logits(model, tokens, mask, backbone.label_ids)[0]
    behind = attribution._logit_difference(model, model.shared(tokens), mask, backbone.label_ids)
    assert behind.item() == pytest.approx((positive - negative).item(), abs=1e-5)


def logit_difference_of(backbone, model, fill):
    """d of TEXT with the embedding `fill` in the place of every word: a hook on the lookup, the model does all else."""
    tokens = torch.tensor(encode(backbone.tokenizer, [TEXT], backbone.base.prefix, LENGTH))
    first, last = tokens.shape[1] - 1 - len(TEXT.split()), tokens.shape[1] - 1  # a word is a token here; then the end

    def replaced(module, inputs, embedded):
        if inputs[0].shape[1] == tokens.shape[1]:  # not the decoder's one token
            embedded = embedded.clone()
            embedded[:, first:last] = fill
        return embedded

    tables = {m for name, m in model.named_modules() if name.endswith(("shared", "encoder.embed_tokens"))}
    hooks = [table.register_forward_hook(replaced) for table in tables]
    try:
        negative, positive = label_logits(model, tokens, torch.ones_like(tokens), backbone.label_ids)[0].tolist()
    finally:
        for hook in hooks:
            hook.remove()
    return positive - negative


# where the path begins does not depend on the method: each has one of the baselines, and one method has all of them
BEGINNINGS = [(name, baseline) for name, baseline in zip(CASES, cycle(BASELINES), strict=False)]
BEGINNINGS += [("soft_prompt-vocab", baseline) for baseline in (*BASELINES, AVERAGE)]


@pytest.mark.parametrize(
    ("config", "baseline"), [(CASES[name], baseline) for name, baseline in dict.fromkeys(BEGINNINGS)]
)
def test_integrated_gradients_are_complete(backbone, model, config, baseline, monkeypatch):
    monkeypatch.setattr(attribution, "MAX_STEPS", 27 * 3**4)
    monkeypatch.setattr(attribution, "MAX_POSITIONS", 10**9)
    found = integrated_gradients(backbone, model, TEXT, LENGTH, baseline)
    assert found.words == tuple(TEXT.split())
    table, ids = model.shared.weight.detach(), backbone.tokenizer.convert_tokens_to_ids(["<pad>", "."])
    starts = {"padding": table[ids[0]], "mean": table.sum(0) / len(table), "full_stop": table[ids[1]]}
    expected = {name: logit_difference_of(backbone, model, row) for name, row in starts.items()}
    assert dict(found.starts) == pytest.approx(expected, abs=1e-4)
    d = sum(expected.values()) / 3 if baseline == AVERAGE else expected[baseline]
    assert found.baseline == pytest.approx(d, abs=1e-4)
    assert found.complete
    assert found.total == pytest.approx(found.explained, abs=TOLERANCE * max(1, abs(found.explained)))
    whole = float(logit_differences(backbone, model, [TEXT], LENGTH)[0])
    assert sum(found.scores) == pytest.approx(whole - d, abs=2 * TOLERANCE * max(1, abs(whole - d)))
    assert found.total == pytest.approx(sum(found.scores) + found.rest)
    assert found.rest == 0  # prefix, prompt and end mark are the same at both ends of the path
    assert any(abs(score) > 1e-4 for score in found.scores)


def test_the_average_is_the_mean_of_each_words_scores(backbone, folders):
    model, _ = load_checkpoint(folders[CASES["lora-all"]], backbone)
    each = [integrated_gradients(backbone, model, TEXT, LENGTH, one) for one in BASELINES]
    together = integrated_gradients(backbone, model, TEXT, LENGTH, AVERAGE)
    assert together.scores == pytest.approx(np.mean([one.scores for one in each], 0))
    assert together.steps == sum(one.steps for one in each)
    with pytest.raises(PeftClassroomError, match="Choose one of: padding, mean, full_stop, average"):
        integrated_gradients(backbone, model, TEXT, LENGTH, "zero")


def test_opposite_signs_are_those_of_scores_that_are_not_small():
    def result(*scores):
        return attribution.Attribution("occlusion", tuple("abcde"), scores, 0.0, 0.0, 0.0, 1, 0.0)

    first, second = result(0.2, -0.5, 3.0, 0.05, None), result(-0.1, 0.9, 1.0, -9.0, None)
    assert opposite(first, second) == opposite(second, first) == [1, 0]


@every_config
def test_occlusion_is_what_deleting_the_word_does(backbone, model, config):
    found = occlusion(backbone, model, TEXT, LENGTH)
    for index, score in enumerate(found.scores):
        with_word, without, nothing = logit_differences(
            backbone, model, [TEXT, delete_word(TEXT, index).text, ""], LENGTH
        )
        assert score == pytest.approx(with_word - without, abs=1e-5)
        assert (found.whole, found.baseline) == pytest.approx((with_word, nothing), abs=1e-5)


@every_config
def test_nothing_shared_is_touched(backbone, model, config):
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    asked = {name: p.requires_grad for name, p in model.named_parameters()}
    for method in attribution.METHODS.values():
        method(backbone, model, TEXT, LENGTH)
    for name, parameter in model.named_parameters():
        assert parameter.grad is None
        assert parameter.requires_grad == asked[name]
        assert torch.equal(parameter, before[name])
    assert all(p.grad is None and not p.requires_grad for p in backbone.model.parameters())


def test_more_steps_close_the_gap_and_the_limit_is_admitted(backbone, folders, monkeypatch):
    model, _ = load_checkpoint(folders[CASES["lora-all"]], backbone)
    monkeypatch.setattr(attribution, "TOLERANCE", 0.0)  # never enough
    gaps = []
    for most in (27, 81, 243):
        monkeypatch.setattr(attribution, "MAX_STEPS", most)
        found = integrated_gradients(backbone, model, TEXT, LENGTH)
        assert found.steps == most
        assert not found.complete
        gaps.append(found.gap)
    assert gaps[-1] < gaps[0]
    monkeypatch.setattr(attribution, "MAX_POSITIONS", 1)  # a long review: the first steps, no more
    assert integrated_gradients(backbone, model, TEXT, LENGTH).steps == attribution.FIRST_STEPS


def test_points_that_were_done_are_not_done_again():
    coarse, fine = attribution._midpoints(27), attribution._midpoints(81)
    assert np.allclose(coarse, [point for j, point in enumerate(fine) if j % 3 == 1])


@given(st.lists(st.sampled_from([*WORDS, "unheard-of", "電影"]), min_size=1, max_size=40), st.integers(8, 30))
@settings(max_examples=40)
def test_a_reading_is_what_the_model_gets_and_knows_what_was_not_read(backbone, words, max_length):
    text = " ".join(words)
    reading = read(backbone.tokenizer, backbone.base.prefix, text, max_length)
    assert [reading.ids] == encode(backbone.tokenizer, [text], backbone.base.prefix, max_length)
    assert len(reading.word_of) == len(reading.ids)
    for token, word in zip(reading.ids, reading.word_of, strict=True):
        if word is not None:
            assert backbone.tokenizer.convert_tokens_to_ids(words[word]) == token
    room = max_length - 1 - reading.word_of.index(0)
    assert len(reading.read) == min(len(words), room)


def test_words_that_were_not_read_have_no_score(backbone, folders):
    model, _ = load_checkpoint(folders[CASES["soft_prompt-vocab"]], backbone)
    text = " ".join(["good"] * 40)
    for method in attribution.METHODS.values():
        found = method(backbone, model, text, 12)
        scored = [index for index, score in enumerate(found.scores) if score is not None]
        assert scored == sorted(read(backbone.tokenizer, backbone.base.prefix, text, 12).read)
        assert len(scored) < 40
        assert sorted(found.most_influential(40)) == scored


def test_pieces_go_to_their_words_with_both_kinds_of_tokenizer():
    from types import SimpleNamespace

    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    from peft_core.t5.architecture import base_model

    text = "Its isn't  unbelievably good!!"
    bundled = AutoTokenizer.from_pretrained(base_model("tiny-t5").source)  # WordPiece, as in BERT
    vocabulary = ["</s>", "▁", *"Itsnublevayod!gi'"]
    letters = Tokenizer(models.BPE({c: i for i, c in enumerate(dict.fromkeys(vocabulary))}, []))  # as SentencePiece
    letters.pre_tokenizer = pre_tokenizers.Metaspace()
    for tokenizer in (bundled, PreTrainedTokenizerFast(tokenizer_object=letters, eos_token="</s>", unk_token="</s>")):
        backbone = SimpleNamespace(tokenizer=tokenizer, base=SimpleNamespace(prefix="", name="made here"))
        reading = read(backbone.tokenizer, backbone.base.prefix, text, 64)
        spoken = ["", "", "", ""]
        for token, word in zip(tokenizer.convert_ids_to_tokens(reading.ids[:-1]), reading.word_of[:-1], strict=True):
            spoken[word] += token
        assert [piece.replace("#", "").replace("▁", "").lower() for piece in spoken] == text.lower().split()


def test_no_words_and_a_slow_tokenizer_are_sentences(backbone):
    from types import SimpleNamespace

    with pytest.raises(PeftClassroomError, match="at least one word"):
        read(backbone.tokenizer, backbone.base.prefix, " \n", LENGTH)
    slow = SimpleNamespace(tokenizer=SimpleNamespace(is_fast=False), base=backbone.base)
    with pytest.raises(PeftClassroomError, match="does not say which characters"):
        read(slow.tokenizer, slow.base.prefix, TEXT, LENGTH)
