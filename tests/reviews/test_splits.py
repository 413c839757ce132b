"""Splits are contiguous, balanced and disjoint."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.errors import PeftClassroomError
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
@settings(max_examples=100)
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
