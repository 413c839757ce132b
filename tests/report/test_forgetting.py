"""The record of what was forgotten: its numbers hold together, and agree with what pretraining itself wrote down."""

import json
from math import comb

import pytest

from peft_core.methods.registry import METHODS
from peft_core.paths import BUNDLED_BASES
from peft_core.report.forgetting import load_forgetting

REPORT = load_forgetting()


def test_the_base_model_has_as_many_snippets_right_as_at_the_end_of_pretraining():
    told = json.loads((BUNDLED_BASES / REPORT.base / "pretraining.json").read_text())
    assert REPORT.n == told["snippets_held_out"]
    assert REPORT.before.right / REPORT.n == pytest.approx(told["snippet_accuracy"], abs=0.005)  # that one in bf16


def test_a_base_model_that_was_frozen_answers_as_before():
    assert REPORT.again == REPORT.before
    assert any(not METHODS[row.method.method].owns_weights for row in REPORT.rows)


@pytest.mark.parametrize("row", REPORT.rows, ids=lambda row: row.checkpoint)
def test_what_was_lost_and_won_is_what_is_right_afterwards(row):
    assert REPORT.before.right - row.lost + row.won == row.after.right
    apart, fewer = row.lost + row.won, min(row.lost, row.won)
    assert row.p == pytest.approx(min(1, 2 * sum(comb(apart, k) for k in range(fewer + 1)) / 2**apart), rel=1e-6)
    assert row.moved > 0
