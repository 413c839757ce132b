"""Paired test, Pareto front, intervals, the report's own differences, optimism of choosing: their laws."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.checkpoints.listing import list_checkpoints
from peft_core.report.optimism import mean_over_runs, quoted_optimism, run_optimism, selection_optimism, validation_gap
from peft_core.report.quoted import TEST_REVIEWS, quoted_rows
from peft_core.report.quoted_differences import (
    mcnemar_p,
    most_significant,
    quoted_difference,
    quoted_differences,
    two_proportions,
)
from peft_core.statistics.formats import bytes_text, p_text, p_value, points
from peft_core.statistics.intervals import newcombe, wilson
from peft_core.statistics.paired_test import bootstrap_interval, paired_test
from peft_core.statistics.pareto import Point, dominates, pareto_front

ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80)
POINTS = st.lists(
    st.builds(Point, st.text(max_size=3), st.integers(1, 6), st.sampled_from([0.5, 0.6, 0.7, 0.8])), max_size=12
)


# ---------------------------------------------------------------------------------------------------------------------
# Two models on the same reviews


@settings(max_examples=60, deadline=None)
@given(ANSWERS)
def test_counts_add_up_and_the_interval_holds_what_was_observed(answers):
    first, second = zip(*answers, strict=True)
    found = paired_test(first, second)
    assert found.n == len(answers)
    assert found.discordant == sum(a != b for a, b in answers)
    assert found.difference == pytest.approx(found.first_accuracy - found.second_accuracy)
    assert found.low - 1e-12 <= found.difference <= found.high + 1e-12
    assert 0 < found.p <= 1


@settings(max_examples=60, deadline=None)
@given(ANSWERS)
def test_exchanging_the_two_mirrors_everything(answers):
    first, second = zip(*answers, strict=True)
    found, swapped = paired_test(first, second), paired_test(second, first)
    assert swapped.p == pytest.approx(found.p)
    assert (swapped.only_first, swapped.only_second) == (found.only_second, found.only_first)
    assert swapped.difference == -found.difference
    if found.difference:
        assert (swapped.low, swapped.high) == (-found.high, -found.low)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_a_model_does_not_differ_from_itself(right):
    found = paired_test(right, right)
    assert (found.p, found.difference, found.low, found.high, found.discordant) == (1, 0, 0, 0, 0)


@settings(max_examples=20, deadline=None)
@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_the_reviews_means_nothing(answers, random):
    shuffled = list(answers)
    random.shuffle(shuffled)
    assert paired_test(*zip(*answers, strict=True)) == paired_test(*zip(*shuffled, strict=True))


def test_the_interval_is_that_of_drawing_reviews_one_by_one():
    from scipy.stats import bootstrap

    only_first, only_second, n = 117, 98, 3000
    scores = np.repeat([1, -1, 0], [only_first, only_second, n - only_first - only_second])
    drawn = bootstrap((scores,), np.mean, n_resamples=10_000, method="percentile", rng=0, batch=500)
    ours = bootstrap_interval(only_first, only_second, n)
    assert ours == pytest.approx(tuple(drawn.confidence_interval), abs=7e-4)
    assert ours == bootstrap_interval(only_first, only_second, n)  # seeded
    assert len({bootstrap_interval(only_first, only_second, n, seed) for seed in range(20)}) > 1  # and drawn


def test_no_reviews_no_answer():
    with pytest.raises(ValueError, match="no reviews"):
        paired_test([], [])


# ---------------------------------------------------------------------------------------------------------------------
# The front


@given(POINTS)
def test_nothing_beats_the_front_and_the_front_beats_the_rest(given_points):
    front = pareto_front(given_points)
    assert not any(dominates(other, point) for point in front for other in given_points)
    for point in given_points:
        assert point in front or any(dominates(better, point) for better in front)
    places = [(p.trainable_parameters, p.accuracy) for p in front]
    assert places == sorted(places)


@given(POINTS, POINTS)
def test_a_point_that_is_beaten_changes_nothing(given_points, more):
    beaten = [point for point in more if any(dominates(other, point) for other in given_points)]
    front = pareto_front(given_points)
    assert pareto_front([*given_points, *beaten]) == front


@given(POINTS)
def test_the_front_does_not_depend_on_the_order(given_points):
    assert set(pareto_front(given_points[::-1])) == set(pareto_front(given_points))


# ---------------------------------------------------------------------------------------------------------------------
# Independent samples, and the report


def test_newcombe_gives_the_example_of_its_paper():
    """56/70 − 48/80, Newcombe 1998, table II, method 10."""
    assert newcombe(wilson(56, 70), wilson(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_newcombe_holds_the_difference_and_mirrors(n, m, data):
    first, second = wilson(data.draw(st.integers(0, n)), n), wilson(data.draw(st.integers(0, m)), m)
    low, high = newcombe(first, second)
    assert -1 - 1e-12 <= low <= first.accuracy - second.accuracy <= high <= 1 + 1e-12
    assert newcombe(second, first) == pytest.approx((-high, -low))


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


# ---------------------------------------------------------------------------------------------------------------------
# Optimism


def test_the_reports_best_epoch_is_above_its_last_one():
    found = {row.quoted.key: row for row in quoted_optimism()}
    assert len(found) == 7
    assert found["adapter-8-own"].best.epoch == 7
    assert found["adapter-8-own"].difference == pytest.approx(0.90704 - 0.90340)
    assert found["soft_prompt-10-opendelta"].difference == pytest.approx(0.87200 - 0.86092)
    assert found["full-own"].difference == 0
    assert all(row.difference >= 0 for row in found.values())


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(1, 3), st.data())
def test_choosing_is_what_trying_every_division_gives(n, candidates, data):
    right = np.array([data.draw(st.lists(st.booleans(), min_size=n, max_size=n)) for _ in range(candidates)])
    size = data.draw(st.integers(1, n - 1))
    claimed, honest = [], []
    for order in permutations(range(n)):
        inside, outside = right[:, list(order[:size])], right[:, list(order[size:])]
        best = inside.sum(axis=1).argmax()
        claimed.append(inside[best].mean())
        honest.append(outside[best].mean())
    found = selection_optimism(right, size, draws=20_000)
    assert found.claimed == pytest.approx(np.mean(claimed), abs=0.02)
    assert found.honest == pytest.approx(np.mean(honest), abs=0.02)
    assert (found.candidates, found.chosen_on, found.fresh) == (candidates, size, n - size)


def test_one_candidate_is_not_chosen_and_ten_alike_are():
    """Of k candidates with the same true accuracy the best is ahead by about E[max of k normals] standard errors."""
    right = np.random.default_rng(0).random((10, 4000)) < 0.85
    assert selection_optimism(right[:1], 2000).difference == pytest.approx(0, abs=2e-3)
    found = selection_optimism(right, 1000)
    error = (0.85 * 0.15 / 1000) ** 0.5
    assert found.difference == pytest.approx(1.54 * error, rel=0.25)  # E[max of 10 standard normals] = 1.54
    assert found.low < found.difference < found.high
    sizes = [selection_optimism(right, n).difference for n in (100, 400, 1600)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("shape", "size"), [((3,), 1), ((2, 5), 5), ((2, 5), 0), ((0, 5), 1)])
def test_what_cannot_be_divided_is_refused(shape, size):
    with pytest.raises(ValueError, match="cannot choose"):
        selection_optimism(np.zeros(shape, dtype=bool), size)


def test_a_run_with_a_test_curve_says_what_the_report_would_have_claimed():
    record = list_checkpoints()[0].record
    record = record.model_copy(update={"validations": record.validations[:4]})
    steps = [step for step, _ in record.validations]
    assert run_optimism(record.model_copy(update={"test_curve": None})) is None
    curve = tuple(zip(steps, (0.95, 0.80, 0.86, 0.84), strict=True))  # the start is not an epoch to choose
    noted = record.model_copy(update={"test_curve": curve, "best_step": steps[3]})
    found = run_optimism(noted)
    assert (found.claimed, found.claimed_step, found.honest_step) == (0.86, steps[2], steps[3])
    assert found.difference == pytest.approx(0.02)
    assert found.candidates == 3
    assert run_optimism(noted.model_copy(update={"best_step": steps[0]})) is None  # training never helped


def test_the_gap_between_validation_and_test_is_that_of_the_records():
    records = [info.record for info in list_checkpoints() if info.shipped]
    gap = validation_gap(records)
    mean = np.mean([r.validation.accuracy - r.test.accuracy for r in records])
    assert gap.difference == pytest.approx(mean)
    assert gap.low < gap.difference < gap.high
    assert validation_gap([]) is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=8))
def test_a_mean_lies_in_its_interval(values):
    mean = mean_over_runs(values)
    assert mean.value == pytest.approx(np.mean(values))
    if len(values) == 1:
        assert mean.low is None
    else:
        assert min(values) - 1e-12 <= mean.low <= mean.value + 1e-12
        assert mean.value - 1e-12 <= mean.high <= max(values) + 1e-12


def test_no_runs_no_mean():
    with pytest.raises(ValueError, match="no runs"):
        mean_over_runs([])


# ---------------------------------------------------------------------------------------------------------------------
# Numbers in words


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.0063, "+0.6"), (-0.003, "−0.3"), (-0.0003, "−0.03"), (0.00001, "+0.001"), (0, "0"), (1, "+100.0")],
)
def test_points(share, told):
    assert points(share) == told
    assert points(share, sign=False) == told.lstrip("+−")


def test_p_values_and_bytes():
    assert [p_value(p) for p in (0.5, 0.0999, 0.0482, 0.0123, 0.004, 0.00001)] == [
        "0.50", "0.10", "0.048", "0.012", "0.004", "< 0.0001",
    ]  # fmt: skip
    assert [p_text(p) for p in (0.5, 0.00001)] == ["p = 0.50", "p < 0.0001"]
    assert [bytes_text(n) for n in (12, 10_360, 26_230_912, 3e9)] == ["12 B", "10.4 kB", "26.2 MB", "3 GB"]
