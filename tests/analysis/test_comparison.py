"""Two checkpoints on the same test reviews: the shipped ones give known values, others are refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from peft_core.analysis import comparison
from peft_core.analysis.comparison import compare, compare_all, compare_with, difference_sentence
from peft_core.checkpoints.differences import ABSENT, differences, settings
from peft_core.checkpoints.listing import find_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.splits import load_splits
from peft_core.statistics.paired_test import paired_test


@pytest.fixture(scope="module")
def splits():
    return load_splits()


def changed(info, **values):
    return info.model_copy(update={"record": info.record.model_copy(update=values)})


def with_data(info, **values):
    config = info.record.config
    return changed(info, config=config.model_copy(update={"data": config.data.model_copy(update=values)}))


# Recorded in docs/log.md when the checkpoints were trained.
KNOWN = [
    ("lora-8", "adapter-8", 60, 43, 0.114),
    ("lora-8", "full", 43, 70, 0.014),
    ("adapter-8", "full", 50, 94, 0.000),
]


@pytest.mark.parametrize(("first", "second", "only_first", "only_second", "p"), KNOWN)
def test_the_shipped_checkpoints_differ_as_recorded(splits, first, second, only_first, only_second, p):
    found = compare(find_checkpoint(first), find_checkpoint(second), splits)
    test = found.test
    assert (test.n, test.only_first, test.only_second, round(test.p, 3)) == (3000, only_first, only_second, p)
    assert test.low < test.difference < test.high
    assert len(found.disagreements) == test.discordant
    assert sum(d.first_right for d in found.disagreements) == only_first
    for d in found.disagreements:
        assert (d.first_positive > 0.5) != (d.second_positive > 0.5)
        assert d.first_right == ((d.first_positive > 0.5) == (d.label == "positive"))
        assert splits["test"][d.row]["text"] == d.text
    assert "how much another seed would change is not included" in found.sentence
    assert found.seeds == (0, 0)


def test_the_sentence_claims_a_difference_only_where_the_test_finds_one(splits):
    infos = [find_checkpoint(name) for name in ("full", "lora-8", "lora-1", "soft-prompt-10")]
    told, pairs = set(), []
    for number, first in enumerate(infos):
        found, refused = compare_with(first, infos[number + 1 :], splits)
        assert not refused
        for one in found:
            claimed = "more than the choice of these reviews explains" in one.sentence
            left_open = "show neither that one is better nor that both are equal" in one.sentence
            assert claimed is (one.test.p < 0.05)
            assert left_open is not claimed
            if claimed:
                assert one.test.low > 0 or one.test.high < 0
            if one.first == "soft-prompt-10":  # behind each of the others
                assert claimed and one.test.p < 0.005 and one.test.high < 0
            told.add(claimed)
            pairs.append((one.first, one.second))
    assert told == {True, False}  # the shipped set has both
    assert sum(first == "soft-prompt-10" for first, _ in pairs) == 3


def test_exchanging_two_checkpoints_changes_the_order_of_words_only(splits):
    lora, full = find_checkpoint("lora-8"), find_checkpoint("full")
    there, back = compare(lora, full, splits), compare(full, lora, splits)
    assert there.sentence == back.sentence
    assert [d.row for d in there.disagreements] == [d.row for d in back.disagreements]


def test_a_checkpoint_beside_itself(splits):
    lora = find_checkpoint("lora-8")
    found = compare(lora, lora, splits)
    assert (found.test.p, found.disagreements, found.different_settings) == (1, (), {})
    assert "nothing here tells them apart" in found.sentence


def test_other_test_reviews_are_refused(splits):
    lora, full = find_checkpoint("lora-8"), find_checkpoint("full")
    part = changed(full, test=replace(full.record.test, n=60))
    for other in (part, with_data(full, source="hub")):
        with pytest.raises(PeftClassroomError, match="different test reviews"):
            compare(lora, other, splits)
    with pytest.raises(PeftClassroomError, match="no test predictions"):
        compare(lora, changed(full, test_probabilities=None), splits)
    with pytest.raises(PeftClassroomError, match="other reviews than those installed"):
        compare(lora, changed(full, data_fingerprint="0" * 64), splits)
    found, refused = compare_with(lora, [part, full], splits)
    assert [one.first for one in found] == ["full"]
    assert "different test reviews" in refused["full"]


def test_other_test_reviews_of_the_same_number_are_refused(splits, monkeypatch):
    """By their fingerprint, should drawing the reviews ever depend on more than their number."""
    lora = find_checkpoint("lora-8")
    here = with_data(lora, test_size=40)
    n = {"test": replace(lora.record.test, n=40)}
    here = changed(here, **n)
    prints = [{"test": "these"}, {"test": "others"}]
    monkeypatch.setattr(comparison, "stored_test", lambda record, given: (np.full(40, 0.9), np.ones(40, dtype=int)))
    monkeypatch.setattr(comparison, "drawn_fingerprints", lambda data, seed, given: prints.pop())
    with pytest.raises(PeftClassroomError, match="different test reviews"):
        compare(here, here, splits)


def test_all_pairs_are_the_same_comparisons_with_larger_p(splits):
    infos = [find_checkpoint(name) for name in ("lora-8", "adapter-8", "full")]
    found = {(pair.first, pair.second): pair for pair in compare_all(infos, splits)}
    assert [*found] == [("lora-8", "adapter-8"), ("lora-8", "full"), ("adapter-8", "full")]
    for (first, second), pair in found.items():
        assert pair.test == compare(find_checkpoint(first), find_checkpoint(second), splits).test
    assert found["lora-8", "full"].p_holm == pytest.approx(2 * found["lora-8", "full"].test.p)  # second of three
    part = changed(infos[1], test=replace(infos[1].record.test, n=60))
    with pytest.raises(PeftClassroomError, match="different test reviews"):
        compare_all([infos[0], infos[2], part], splits)
    with pytest.raises(PeftClassroomError, match="twice"):
        compare_all([infos[0], infos[0]], splits)


def test_reviews_are_fingerprinted_once_however_many_are_compared(splits, monkeypatch):
    from peft_core.reviews import draws

    read = []
    real = draws.data_fingerprint
    monkeypatch.setattr(
        draws, "data_fingerprint", lambda texts, labels: read.append(len(labels)) or real(texts, labels)
    )
    own = {name: part.select(range(len(part))) for name, part in splits.items()}  # nobody has read these
    infos = [find_checkpoint(name) for name in ("lora-8", "adapter-8", "lora-8-seed1", "full")]
    compare_with(infos[0], infos[1:], own)
    compare_all(infos, own)
    texts = [n for n in read if n > 3]  # the other calls join three fingerprints
    assert sorted(texts) == [2000, 3000, 20000]


def test_what_else_differs_is_said(splits):
    lora = find_checkpoint("lora-8")
    longer = lora.record.config.train.model_copy(update={"epochs": 7})
    other = changed(lora, config=lora.record.config.model_copy(update={"train": longer}))
    found = compare(lora, other, splits)
    assert found.different_settings == {"epochs": (1, 7)}
    assert "They differ in more than the method: epochs (1 and 7)." in found.sentence


def test_as_many_right_is_not_the_same():
    found = paired_test([1, 0, 1, 1], [0, 1, 1, 1])
    told = difference_sentence("one", "other", found)
    assert "as many right" in told
    assert "each has half" in told
    assert "nor that both are equal" in told


def test_only_settings_that_differ():
    lora, adapter = (find_checkpoint(name).record for name in ("lora-8", "adapter-8"))
    found = differences([lora, adapter])
    assert found["method"] == ("lora", "adapter")
    assert found["r"] == (8, ABSENT) and found["bottleneck_dim"] == (ABSENT, 8)
    assert not found.keys() & {"base", "epochs", "seed", "train_size"}
    assert differences([lora, lora]) == differences([lora]) == {}
    higher = lora.config.model_copy(update={"method": LoraConfig(r=16)})
    assert differences([lora, lora.model_copy(update={"config": higher}), lora]) == {"r": (8, 16, 8)}
    assert settings(lora)["learning_rate"] == lora.learning_rate  # not "the default"


# ---------------------------------------------------------------------------------------------------------------------
# Command line


def test_compare_on_the_command_line(run):
    code, printed, _ = run("compare", "lora-8", "adapter-8")
    assert code == 0
    for told in ("60", "43", "2,645", "252", "p = 0.11", "how much another seed would change is not included"):
        assert told in printed
    code, printed, _ = run("compare", "lora-8", "adapter-8", "--json")
    data = json.loads(printed)
    assert (data["only_first"], data["only_second"], data["n"]) == (60, 43, 3000)
    assert data["both_right"] + data["both_wrong"] + 60 + 43 == 3000
    assert len(data["disagreements"]) == 60 + 43
    assert list(data["different_settings"]["r"]) == [8, None]


def test_more_than_two_on_the_command_line_are_all_pairs(run):
    code, printed, _ = run("compare", "lora-8", "adapter-8", "full", "--json")
    data = json.loads(printed)
    assert code == 0
    p = [pair["p"] for pair in data["pairs"]]
    assert p == sorted(p) and len(p) == 3
    assert [pair["p_holm"] for pair in data["pairs"]] == pytest.approx([3 * p[0], 2 * p[1], p[2]])
    assert "about 0.15 would still have p < 0.05: here 2 have" in data["sentence"]
    _, printed, _ = run("compare", "lora-8", "adapter-8", "full")
    assert "p, Holm" in printed and data["sentence"] in printed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("compare", "lora-8", "nobody"), "There is no checkpoint 'nobody'"),
        (("compare",), "Missing argument"),
        (("compare", "lora-8"), "Name another one"),
        (("compare", "lora-8", "full", "lora-8"), "Name each once"),
        (("report", "--out", "table.txt"), "has to end with one of: .html, .json, .csv"),
        (("report", "--base", "t6"), "Unknown base model 't6'"),
    ],
)
def test_what_is_wrong_gets_one_line(run, arguments, told):
    code, out, error = run(*arguments)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert told in error
