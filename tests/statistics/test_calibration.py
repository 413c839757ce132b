"""Reliability and thresholds are counts that obey laws, and the tab shows them."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from helpers.models import make_record
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest

from app import services
from app.kit import verdicts
from peft_core.checkpoints.record import write_record
from peft_core.methods.lora.method import LoraConfig
from peft_core.paths import ROOT
from peft_core.statistics.calibration import confusion, expected_calibration_error, reliability, threshold_curve, within
from peft_core.statistics.intervals import wilson

probability = st.floats(0, 1, width=32)
answered = st.lists(st.tuples(probability, st.integers(0, 1)), min_size=1, max_size=80)
bins = st.integers(1, 20)
patient = settings(deadline=None)  # the first example imports what the others have


def arrays(pairs):
    return np.array([p for p, _ in pairs], dtype=float), np.array([y for _, y in pairs])


@patient
@given(answered, bins)
def test_every_review_is_in_one_bin_and_each_bin_says_what_is_in_it(pairs, number):
    positive, labels = arrays(pairs)
    found = reliability(positive, labels, number)
    assert sum(b.count for b in found) == len(pairs)
    assert sum(b.count * b.observed for b in found) == pytest.approx(labels.sum())
    assert sum(b.count * b.mean_predicted for b in found) == pytest.approx(positive.sum())
    for b in found:
        assert b.count > 0
        assert b.low - 1e-9 <= b.mean_predicted <= b.high + 1e-9
        assert 0 <= b.observed_low <= b.observed <= b.observed_high <= 1


@patient
@given(answered, bins, st.randoms(use_true_random=False))
def test_ece_is_a_share_and_does_not_depend_on_the_order(pairs, number, random):
    ece = expected_calibration_error(*arrays(pairs), number)
    assert 0 <= ece <= 1
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert expected_calibration_error(*arrays(shuffled), number) == pytest.approx(ece)


@patient
@given(answered, bins)
def test_ece_by_the_definition(pairs, number):
    """Bin by bin, as equation 3 of Guo et al. 2017 is written."""
    positive, labels = arrays(pairs)
    edges = np.linspace(0, 1, number + 1)
    confidence = np.maximum(positive, 1 - positive)
    right = (positive > 0.5) == (labels == 1)
    by_definition = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            by_definition += inside.sum() / len(pairs) * abs(right[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(positive, labels, number) == pytest.approx(by_definition)


@patient
@given(st.integers(1, 60), st.integers(0, 60), bins)
def test_whoever_always_says_the_base_rate_is_calibrated(n, k, number):
    k = min(k, n)
    labels = np.array([1] * k + [0] * (n - k))
    assert expected_calibration_error(np.full(n, k / n), labels, number) == pytest.approx(0, abs=1e-9)


def test_a_calibrated_model_is_on_the_diagonal_and_an_overconfident_one_is_not():
    generator = np.random.default_rng(0)
    positive = generator.uniform(size=20_000)
    labels = (generator.uniform(size=20_000) < positive).astype(int)
    assert expected_calibration_error(positive, labels) < 0.01
    assert all(b.observed_low - 0.02 < b.mean_predicted < b.observed_high + 0.02 for b in reliability(positive, labels))
    bolder = np.where(positive > 0.5, 0.99, 0.01)
    assert expected_calibration_error(bolder, labels) == pytest.approx(0.99 - 0.75, abs=0.01)


@patient
@given(answered, probability)
def test_a_confusion_counts_every_review_once_and_its_shares_are_ratios_of_counts(pairs, threshold):
    positive, labels = arrays(pairs)
    c = confusion(positive, labels, threshold)
    assert c.n == len(pairs)
    assert c.true_positive + c.false_negative == labels.sum()
    assert c.called_positive == (positive > threshold).sum()
    assert c.accuracy == pytest.approx(((positive > threshold) == labels).mean())
    assert (c.precision is None) == (c.called_positive == 0)
    assert (c.recall is None) == (labels.sum() == 0)


@patient
@given(answered)
def test_a_higher_threshold_calls_fewer_reviews_positive(pairs):
    curve = threshold_curve(*arrays(pairs), np.linspace(0, 1, 21))
    called = [c.called_positive for c in curve]
    recall = [c.recall or 0 for c in curve]
    assert called == sorted(called, reverse=True)
    assert recall == sorted(recall, reverse=True)


def test_about_90_percent():
    positive, labels = np.array([0.85, 0.86, 0.9, 0.95, 0.96, 0.0]), np.array([0, 1, 0, 1, 1, 0])
    found = within(positive, labels, 0.85, 0.95)
    assert (found.count, found.observed) == (3, pytest.approx(2 / 3))
    assert within(positive, labels, 0.0, 0.1).count == 1  # the lowest bin has its lower end
    assert within(positive, labels, 0.3, 0.4) is None


@patient
@given(st.integers(1, 5000), st.floats(0, 1))
def test_the_wilson_interval_is_that_of_scipy(n, share):
    correct = round(share * n)
    expected = binomtest(correct, n).proportion_ci(0.95, "wilson")
    ours = wilson(correct, n)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    for impossible in ((n + 1, n), (-1, n), (0, 0)):
        with pytest.raises(ValueError, match="no share"):
            wilson(*impossible)


def test_what_pages_import_loads_no_torch():
    modules = ", ".join(
        f"peft_core.{name}"
        for name in ("statistics.calibration", "statistics.intervals", "reviews.spreadsheet", "reviews.draws")
    )
    code = f"import {modules}, sys; print([m for m in ('torch', 'datasets', 'streamlit', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


# ---------------------------------------------------------------------------------------------------------------------
# The tab

PAGE = """
from app import services
from app.kit import verdicts
from app.playground import calibration
from app.content import label
calibration.draw(services.checkpoints())
"""


@pytest.fixture
def open_tab(monkeypatch, tmp_path, backbone):
    """The tab by itself: the shipped checkpoints, and one run of before predictions were stored."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path))
    folder = tmp_path / "20260101-000000-abcdef" / "checkpoint"
    folder.mkdir(parents=True)
    write_record(make_record(backbone, LoraConfig()), folder)
    services.heavy().finished.wait(timeout=120)

    def open_at(**query):
        services.checkpoints.clear()
        app = AppTest.from_string(PAGE, default_timeout=120)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    yield open_at
    services.checkpoints.clear()


