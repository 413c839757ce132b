"""Choices of LoRA: every question opens by its link, and its numbers are those of the records."""

import math

import pytest

from app.content import label
from app.method.lora.choices import scaling, variants
from app.method.lora.choices.section import PANES
from app.method.lora.choices.start import kaiming_bound
from peft_core.report.experiments.lora_scaling import load_lora_scaling
from peft_core.report.experiments.lora_targets import load_lora_targets


@pytest.fixture
def opened(open_page):
    return lambda pane, **query: open_page("lora", section="choices", lora_question=pane, **query)


def prose(app) -> str:
    return " ".join(m.value for m in app.markdown).replace("\n", " ")


@pytest.mark.parametrize("pane", PANES)
def test_every_question_opens_by_its_link_and_its_figure_has_words(opened, pane, checked_charts):
    app = opened(pane)
    assert app.query_params.get("lora_question", next(iter(PANES))) == pane
    assert all(chart.proto.alt for chart in app.get("vega_lite_chart"))
    assert bool(app.get("vega_lite_chart")) is (pane in ("scaling", "targets", "variants", "start"))


def test_the_factor_and_the_first_step_are_told_for_two_ranks(opened):
    app = opened("scaling", lora_r="64", lora_alpha="16")
    assert "from **16** at r = 1 to **0.25** at r = 64" in prose(app)
    assert "α = 16, r = 64, so s = 0.25" in prose(app)
    report = load_lora_scaling()
    steps = {r: [s.moved for s in report.steps if s.r == r] for r in (1, 8, 64)}
    mean = {r: sum(moved) / len(moved) for r, moved in steps.items()}
    app = opened("scaling", **{scaling.WHAT: "moved"})
    kept, fixed = mean[64] / mean[8], mean[64] * 16 / 64 / (2 * mean[8])
    assert f"**{kept:.2g}**, with α/√r" in prose(app)
    assert f"and **{fixed:.2g}** at r = 64" in prose(app)


def test_the_seeds_of_the_targets_are_the_records(opened):
    app = opened("targets")
    words = app.get("vega_lite_chart")[0].proto.alt
    for run in load_lora_targets().runs:
        assert f"{run.accuracy:.2%}" in words
    assert label("lora_choices", "all_linear") in words or len(load_lora_targets().runs) < 18


def test_a_starts_as_wide_as_torch_draws_it():
    import torch

    for a in (0.0, math.sqrt(5)):
        drawn = torch.nn.init.kaiming_uniform_(torch.empty(2000, 384), a=a)
        assert math.isclose(float(drawn.abs().max()), kaiming_bound(384, a), rel_tol=1e-3)


def test_variants_are_told_apart_by_their_runs_and_what_is_missing_is_said_with_its_command(opened):
    found = variants.load_results(variants.shipped_results(variants.BASE))
    runs = variants.finished(found)
    assert {"lora-8", "lora-64"} <= runs.keys() <= set(variants.ROWS)
    assert all(run.config.train.seed == 0 for run in runs.values())
    missing = [name for name in variants.ROWS if name not in runs]
    app = opened("variants")
    commands = [f"python -m peft_core reproduce --rows {','.join(missing)}"] if missing else []
    assert [code.value for code in app.code] == commands
    one, other = runs["lora-8"], runs["lora-64"]
    (sentence,) = variants.sentences({"lora-8": one, "lora-8-dora": other})
    gap = sum(map(int, other.test_right)) - sum(map(int, one.test_right))
    assert f"lora-8-dora minus lora-8: {'+' if gap > 0 else '−'}{abs(100 * gap / len(one.test_right)):.1f}" in sentence
    assert variants.sentences({"lora-8": one}) == []


def test_rslora_is_said_to_be_lora_with_another_alpha(open_page):
    app = open_page("lora", section="maths", lora_variant="rsLoRA", lora_r="16", lora_alpha="8")
    assert "α / √r = 8 / √16 = 2" in prose(app)
    assert "8 here is LoRA's 32" in prose(app)
    app = open_page("lora", section="maths", lora_variant="DoRA")
    assert "In the gradient ‖V‖ counts as a constant" in prose(app)
