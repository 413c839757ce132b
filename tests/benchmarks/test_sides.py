"""The sides of the comparison with Hugging Face's Trainer: the same work on each, counted as it is by hand."""

from collections import Counter

import numpy as np
import pytest

from tests.cases import CASES, TINY

pytest.importorskip("accelerate", reason="the Trainer needs it: pip install -r requirements-bench.txt")

from benchmarks import machine, time_to_accuracy, training_speed
from benchmarks.flops import step_flops
from benchmarks.peer_reports import (
    SideRun,
    SpeedReport,
    SpeedRound,
    TimeReport,
    TrainerSettings,
    Validation,
    added,
    as_digits,
    paired_difference,
    ratios,
    read_report,
)
from benchmarks.shapes import source_of
from benchmarks.sides import run_side
from benchmarks.sides.settings import SIDES, TUNED, VARIANTS, settings_of
from benchmarks.time_to_accuracy import difference_by_seed
from peft_core.config import RunConfig, TrainConfig
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.costs.measured import write_report
from peft_core.reviews.config import DataConfig
from peft_core.t5.architecture import base_model
from peft_core.t5.backbone import load_backbone
from peft_core.training import measuring

PEERS = {name: CASES[name] for name in ("full", "soft_prompt-vocab", "adapter-pfeiffer", "lora", "lora-all")}
BATCH, REVIEWS, EPOCHS = 8, 48, 2


@pytest.fixture(autouse=True)
def reviews(monkeypatch):
    """Different lengths, so that padding and grouping have something to do."""
    from datasets import Dataset, DatasetDict

    generator = np.random.default_rng(0)
    words = ["a", "the", "film", "was", "plot", "good", "bad"]

    def split(size):
        texts = [" ".join(generator.choice(words, generator.integers(1, 30))) for _ in range(size)]
        return Dataset.from_dict({"text": texts, "label": [row % 2 for row in range(size)]})

    splits = DatasetDict({"train": split(64), "validation": split(20), "test": split(10)})
    monkeypatch.setattr(measuring, "load_splits", lambda source: splits)


@pytest.fixture
def make_config(base_folder):
    def make(method, reviews=REVIEWS) -> RunConfig:
        data = DataConfig(train_size=reviews, validation_size=20, max_length=16)
        return RunConfig(
            base=str(base_folder),
            method=method,
            data=data,
            train=TrainConfig(epochs=EPOCHS, batch_size=BATCH, evaluations=3, learning_rate=0.01),
        )

    return make


@pytest.fixture
def in_this_process(monkeypatch):
    """Tests want speed, not clean processes; the environment is put back afterwards."""
    for module in (machine, time_to_accuracy, training_speed):
        monkeypatch.setattr(module, "in_a_fresh_process", lambda preload, function, *rest: function(*rest))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "1")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", PEERS.values(), ids=PEERS.keys())
