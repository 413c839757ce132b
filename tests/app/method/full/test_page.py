"""What only the page of full fine-tuning has: one training step, and forgetting."""

import numpy as np
import pytest
import torch

from app.content import text
from app.method.full import forgetting
from app.method.full.one_step.precision import courses, to_bf16
from peft_core.report.forgetting import load_forgetting


def test_rounding_to_bf16_is_that_of_torch():
    values = np.random.default_rng(0).normal(size=4000).astype(np.float32) * np.float32(10) ** np.arange(
        -20, 20
    ).repeat(100)
    values = np.concatenate([values, np.float32([0, 1, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8])]).astype(np.float32)
    assert np.array_equal(to_bf16(values), torch.from_numpy(values).bfloat16().float().numpy())


def test_a_small_step_is_lost_in_bf16_alone_and_kept_by_the_copy():
    found = courses(1.0, 4e-4, 40)
    assert found["alone"][-1] == 1.0
    assert found["master"][-1] == pytest.approx(1.016, abs=1e-4)
    assert found["copy"][-1] == pytest.approx(1.016, abs=2**-8)


@pytest.mark.parametrize("screen", ("update", "loss", "rate", "precision"))
def test_every_screen_of_one_step_opens(open_page, screen, checked_charts):
    app = open_page("full", section="maths", one_step=screen)
    expected = text("method/full", {"update": "initialisation"}.get(screen, screen)).split("{")[0]
    assert any(m.value.startswith(expected) for m in app.markdown)


def test_forgetting_says_what_its_record_says(open_page):
    app = open_page("full", section="forgetting")
    assert forgetting.verdict(load_forgetting()) in [m.value for m in app.markdown]


def test_a_checkpoint_that_forgot_would_be_named():
    report = load_forgetting()
    first = report.rows[0].model_copy(update={"lost": 120, "won": 10, "p": 1e-20})
    changed = report.model_copy(update={"rows": (first, *report.rows[1:])})
    assert "Full fine-tuning" in forgetting.verdict(changed)
    assert forgetting.verdict(changed) != forgetting.verdict(report)
