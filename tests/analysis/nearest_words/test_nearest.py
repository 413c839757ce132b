"""The nearest words, against every word looked at one by one; and where a row comes from."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.analysis.nearest_words.checkpoint_rows import load_rows, of_models
from peft_core.analysis.nearest_words.nearest import (
    SPARE,
    by_cosine,
    by_distance,
    cosine_between,
    cosine_by_chance,
)
from peft_core.checkpoints.files import save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from tests.trained import apply, make_record, train_a_little


@st.composite
def spaces(draw):
    """(rows, table, k): more words than the candidates that are computed again, some twice, one of them zero."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d, words = draw(st.integers(2, 6)), draw(st.integers(2, 3 * SPARE))
    table = rng.integers(-3, 4, (words, d)).astype(np.float32)  # whole numbers: ties, which are exact
    table[draw(st.integers(0, words - 1))] = 0
    return rng.normal(size=(3, d)).astype(np.float32), table, draw(st.integers(1, words))


def cosine(p, e) -> float:
    lengths = math.sqrt(sum(x * x for x in p)) * math.sqrt(sum(x * x for x in e))
    return sum(x * y for x, y in zip(p, e, strict=True)) / lengths if lengths else 0.0


@settings(deadline=None)
@given(spaces())
def test_both_are_what_looking_at_every_word_gives(space):
    rows, table, k = space
    near, close = by_cosine(rows, table, k), by_distance(rows, table, k)
    for number, row in enumerate(rows.tolist()):
        cosines = sorted((-cosine(row, word), i) for i, word in enumerate(table.tolist()))[:k]
        distances = sorted((math.dist(row, word), i) for i, word in enumerate(table.tolist()))[:k]
        assert np.allclose(near.values[number], [-value for value, _ in cosines], atol=1e-6)
        assert np.allclose(close.values[number], [value for value, _ in distances], atol=1e-6)
        for found, of_each in ((near, cosines), (close, distances)):
            gaps = np.diff([value for value, _ in of_each])
            if k == 1 or (abs(gaps) > 1e-5).all():  # nearly equal ones may change places
                assert found.ids[number, : k - 1].tolist() == [i for _, i in of_each][: k - 1]


@settings(deadline=None)
@given(spaces(), st.floats(0.01, 100))
def test_length_is_nothing_to_the_direction(space, factor):
    rows, table, _ = space
    one, other = by_cosine(rows, table, 1), by_cosine(np.float32(factor) * rows, table, 1)
    assert np.allclose(one.values, other.values, atol=1e-6)


def test_a_word_is_nearest_to_itself_exactly():
    table = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32) * 1000
    found = by_distance(table, table, 2)
    assert (found.ids[:, 0] == np.arange(500)).all()
    assert (found.values[:, 0] == 0).all()  # not what rounding leaves of ‖p‖² − 2⟨p, e⟩ + ‖e‖²
    assert (found.values[:, 1] > 0).all()
    assert np.allclose(by_cosine(table, table, 1).values, 1)


def test_what_chance_gives_and_what_words_give():
    axes = np.eye(3)
    found = cosine_by_chance(axes, draws=4000)  # the largest of three coordinates of a random point on a sphere
    points = np.random.default_rng(1).standard_normal((200_000, 3))
    assert found == pytest.approx((points.max(1) / np.linalg.norm(points, axis=1)).mean(), abs=0.02)
    pairs = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0, 0, 2.0], [0, 0.6, 1.6 / 2]])
    largest = [max(cosine(pairs[i], pairs[j]) for j in range(4) if j != i) for i in range(4)]
    assert cosine_between(pairs) == pytest.approx(sum(largest) / 4)


# ---------------------------------------------------------------------------------------------------------------------
# The rows of a checkpoint


@pytest.mark.parametrize(
    ("config", "from_words"),
    [
        (SoftPromptConfig(num_virtual_tokens=4), True),
        (SoftPromptConfig(num_virtual_tokens=4, prompt_init="text", prompt_text="good film"), True),
        (SoftPromptConfig(num_virtual_tokens=4, prompt_init="random"), False),
    ],
)
def test_what_a_run_started_from_is_drawn_again_with_its_seed(backbone, batch, tmp_path, config, from_words):
    record = make_record(backbone, config)
    seeded = record.config.train.model_copy(update={"seed": 7})
    record = record.model_copy(update={"config": record.config.model_copy(update={"train": seeded})})
    words = backbone.tokenizer("good film", add_special_tokens=False)["input_ids"]
    torch.manual_seed(7)
    model = apply_method(backbone.own_copy(), config, words)
    before = model.rows.detach().clone().numpy()
    train_a_little(model, batch)
    save_checkpoint(model, record, backbone, tmp_path / "prompt")
    found = load_rows(tmp_path / "prompt", backbone)
    assert np.array_equal(found.start, before)
    assert np.array_equal(found.trained, model.rows.detach().numpy())
    assert not np.array_equal(found.trained, found.start)
    assert np.array_equal(found.table, backbone.model.shared.weight.numpy())
    for row, word in zip(found.start, found.start_ids, strict=True):
        assert (word is not None) == from_words
        assert word is None or np.array_equal(found.table[word], row)
    if config.start_text:
        assert list(found.start_ids) == words * 2


def test_nothing_else_is_taken_for_the_start(backbone):
    """A row that is nearly a word's is no word's."""
    config = SoftPromptConfig(num_virtual_tokens=2)
    start, trained = apply(backbone, config), apply(backbone, config, seed=1)
    with torch.no_grad():
        start.prompt_embeddings[0] += 1e-3
    one, other = of_models(trained, start, backbone).start_ids
    assert one is None and other is not None


def test_a_method_without_rows_is_a_sentence(backbone, tmp_path):
    model = apply(backbone, LoraConfig(r=2))
    save_checkpoint(model, make_record(backbone, LoraConfig(r=2)), backbone, tmp_path / "lora")
    with pytest.raises(PeftClassroomError, match="no rows in front"):
        load_rows(tmp_path / "lora", backbone)
