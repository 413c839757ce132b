"""Batches have few shapes and hold every row once; what is too long is cut in the middle."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.reviews.batches import FILLER, encode, fixed_widths, make_batches, truncate


@given(ids=st.lists(st.integers(1, 99), max_size=80), room=st.integers(1, 40))
def test_truncation_keeps_head_and_tail(ids, room):
    kept = truncate(ids, room)
    assert len(kept) == min(len(ids), room)
    head = room // 4
    if len(ids) > room:
        assert kept[:head] == ids[:head]
        assert kept[head:] == ids[len(ids) - (room - head) :]


def test_encoding_ends_with_the_end_and_starts_with_the_prefix(backbone):
    long, short = encode(backbone.tokenizer, ["good film " * 50, "bad"], "sst2 sentence: ", 16)
    assert len(long) == 16
    assert long[:2] == short[:2] == [5, 6]
    assert long[-1] == short[-1] == backbone.tokenizer.eos_token_id
    words = backbone.tokenizer.convert_tokens_to_ids
    assert short == [words("sst2"), words("sentence:"), words("bad"), backbone.tokenizer.eos_token_id]
    (bare,) = encode(backbone.tokenizer, ["bad"], "", 16)
    assert bare == short[2:]


def test_widths_are_multiples_of_64_and_the_longest():
    assert [fixed_widths(n) for n in (16, 64, 65, 160)] == [(16,), (64,), (64, 65), (64, 128, 160)]


def test_what_does_not_fill_a_batch_moves_on_and_filler_completes_the_last():
    encoded = [[7] * n for n in (1, 2, 3, 9, 4)]
    first, second = make_batches(encoded, 3, (4, 10), pad_id=5)
    assert (first.rows.tolist(), second.rows.tolist()) == ([0, 1, 2], [4, 3, FILLER])
    assert first.input_ids.tolist() == [[7, 5, 5, 5], [7, 7, 5, 5], [7, 7, 7, 5]]
    assert first.attention_mask.tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]
    assert second.input_ids.tolist() == [[7] * 4 + [5] * 6, [7] * 9 + [5], [5] * 10]
    assert second.attention_mask.tolist() == [[1] * 4 + [0] * 6, [1] * 9 + [0], [1] + [0] * 9]


@given(
    lengths=st.lists(st.integers(1, 256), min_size=1, max_size=150),
    batch_size=st.integers(1, 40),
    shuffled=st.booleans(),
)
@settings(max_examples=60)
def test_batches_hold_every_row_once_in_a_few_fixed_shapes(lengths, batch_size, shuffled):
    encoded = [[7] * n for n in lengths]
    widths = fixed_widths(256)
    seed = (3, 1) if shuffled else None
    batches = make_batches(encoded, batch_size, widths, pad_id=0, seed=seed)
    rows = np.concatenate([b.rows for b in batches])
    assert sorted(rows[rows != FILLER]) == list(range(len(lengths)))
    assert (rows == FILLER).sum() < batch_size
    for batch in batches:
        assert batch.input_ids.shape == batch.attention_mask.shape
        assert batch.input_ids.shape[0] == batch_size
        assert batch.input_ids.shape[1] in widths
        for row, ids, mask in zip(batch.rows, batch.input_ids, batch.attention_mask, strict=True):
            assert mask.sum() == (1 if row == FILLER else lengths[row])
            assert ((ids == 7) == mask.astype(bool)).all() or row == FILLER
    again = make_batches(encoded, batch_size, widths, pad_id=0, seed=seed)
    assert all((a.rows == b.rows).all() for a, b in zip(batches, again, strict=True))


def test_another_epoch_is_another_order():
    encoded = [[7] * 5] * 64
    orders = [np.concatenate([b.rows for b in make_batches(encoded, 8, (64,), 0, (0, e))]).tolist() for e in (0, 1)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
