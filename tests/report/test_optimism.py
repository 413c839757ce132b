"""What choosing on the test set adds: the report's own, a run's, and the law by every division."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.checkpoints.listing import list_checkpoints
from peft_core.report.optimism import luck_alone, quoted_optimism, run_optimism, selection_optimism, validation_gap


def test_the_reports_best_epoch_is_above_its_last_one():
    found = {row.quoted.key: row for row in quoted_optimism()}
    assert len(found) == 7
    assert found["adapter-8-own"].best.epoch == 7
    assert found["adapter-8-own"].difference == pytest.approx(0.90704 - 0.90340)
    assert found["soft_prompt-10-opendelta"].difference == pytest.approx(0.87200 - 0.86092)
    assert found["full-own"].difference == 0
    assert all(row.difference >= 0 for row in found.values())


@settings(max_examples=30)
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


@pytest.mark.parametrize(("candidates", "flipped"), [(10, 0.03), (4, 0.1)])
def test_luck_alone_is_what_equally_good_candidates_show(candidates, flipped):
    """Each has the same answers as the others, but for a share of reviews of its own that it turns round."""
    generator, n, found, disagreed = np.random.default_rng(0), 5000, [], []
    for _ in range(400):
        shared = generator.random(n) < 0.5  # turned round, as many become right as wrong
        right = shared ^ (generator.random((candidates, n)) < flipped)
        found.append(right.mean(axis=1).max() - right[-1].mean())
        disagreed.append((right[0] != right[1]).mean())
    assert luck_alone(candidates, n, np.mean(disagreed)) == pytest.approx(np.mean(found), rel=0.1)
    assert luck_alone(1, n, 0.1) == pytest.approx(0, abs=1e-9)
    assert luck_alone(10, 1, 2.0) == pytest.approx(1.5388, abs=1e-3)  # E[max of 10 standard normals]
