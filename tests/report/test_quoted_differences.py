"""The report's own differences, tested with what it printed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.checkpoints.listing import list_checkpoints
from peft_core.report.our_disagreement import between_seeds, our_disagreement
from peft_core.report.quoted import TEST_REVIEWS, quoted_rows
from peft_core.report.quoted_differences import (
    mcnemar_p,
    most_significant,
    quoted_difference,
    quoted_differences,
    two_proportions,
)


@given(st.integers(1, 500), st.integers(1, 500))
def test_the_z_test_is_the_chi_squared_test_without_correction(a, b):
    from scipy.stats import chi2_contingency

    z, p = two_proportions(a, b, 501)
    assert p == pytest.approx(chi2_contingency([[a, 501 - a], [b, 501 - b]], correction=False).pvalue)
    assert np.sign(z) == np.sign(a - b)


@given(st.integers(0, 60), st.integers(0, 300))
def test_the_paired_test_sees_less_the_more_answers_differ(difference, pairs):
    few, more = (mcnemar_p(difference, difference + 2 * n) for n in (pairs, pairs + 1))
    assert few <= more + 1e-12
    assert mcnemar_p(difference, difference + 2 * pairs + 1) == few  # no such split: rounded down


@given(st.integers(0, 40), st.integers(0, 500))
def test_up_to_so_many_disagreements_the_difference_would_be_found(difference, pairs):
    most = difference + 2 * pairs
    limit = most_significant(difference, most)
    if limit is None:
        assert mcnemar_p(difference, difference) >= 0.05
        return
    assert mcnemar_p(difference, limit) < 0.05
    assert limit == most or mcnemar_p(difference, limit + 2) >= 0.05


def test_fewer_disagreements_than_the_difference_are_refused():
    with pytest.raises(ValueError, match="cannot make"):
        mcnemar_p(5, 4)


def test_none_of_the_reports_small_differences_is_more_than_chance():
    found = quoted_differences()
    printed = sorted((d.first.percent, d.second.percent) for d in found)
    assert printed == [
        ("87.2", "87.0"), ("88.8", "88.7"), ("88.9", "88.7"), ("88.9", "88.8"), ("90.7", "90.3"),
    ]  # fmt: skip
    for difference in found:
        assert difference.p > 0.05 and difference.p_at_most_apart > 0.05
        assert difference.low < 0 < difference.high
        assert difference.paired_p(difference.fewest_disagreements) < 0.05  # nobody can rule this out from totals
        assert difference.paired_p(difference.most_disagreements) > 0.05
        assert "equal" not in difference.sentence.lower()
        assert "One seed each" in difference.sentence


def test_a_large_difference_of_the_report_is_found_whatever_was_answered():
    rows = {row.key: row for row in quoted_rows()}
    found = quoted_difference(rows["lora-8-own"], rows["full-own"])
    assert found.first.key == "full-own"  # the better one, whatever the order
    assert found.p < 0.001
    assert found.most_significant == found.most_disagreements - (found.most_disagreements - found.reviews) % 2
    assert "more than the choice of reviews explains" in found.sentence


def test_our_own_runs_say_how_rarely_two_such_models_disagree():
    """Worked out here from the answers in the records."""
    rows, records = {row.key: row for row in quoted_rows()}, {i.name: i.record for i in list_checkpoints() if i.shipped}
    answers = {name: np.array(record.test_probabilities) > 0.5 for name, record in records.items()}

    def rate(one, other):
        return (answers[one] != answers[other]).mean()

    def ours(one, other):
        return our_disagreement(rows[one], rows[other], records.values())

    assert ours("adapter-8-own", "adapter-8-adapterhub") == pytest.approx(rate("adapter-8", "adapterhub-8"))
    assert ours("lora-8-own", "lora-8-library") == pytest.approx(rate("lora-8", "lora-8-seed1"))
    two = (rate("lora-8", "lora-1") + rate("lora-8-seed1", "lora-1")) / 2
    assert ours("lora-1-library", "lora-8-own") == pytest.approx(two)
    seeds = (rate("adapter-8", "adapterhub-8") + rate("lora-8", "lora-8-seed1")) / 2
    assert between_seeds(records.values()) == pytest.approx(seeds)
    assert between_seeds([records["lora-8"], records["lora-1"]]) is None
    one_run = ours("soft_prompt-10-own", "soft_prompt-10-opendelta")  # one of ours: the two of the method
    assert one_run == pytest.approx(rate("soft-prompt-10", "soft-prompt-1"))
    alone = [record for name, record in records.items() if name in ("lora-8", "full")]
    assert our_disagreement(rows["lora-8-own"], rows["lora-8-library"], alone) is None
    assert our_disagreement(rows["lora-8-own"], rows["full-own"], alone) == pytest.approx(rate("lora-8", "full"))
    assert our_disagreement(rows["lora-8-own"], rows["full-own"], []) is None
    fewer = alone[0].model_copy(update={"test_probabilities": None})
    assert our_disagreement(rows["lora-8-own"], rows["full-own"], [fewer, alone[1]]) is None


def test_had_they_disagreed_as_two_of_ours_a_pair_could_be_told_apart():
    """The adapters of the report: chance explains them as two samples, and not at our rate of disagreement."""
    records = [info.record for info in list_checkpoints() if info.shipped]
    found = {(d.first.percent, d.second.percent): d for d in quoted_differences(records)}
    adapters, ranks = found["90.7", "90.3"], found["88.9", "88.8"]
    assert adapters.p > 0.05 > adapters.paired_p(adapters.as_ours)
    assert "as two samples chance can explain it" in adapters.sentence
    assert "two of our runs (2.9%), chance could not" in adapters.sentence
    assert "chance could explain it, too" in ranks.sentence
    assert all("as far as the report's numbers tell" in d.sentence for d in found.values())
    assert "two of our runs" not in quoted_difference(adapters.first, adapters.second).sentence


def test_the_curves_and_the_table_of_the_report_agree():
    rows = quoted_rows()
    assert len(rows) == 10
    assert len({row.key for row in rows}) == 10
    for row in rows:
        if row.curve:
            assert [e.epoch for e in row.curve] == list(range(10))
            assert row.correct / TEST_REVIEWS == pytest.approx(
                float(row.percent) / 100, abs=1e-3
            )  # rounded, or cut off
            assert row.slack == 0
        else:
            assert row.method.method == "lora"
            assert row.slack == 25
    assert {row.percent for row in rows if row.method.method == "lora"} == {"88.9", "88.8", "88.7"}