def test_every_side_trains_what_is_counted_by_hand_for_as_many_steps(make_config, method, side):
    config = make_config(method)
    run = run_side(side, settings_of(side, method.method), config)
    counted = count(TINY, method)
    assert (run.trainable_parameters, run.total_parameters) == (counted.trainable_parameters, counted.total_parameters)
    steps = EPOCHS * REVIEWS // BATCH
    assert (run.side, run.config, len(run.step_seconds)) == (side, config, steps)
    assert [v.step for v in run.validations] == [0, steps // 3, 2 * steps // 3, steps]
    assert run.right.count("1") / len(run.right) == run.validations[-1].accuracy
    assert len(run.right) == 20
    assert min(run.step_seconds) > 0


def test_all_sides_read_the_same_tokens_equally_often(make_config, monkeypatch, base_folder):
    from benchmarks.sides import hf
    from peft_core.training.loop.trainer import Trainer

    seen: list[tuple[int, ...]] = []
    pad = load_backbone(str(base_folder)).tokenizer.pad_token_id
    take_step, collate = Trainer.take_step, hf.DataCollatorForSeq2Seq.__call__

    def watch(ids):
        seen.extend(tuple(int(i) for i in row if i != pad) for row in ids)

    def watched_step(self, batch):
        watch(batch.input_ids)
        return take_step(self, batch)

    def watched_collate(self, features, *rest):
        batch = collate(self, features, *rest)
        watch(batch["input_ids"])
        return batch

    monkeypatch.setattr(Trainer, "take_step", watched_step)
    monkeypatch.setattr(hf.DataCollatorForSeq2Seq, "__call__", watched_collate)
    counts, fingerprints = [], set()
    for side in SIDES:
        seen.clear()
        fingerprints.add(run_side(side, settings_of(side, "lora"), make_config(LoraConfig(r=2))).data_fingerprint)
        counts.append(Counter(seen))
    assert len(fingerprints) == 1
    assert counts[0].total() == EPOCHS * REVIEWS
    assert all(counter == counts[0] for counter in counts)


def test_reviews_that_do_not_fill_the_last_batch_are_refused(make_config):
    with pytest.raises(PeftClassroomError, match="whole number of batches"):
        run_side("ours", None, make_config(LoraConfig(), reviews=BATCH + 2))


def test_every_variant_differs_and_every_method_has_a_tuned_one():
    assert len(set(VARIANTS.values())) == len(VARIANTS)
    assert set(TUNED) == set(training_speed.METHODS)  # of the methods that the benchmark measures
    assert settings_of("trainer", "lora") == TrainerSettings()
    assert settings_of("ours", "lora") is None


# ---------------------------------------------------------------------------------------------------------------------
# FLOPs


@pytest.mark.parametrize(("batch", "width"), [(2, 7), (3, 16)])
def test_the_flops_of_a_forward_pass_are_those_of_a_hand_count(batch, width):
    a = TINY
    attention = 2 * a.d_model * a.inner_dim  # multiplications of two projections for a token
    feed_forward = 2 * a.d_model * a.d_ff
    scores = 2 * a.inner_dim * width  # of q·k and of weights·v, for one query
    encoder = a.encoder_layers * width * (2 * attention + feed_forward + scores)
    own = 2 * attention + 2 * a.inner_dim  # of the decoder's one position, which sees itself
    cross = attention + width * attention + scores  # q and o of one position, k and v of all
    decoder = a.decoder_layers * (own + cross + feed_forward)
    words = a.d_model * a.vocab_size
    forward = step_flops(a, FullConfig(), batch, width, backward=False)
    assert forward == 2 * batch * (encoder + decoder + words)


@pytest.mark.parametrize("method", PEERS.values(), ids=PEERS.keys())
def test_only_full_fine_tuning_needs_every_product_of_the_backward_pass(method):
    """A product in the forward pass has two in the backward pass: for its input and for its weight."""
    forward, step = (step_flops(TINY, method, 2, 8, backward) for backward in (False, True))
    if isinstance(method, FullConfig):
        assert step == 3 * forward
    else:
        assert 1.5 * forward < step < 3 * forward


def test_machine_measures_the_work_it_names(in_this_process, monkeypatch, base_folder, tmp_path, capsys):
    monkeypatch.setattr(machine, "SIZES", ((8, 4, 2),))
    monkeypatch.setattr(machine, "BATCH", 4)
    monkeypatch.setattr(machine, "WIDTHS", (16, 32))
    path = tmp_path / "machine.json"
    options = ["--bases", str(base_folder), "--methods", "lora", "--rounds", "2", "--steps", "1", "--threads", "1"]
    machine.main([*options, "--json", str(path)])
    report = machine.MachineReport.model_validate_json(path.read_bytes())
    assert [(p.precision, len(p.seconds)) for p in report.products] == [("bfloat16", 2), ("float32", 2)]
    assert [(s.width, s.flops) for s in report.steps] == [
        (width, step_flops(TINY, LoraConfig(r=8), 4, width)) for width in (16, 32)
    ]
    peak = max(
        2 * 8 * 4 * 2 / np.median(p.seconds) for p in report.products if p.precision == report.provenance.precision
    )
    for step in report.steps:
        assert report.utilisation(step) == pytest.approx([step.flops / s / peak for s in step.seconds])
    assert "% of the peak" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------------------------
# The commands and what they write


def test_the_speed_command_adds_rounds_to_its_file(in_this_process, base_folder, tmp_path, capsys):
    path = tmp_path / "speed.json"
    options = ["--bases", str(base_folder), "--methods", "lora", "--reviews", "64", "--max-length", "16"]
    options += ["--sides", "ours", "trainer", "--rounds", "1", "--threads", "1", "--json", str(path)]
    training_speed.main(options)
    training_speed.main([*options, "--add"])
    report = read_report(path, SpeedReport)
    assert [r.side for r in report.rounds] == ["ours", "trainer"] * 2
    for one in report.rounds:
        assert (one.steps, one.batch, one.max_length) == (2, 32, 16)
        assert one.examples_per_second == pytest.approx(64 / one.seconds)
        assert one.settled_examples_per_second is None
    assert {"peft", "accelerate"} <= set(report.provenance.versions)
    assert str(tmp_path) not in report.provenance.command.replace(str(base_folder), "")
    assert "times as fast" in capsys.readouterr().out
    path.write_text(path.read_text().replace('"threads": 1', '"threads": 7'))
    with pytest.raises(PeftClassroomError, match="threads"):
        training_speed.main([*options, "--add"])


def test_the_accuracy_command_compares_seed_by_seed(in_this_process, base_folder, tmp_path, capsys):
    path = tmp_path / "time.json"
    options = ["--base", str(base_folder), "--train-size", "64", "--validation-size", "20", "--epochs", "1"]
    options += ["--every", "1", "--max-length", "16", "--threads", "1", "--json", str(path)]
    time_to_accuracy.main([*options, "--sides", "ours", "trainer", "--seeds", "0"])
    time_to_accuracy.main([*options, "--sides", "ours", "trainer", "--seeds", "1", "--add"])
    report = read_report(path, TimeReport)
    assert [(r.side, r.config.train.seed) for r in report.rounds] == [
        ("ours", 0), ("trainer", 0), ("ours", 1), ("trainer", 1),
    ]  # fmt: skip
    assert [v.step for v in report.rounds[0].validations] == [0, 1, 2]
    printed = capsys.readouterr().out
    assert "95% by seeds, n = 2" in printed and "of each seed on 20 validation reviews" in printed
    with pytest.raises(PeftClassroomError, match="divisor"):
        time_to_accuracy.main([*options, "--every", "3"])


def test_reports_are_read_back_and_damaged_ones_are_a_sentence(make_config, tmp_path):
    from benchmarks.processes import provenance

    run = example_run(make_config(LoraConfig()))
    path, source = tmp_path / "report.json", provenance("python -m benchmarks.example", 1)
    with pytest.raises(PeftClassroomError, match="missing"):
        read_report(path, SpeedReport)
    for report in (
        SpeedReport(provenance=source, rounds=(SpeedRound.of(run),)),
        TimeReport(provenance=source, rounds=(run,)),
    ):
        write_report(report, path)
        assert read_report(path, type(report)) == report
        assert added(report, report).rounds == report.rounds * 2
        path.write_text(path.read_text()[:-9])
        with pytest.raises(PeftClassroomError, match="damaged"):
            read_report(path, type(report))


def example_run(config: RunConfig) -> SideRun:
    return SideRun(
        side="trainer_tuned",
        config=config,
        settings=VARIANTS["bf16_sdpa"],
        method_of="peft",
        trainable_parameters=1,
        total_parameters=2,
        data_fingerprint="",
        mean_loss=0.5,
        step_seconds=(3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0),
        validations=(
            Validation(step=0, accuracy=0.5, seconds=0.1),
            Validation(step=4, accuracy=0.8, seconds=0.2),
            Validation(step=7, accuracy=0.7, seconds=0.4),
        ),
        right="0111",
    )


def test_a_level_is_reached_at_the_first_validation_that_is_not_below_it(make_config):
    run = example_run(make_config(LoraConfig()))
    assert run.reached(0.5) == pytest.approx((0.0, 0.1))
    assert run.reached(0.7) == run.reached(0.8) == pytest.approx((6.0, 6.3))
    assert run.reached(0.81) is None
    speed = SpeedRound.of(run)
    assert speed.examples_per_second == pytest.approx(7 * BATCH / 10)
    assert speed.settled_examples_per_second == pytest.approx(2 * BATCH / 3)  # five steps are left out


def test_the_interval_of_a_paired_difference_holds_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        kind = generator.choice(4, 200, p=[0.7, 0.1, 0.04, 0.16])  # both, only first, only second, none
        first = "".join("1" if k in (0, 1) else "0" for k in kind)
        second = "".join("1" if k in (0, 2) else "0" for k in kind)
        difference, low, high = paired_difference(first, second)
        assert low < difference < high
        back = paired_difference(second, first)
        assert back == pytest.approx((-difference, -high, -low))
        hits += low <= 0.06 <= high
    assert 0.92 < hits / 400 < 0.98
    with pytest.raises(ValueError, match="longer"):
        paired_difference("1", "11")


def test_three_seeds_are_three_observations_however_many_reviews_each_answered():
    """Against scipy's paired t-test; the reviews of one seed are copied, and the interval does not become narrower."""
    from scipy.stats import ttest_rel

    generator = np.random.default_rng(0)
    answers = [generator.random((2, 200)) < 0.8 for _ in range(3)]
    pairs = [tuple(as_digits(side) for side in seed) for seed in answers]
    shares = np.array([seed.mean(axis=1) for seed in answers])
    wanted = 100 * np.array(ttest_rel(shares[:, 0], shares[:, 1]).confidence_interval(0.95))
    told = difference_by_seed(pairs)
    assert f"n = 3: {wanted[0]:+.1f} to {wanted[1]:+.1f}" in told
    assert f"n = 3: {wanted[0]:+.1f} to {wanted[1]:+.1f}" in difference_by_seed([(a * 9, b * 9) for a, b in pairs])
    assert "one seed: another may change that" in difference_by_seed(pairs[:1])


def test_ratios_pair_the_rounds():
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_a_shape_has_random_weights_the_named_architecture_and_the_bundled_tokenizer(monkeypatch, tmp_path):
    monkeypatch.setenv("PEFT_CACHE_DIR", str(tmp_path))
    assert source_of("tiny-t5") == "tiny-t5"
    folder = source_of("tiny-t5-shape")
    shape, bundled = load_backbone(folder), load_backbone("tiny-t5")
    assert base_model(folder).architecture == bundled.base.architecture
    assert shape.label_ids == bundled.label_ids
    assert shape.fingerprint != bundled.fingerprint
    assert source_of("tiny-t5-shape") == folder
    assert [p.name for p in (tmp_path / "benchmarks").iterdir()] == ["tiny-t5-shape"]