def test_the_tab_shows_what_the_records_say(open_tab):
    app = open_tab()
    assert not app.exception
    called = verdicts.titles(services.checkpoints())
    shipped = {called[i.name]: i.record for i in services.checkpoints() if i.shipped}
    reliability_rows, threshold_rows = (d.value.set_index("checkpoint") for d in app.dataframe)
    assert set(reliability_rows.index) == set(threshold_rows.index) == set(shipped)
    for name, record in shipped.items():
        assert reliability_rows.loc[name, "accuracy (95% interval)"].startswith(f"{record.test.accuracy:.1%} (")
        assert threshold_rows.loc[name, "accuracy"] == f"{record.test.accuracy:.1%}"  # the threshold is 0.5
        assert threshold_rows.loc[name, "called positive"].endswith(f" of {record.test.n:,}")
        assert 0 < float(reliability_rows.loc[name, "ECE (points)"]) < 30
    assert len(app.get("vega_lite_chart")) == len(shipped) + 1
    assert all(chart.proto.alt for chart in app.get("vega_lite_chart"))
    assert any("do not choose here" in m.value for m in app.markdown)


def test_a_checkpoint_without_predictions_says_how_to_add_them(open_tab):
    app = open_tab()
    assert any("made in a test" in i.value for i in app.info)
    assert app.code[0].value == "python -m peft_core evaluate 20260101-000000-abcdef --store"


def test_the_threshold_is_in_the_link_and_moves_the_numbers(open_tab):
    called = {}
    for threshold in ("0.1", "0.9", "7"):
        app = open_tab(threshold=threshold)
        assert not app.exception
        called[threshold] = int(app.dataframe[1].value["called positive"][0].split()[0].replace(",", ""))
    assert called["0.1"] > called["0.9"] >= called["7"]
    assert app.get_by_key("threshold").value == 0.95
    assert any("nearest possible value" in i.value for i in app.info)
