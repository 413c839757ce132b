"""Splits are contiguous, balanced and disjoint; batches have few shapes and hold every row once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.errors import PeftClassroomError
from peft_core.reviews.batches import FILLER, encode, fixed_widths, make_batches, truncate
from peft_core.reviews.splits import (
    SPLIT_SIZES,
    balanced_subset,
    clean,
    data_fingerprint,
    load_source,
    load_splits,
    split_rows,
)


def test_bundled_splits_are_the_sizes_balanced_and_share_no_text():
    splits = load_splits()
    texts = {name: set(split["text"][:]) for name, split in splits.items()}
    for name, size in SPLIT_SIZES.items():
        assert len(splits[name]) == size
        assert sum(splits[name]["label"][:]) == size / 2
    assert not texts["train"] & texts["validation"]
    assert not texts["train"] & texts["test"]
    assert not texts["validation"] & texts["test"]
    assert not any("<br" in text for split in texts.values() for text in split)


def test_bundled_splits_are_the_same_everywhere():
    train = load_splits()["train"]
    assert data_fingerprint(train["text"][:], train["label"][:]).startswith("f4803a735d99")


def test_snippets_are_another_source():
    assert len(load_source("rotten_tomatoes")) == 8_530


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1)), min_size=20, max_size=60))
@settings(max_examples=100, deadline=None)
def test_every_copy_of_a_text_is_in_one_split_and_no_row_is_used_twice(rows):
    texts, labels = [f"{group} {label}" for group, label in rows], [label for _, label in rows]
    sizes = {"train": 8, "validation": 4, "test": 4}
    try:
        chosen = split_rows(texts, labels, sizes)
    except PeftClassroomError:
        return  # copies may be too many for the cuts; then it says so
    rows = [row for part in chosen.values() for row in part]
    assert len(rows) == len(set(rows)) == sum(sizes.values())
    owners = {}
    for name, part in chosen.items():
        assert sum(labels[row] for row in part) == sizes[name] / 2
        for row in part:
            assert owners.setdefault(texts[row], name) == name


def test_without_copies_the_blocks_are_contiguous():
    labels = [0] * 10 + [1] * 10
    chosen = split_rows([str(i) for i in range(20)], labels, {"train": 12, "validation": 4, "test": 4})
    assert chosen["train"] == [*range(6), *range(10, 16)]
    assert chosen["validation"] == [6, 7, 16, 17]
    assert chosen["test"] == [8, 9, 18, 19]


def test_a_subset_is_balanced_reproducible_and_changes_with_the_seed():
    labels = [0, 1] * 50
    one, again, other = (balanced_subset(labels, 20, seed) for seed in (0, 0, 1))
    assert one == again != other
    assert sum(labels[row] for row in one) == 10
    for size in (0, 3, 102):
        with pytest.raises(PeftClassroomError, match="even number from 2 to 100"):
            balanced_subset(labels, size, 0)


def test_the_hub_source_says_what_to_do_when_there_is_no_network():
    with pytest.raises(PeftClassroomError, match="use the bundled reviews"):
        load_splits("hub")
    with pytest.raises(PeftClassroomError, match="bundled, hub"):
        load_splits("elsewhere")


def test_cleaning():
    assert clean("one<br /><br />two \n three") == "one two three"


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
