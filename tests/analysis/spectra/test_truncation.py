"""ΔW cut to rank k and put back: what stays, what is measured, and what may be said of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import Dataset

from peft_core.analysis.spectra import truncation_finding
from peft_core.analysis.spectra.checkpoint_deltas import linear_layers, load_deltas
from peft_core.analysis.spectra.delta import kept_energy
from peft_core.analysis.spectra.truncation import check_ranks, load_truncated, max_rank, measure_truncation, usual_ranks
from peft_core.analysis.spectra.truncation_file import TRUNCATION, Truncation, read_truncation, write_truncation
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.config import DataConfig
from peft_core.t5.identity import fingerprint
from peft_core.training.evaluate import evaluate_checkpoint
from tests.cases import CASES
from tests.trained import logits, make_record, trained

pytestmark = pytest.mark.usefixtures("easy_reviews")

ADAPTED = {
    "lora": LoraConfig(r=4, alpha=6),
    "lora-all": CASES["lora-all"],
    "lora-dora": CASES["lora-dora"],
    "full": FullConfig(),
}
every_adapted = pytest.mark.parametrize("config", ADAPTED.values(), ids=ADAPTED.keys())
DATA = DataConfig(train_size=240, validation_size=80, max_length=16)


def save(backbone, config, batch, folder):
    record = make_record(backbone, config)
    record = record.model_copy(update={"config": record.config.model_copy(update={"data": DATA})})
    save_checkpoint(trained(backbone, config, batch), record, backbone, folder)
    return folder


def weights(model) -> dict[str, torch.Tensor]:
    """W as each linear layer computes with it, LoRA included."""
    return {
        name: layer.base_layer.weight + layer.delta_weight() if hasattr(layer, "lora_A") else layer.weight
        for name, layer in linear_layers(model).items()
    }


@every_adapted
@pytest.mark.parametrize("base", ["backbone", "gated"])
def test_at_full_rank_it_is_the_checkpoint_and_the_error_is_the_tail_at_every_rank(
    request, batch, config, base, tmp_path
):
    """Logits to 1e-4, where training has moved them by more than 0.1: what fp32 loses in an SVD and a product."""
    backbone = request.getfixturevalue(base)
    before = fingerprint(backbone.model)
    folder = save(backbone, config, batch, tmp_path / "c")
    deltas = load_deltas(folder, backbone)
    own, _ = load_checkpoint(folder, backbone)
    highest = max_rank(deltas)
    low = isinstance(config, LoraConfig) and not config.use_dora
    assert highest == (config.r if low else max(min(w.shape) for w in weights(own).values()))
    moved = (logits(own, batch, backbone) - logits(backbone.model, batch, backbone)).abs().max()
    assert moved > 0.1
    again = load_truncated(folder, backbone, deltas, highest)
    assert torch.allclose(logits(again, batch, backbone), logits(own, batch, backbone), atol=1e-4)
    total = sum(d.norm**2 for d in deltas.values())
    errors = []
    for k in range(highest + 1):
        cut = weights(load_truncated(folder, backbone, deltas, k))
        for name, weight in weights(own).items():
            tail = float((deltas[name].svd.sigmas[k:] ** 2).sum()) if name in deltas else 0.0
            error = float(((weight - cut[name]) ** 2).sum())
            assert np.isclose(error, tail, atol=1e-5, rtol=1e-4), name
        errors.append(sum(float((d.svd.sigmas[k:] ** 2).sum()) for d in deltas.values()))
        assert np.isclose(errors[-1], (1 - kept_energy(deltas.values(), k)) * total, atol=1e-9)
    assert errors == sorted(errors, reverse=True)
    assert fingerprint(backbone.model) == before  # it is shared


@pytest.mark.parametrize("config", [ADAPTED["lora"], ADAPTED["lora-all"]])
def test_lora_cut_to_rank_0_is_the_base_model(backbone, batch, config, tmp_path):
    folder = save(backbone, config, batch, tmp_path / "c")
    cut = load_truncated(folder, backbone, load_deltas(folder, backbone), 0)
    assert torch.equal(logits(cut, batch, backbone), logits(backbone.model, batch, backbone))


def test_full_fine_tuning_cut_to_rank_0_keeps_what_is_no_linear_layer(backbone, batch, tmp_path):
    folder = save(backbone, FullConfig(), batch, tmp_path / "c")
    cut = load_truncated(folder, backbone, load_deltas(folder, backbone), 0)
    own = dict(load_checkpoint(folder, backbone)[0].named_parameters())
    base = dict(backbone.model.named_parameters())
    linear = {f"{name.name}.weight" for name in linear_layers(backbone.model)}
    kept = [name for name in own if name not in linear]
    assert {name.split(".")[-2] for name in kept} >= {"shared", "layer_norm", "relative_attention_bias"}
    for name, parameter in cut.named_parameters():
        assert torch.equal(parameter, (base if name in linear else own)[name]), name
    assert any(not torch.equal(own[name], base[name]) for name in kept)
    assert cut.lm_head.weight is cut.shared.weight


def test_ranks_are_the_powers_of_two_or_those_asked_for(backbone, batch, tmp_path):
    assert usual_ranks(1) == [0, 1]
    assert usual_ranks(8) == [0, 1, 2, 4, 8]
    assert usual_ranks(12) == [0, 1, 2, 4, 8, 12]
    folder = save(backbone, LoraConfig(r=4), batch, tmp_path / "c")
    deltas = load_deltas(folder, backbone)
    assert check_ranks([], deltas) == [0, 1, 2, 4]
    assert check_ranks([3, 0, 3], deltas) == [0, 3]
    for rank in (-1, 5):
        with pytest.raises(PeftClassroomError, match=f"no rank {rank} .* from 0 to 4"):
            check_ranks([rank], deltas)


# ---------------------------------------------------------------------------------------------------------------------
# Measured


@every_adapted
def test_a_measured_curve_ends_at_the_checkpoint_and_is_read_back(backbone, batch, config, tmp_path):
    folder = save(backbone, config, batch, tmp_path / "c")
    told = []
    measured = measure_truncation(folder, progress=lambda done, of: told.append((done, of)))
    ranks = [p.rank for p in measured.points]
    assert ranks == usual_ranks(measured.max_rank)
    assert told == [(n, len(ranks) + 2) for n in range(1, len(ranks) + 3)]
    assert (measured.n, measured.precision) == (120, read_record(folder).precision)
    at_full_rank = measured.at(measured.max_rank)
    assert at_full_rank.energy == 1
    assert np.mean(at_full_rank.is_right != measured.untruncated.is_right) < 0.05  # a probability of 0.5 may fall over
    if isinstance(config, LoraConfig):
        assert measured.at(0).right == measured.base.right
    with pytest.raises(PeftClassroomError, match="truncate c --evaluate --store"):
        read_truncation(folder)
    write_truncation(measured, folder)
    assert read_truncation(folder) == measured
    assert load_checkpoint(folder, backbone)  # the folder is the checkpoint it was


def test_the_uncut_checkpoint_is_measured_as_evaluate_measures_it(backbone, batch, tmp_path, monkeypatch):
    monkeypatch.setattr("peft_core.training.evaluate.compute_dtype", lambda device: torch.float32)
    folder = save(backbone, LoraConfig(r=4, alpha=6), batch, tmp_path / "c")
    measured = measure_truncation(folder, ranks=[1], limit=60)
    assert (measured.n, measured.test_size, [p.rank for p in measured.points]) == (60, 60, [1])
    assert measured.untruncated.accuracy == evaluate_checkpoint(folder, "test", 60)
    with pytest.raises(PeftClassroomError, match="even number"):
        measure_truncation(folder, ranks=[1], limit=0)


@pytest.fixture
def stored(backbone, batch, tmp_path):
    folder = save(backbone, LoraConfig(r=4, alpha=6), batch, tmp_path / "c")
    write_truncation(measure_truncation(folder, ranks=[0, 1], limit=20), folder)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"format": 1', '"format": 2', "format"),
        ('"n": 20', '"n": 19', "19 digits"),
        ('"n": 20', '"n": "many"', "valid integer"),
        ('"right": "', '"right": "2', "20 digits, each 0 or 1"),
        ('"rank": 1', '"rank": 0', "ranks have to rise"),
        ('"rank": 1', '"rank": 9', "ranks have to rise, up to 4"),
        ('"max_rank"', '"highest"', "max_rank"),
        ('"weights": "', '"weights": "0', "other weights"),
        ('"record_created": "2', '"record_created": "3', "other weights"),
        ("{", "", "damaged"),
    ],
)
def test_a_damaged_file_or_one_of_other_weights_is_one_short_sentence(stored, old, new, sentence):
    path = stored / TRUNCATION
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PeftClassroomError, match=sentence) as error:
        read_truncation(stored)
    assert "--evaluate --store" in str(error.value)
    assert len(str(error.value).replace(str(path), "")) < 600


# ---------------------------------------------------------------------------------------------------------------------
# What it shows


def truncation(base, points: dict, untruncated, **rest) -> Truncation:
    """Of arrays of booleans."""

    def digits(right) -> str:
        return "".join("01"[int(r)] for r in right)

    return Truncation(
        **{
            "weights": "0",
            "record_created": "now",
            "test_size": None,
            "n": len(base),
            "data_fingerprint": "0",
            "precision": "float32",
            "device": "CPU",
            "created": "now",
            "versions": {},
            "max_rank": 8,
            "base": {"right": digits(base)},
            "points": [{"rank": k, "energy": 0.5, "right": digits(right)} for k, right in points.items()],
            "untruncated": {"right": digits(untruncated)},
            **rest,
        }
    )


def right(share: float, n: int = 1000) -> np.ndarray:
    """The first `share` of n reviews."""
    return np.arange(n) < share * n


@pytest.fixture
def record(backbone):
    return make_record(backbone, LoraConfig(r=8))


def test_a_loss_is_told_only_where_the_paired_test_tells_it(record):
    measured = truncation(right(0.5), {0: right(0.5), 1: right(0.7)}, right(0.8))
    found = truncation_finding.finding(record, measured, "none was trained")
    assert found.cut.difference == pytest.approx(-0.1) and found.cut.told_apart
    assert found.cut.low < -0.1 < found.cut.high < 0
    assert "a loss of 10.0 points" in found.sentence
    assert "p < 0.0001" in found.sentence
    assert "missing beside it (none was trained)" in found.sentence
    assert found.trained is None
    measured = truncation(right(0.5), {0: right(0.5), 1: right(0.797)}, right(0.8))
    found = truncation_finding.finding(record, measured, "none")
    assert not found.cut.told_apart and found.cut.low < 0 < found.cut.high
    assert "cannot be told from none" in found.sentence and "p = 0.25" in found.sentence  # 3 to 0: 2 / 2³


def test_the_rank_one_checkpoint_is_compared_with_the_cut_one(record, backbone):
    measured = truncation(right(0.5), {1: right(0.7)}, right(0.8))
    one = make_record(backbone, LoraConfig(r=1)).model_copy(update={"steps": 7})
    found = truncation_finding.finding(record, measured, truncation_finding.Trained(one, right(0.8)))
    assert found.trained.difference == pytest.approx(0.1) and found.trained.told_apart
    assert "LoRA r=1 (seed 0, 7 steps beside 1) is right on 80.0%" in found.sentence
    assert "a gain of 10.0 points" in found.sentence


def test_what_was_not_measured_or_not_learnt_is_said(record, backbone):
    measured = truncation(right(0.5), {0: right(0.5)}, right(0.502))
    found = truncation_finding.finding(record, measured, "none")
    assert found.cut is None and found.trained is None
    assert "cut to rank 1 it was not measured" in found.sentence
    assert "this says nothing of the rank" in found.sentence
    measured = truncation(right(0.5), {0: right(0.5), 1: right(0.8)}, right(0.8), max_rank=1)
    found = truncation_finding.finding(make_record(backbone, LoraConfig(r=1)), measured, "none")
    assert "nothing to cut" in found.sentence and found.cut is None
    full = make_record(backbone, FullConfig())
    measured = truncation(right(0.5), {0: right(0.61), 1: right(0.7)}, right(0.8))
    sentence = truncation_finding.finding(full, measured, "none").sentence
    assert "full fine-tuning (seed 0) is right on 80.0%" in sentence
    assert "with rank 0 they alone give 61.0%" in sentence
    measured = truncation(right(0.5), {1: right(0.7)}, right(0.8))
    assert "rank 0 not measured" in truncation_finding.finding(full, measured, "none").sentence


def test_the_interval_of_a_difference_agrees_with_simulation():
    """Coverage: of 2,000 samples of 300 pairs whose true difference is −0.04, about 95% of the intervals hold it."""
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        cell = generator.choice(4, 300, p=[0.75, 0.04, 0.08, 0.13])  # both, first only, second only, neither
        it = truncation_finding.difference(cell < 2, (cell == 0) | (cell == 2))
        held += it.low <= -0.04 <= it.high
    assert 0.93 < held / 2000 < 0.98
    same = truncation_finding.difference(right(0.5, 100), right(0.5, 100))
    assert (same.difference, same.p) == (0, 1) and same.low < 0 < same.high  # never a point: 100 reviews are few


def test_the_rank_one_checkpoint_is_found_by_its_record(backbone):
    from pathlib import Path

    from peft_core.checkpoints.listing import CheckpointInfo

    def info(name, method, seed=0, shipped=True, **data):
        made = make_record(backbone, method)
        config = made.config.model_copy(
            update={
                "train": made.config.train.model_copy(update={"seed": seed}),
                "data": made.config.data.model_copy(update=data),
            }
        )
        made = made.model_copy(update={"config": config})
        return CheckpointInfo(name=name, path=Path(name), record=made, shipped=shipped)

    eight = info("eight", LoraConfig(r=8), seed=3)
    known = [
        eight,
        info("other layers", LoraConfig(r=1, target_modules=("q",)), seed=3),
        info("other reviews", LoraConfig(r=1), seed=3, train_size=2),
        info("own", LoraConfig(r=1), seed=1, shipped=False),
        info("shipped", LoraConfig(r=1), seed=1),
        info("later seed", LoraConfig(r=1), seed=2),
    ]
    beside = truncation_finding.rank_one_beside
    assert beside(eight.record, known).name == "shipped"
    assert beside(eight.record, [*known, info("same seed", LoraConfig(r=1), seed=3)]).name == "same seed"
    assert beside(eight.record, known[:3]) is None
    full = info("full", FullConfig(), seed=3)
    assert beside(full.record, known).name == "other layers"  # full fine-tuning has all layers
    other_base = eight.record.model_copy(update={"base_fingerprint": "0"})
    assert beside(other_base, known) is None
    measured = truncation(right(0.5), {1: right(0.7)}, right(0.8))
    assert "no such checkpoint" in truncation_finding.find(eight, measured, known[:3]).sentence
    assert "no test predictions" in truncation_finding.find(eight, measured, known).sentence


@pytest.fixture
def splits():
    def rows(size):
        return Dataset.from_dict({"text": [f"film {n}" for n in range(size)], "label": [n % 2 for n in range(size)]})

    return {"train": rows(40), "validation": rows(20), "test": rows(30)}


def test_answers_of_another_checkpoint_are_those_on_the_same_reviews(backbone, splits):
    from peft_core.checkpoints.record import RunRecord
    from peft_core.reviews.draws import SHARED_SEED, row_numbers, run_fingerprint, select
    from peft_core.reviews.splits import data_fingerprint

    record = make_record(backbone, LoraConfig(r=1))
    config = record.config.model_copy(update={"data": DataConfig(train_size=8, validation_size=4)})
    drawn = [select(splits[name], size, 0) for name, size in (("train", 8), ("validation", 4), ("test", None))]
    truth = np.arange(30) % 3 > 0  # which of the 30 it has right
    labels = np.array(splits["test"]["label"][:])
    fields = {
        "config": config,
        "data_fingerprint": run_fingerprint([data_fingerprint(r["text"][:], r["label"][:]) for r in drawn]),
        "test": replace(record.test, n=30, accuracy=truth.mean()),
        "test_probabilities": tuple(np.where(truth == (labels == 1), 0.75, 0.25)),
    }
    record = RunRecord(**{**dict(record), **fields})
    for size in (None, 12):
        chosen = select(splits["test"], size, SHARED_SEED)
        prints = data_fingerprint(chosen["text"][:], chosen["label"][:])
        n = len(chosen)
        measured = truncation(right(0.5, n), {1: right(0.7, n)}, right(0.8, n), test_size=size, data_fingerprint=prints)
        answers = truncation_finding.trained_answers(record, measured, splits)
        assert answers.right.tolist() == truth[list(row_numbers(splits["test"], size, SHARED_SEED))].tolist()
    with pytest.raises(PeftClassroomError, match="other reviews than those installed"):
        truncation_finding.trained_answers(record, measured.model_copy(update={"data_fingerprint": "1"}), splits)
