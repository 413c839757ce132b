"""What the experiments with LoRA wrote down: budgets, rules, and sums, worked out again."""

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.lora_targets import MORE, ONE_OR_TWO, REFERENCE, of_equal_budget
from peft_core.report.experiments.lora_scaling import load_lora_scaling, rules
from peft_core.report.experiments.lora_targets import load_lora_targets, over_seeds
from peft_core.t5.architecture import base_model


@pytest.mark.parametrize("targets", (*ONE_OR_TWO, *MORE), ids=",".join)
def test_every_choice_of_matrices_trains_about_as_many_numbers(targets):
    """r·(in + out) of every matrix, from the shapes of tiny-t5; no rank comes nearer, and α/r is 2."""
    a = base_model("tiny-t5").architecture
    attentions, blocks = a.encoder_layers + 2 * a.decoder_layers, a.encoder_layers + a.decoder_layers
    sizes = [
        attentions * (a.d_model + a.inner_dim) if name in "qkvo" else blocks * (a.d_model + a.d_ff) for name in targets
    ]
    budget = REFERENCE.r * 2 * attentions * (a.d_model + a.inner_dim)
    config = of_equal_budget(a, targets)
    assert config.scaling == 2
    off = [abs(r * sum(sizes) - budget) for r in range(1, 40)]
    assert off[config.r - 1] == min(off)


def test_all_rules_for_alpha_agree_at_one_rank_and_grow_apart_as_they_say():
    made = rules(8, 16.0)
    assert {rule: made[rule](8) for rule in made} == {"fixed": 2, "kept": 2, "rslora": 2}
    assert (made["fixed"](32), made["kept"](32), made["rslora"](32)) == (0.5, 2, 1)


def test_the_gradient_of_b_grows_with_the_root_of_the_rank_and_adams_first_step_no_slower():
    """A's rows are independent, so ‖∂L/∂B‖² adds up over them; what they add to AdamW's step partly points one way."""
    report = load_lora_scaling()
    ranks = np.log(report.ranks)
    gradient, moved = (
        np.polyfit(ranks, np.log([f(r) for r in report.ranks]), 1)[0] for f in (report.gradient, report.moved)
    )
    assert abs(gradient - 0.5) < 0.1
    assert 0.5 < moved < 1


def test_pairs_of_seeds_are_what_their_answers_say():
    report = load_lora_targets()
    first, second = ("q", "v"), ("q", "k")
    runs = {(run.targets, run.config.train.seed): run.right for run in report.runs}
    seeds = [run.config.train.seed for run in report.of(first) if (second, run.config.train.seed) in runs]
    pairs = report.pairs(first, second)
    assert seeds and len(pairs) == len(seeds)
    for seed, pair in zip(seeds, pairs, strict=True):
        a, b = (np.array(list(runs[targets, seed])) == "1" for targets in (first, second))
        assert np.isclose(pair.difference, a.mean() - b.mean())
        one, other = int((a & ~b).sum()), int((b & ~a).sum())
        assert (pair.only_first, pair.only_second) == (one, other)
        assert np.isclose(pair.p, min(1.0, 2 * binom.cdf(min(one, other), one + other, 0.5)))


def test_the_interval_over_seeds_is_students():
    """Three differences: mean ± 4.303·s/√3, from a table of t."""
    found = over_seeds([0.01, 0.02, 0.06])
    half = 4.30265 * np.std([0.01, 0.02, 0.06], ddof=1) / np.sqrt(3)
    assert np.allclose([found.mean, found.low, found.high], [0.03, 0.03 - half, 0.03 + half], atol=1e-6)
    wider = over_seeds([0.01, 0.02, 0.06], comparisons=5)  # 99%: t is 9.925
    assert np.isclose((wider.high - wider.low) / (found.high - found.low), 9.92484 / 4.30265, rtol=1e-5)
    assert not found.told_apart and over_seeds([0.01, 0.0101, 0.0102]).told_apart and over_seeds([0.5]) is None
