"""The command line: its JSON, and one line with exit code 2 for whatever a person gets wrong."""

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from peft_core import __version__
from peft_core.analysis.spectra.truncation_file import read_truncation
from peft_core.checkpoints.run_json import read_record, write_record
from peft_core.methods.registry import METHODS
from peft_core.paths import ROOT
from peft_core.t5.architecture import base_model
from peft_core.training.snapshots.moments import list_moments

pytestmark = pytest.mark.usefixtures("easy_reviews")


def test_count_says_294912_twice(run):
    code, out, _ = run("count", "lora", "--r", 8, "--base", "t5-small", "--json")
    data = json.loads(out)
    assert code == 0
    assert data["trainable_parameters"] == data["numel_trainable"] == 294_912
    assert data["total_parameters"] == data["numel_total"] == 60_801_536
    assert sum(line["value"] for line in data["lines"]) == 294_912
    assert list(data) == [
        "method", "base", "trainable_parameters", "total_parameters", "numel_trainable", "numel_total",
            "numel_idle", "numel_unread", "numel_config_file", "lines",
    ]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_count_for_people(run, method):
    code, out, _ = run("count", method)
    assert code == 0
    assert "The two agree." in out


def test_train_evaluate_classify(run, base_folder, tmp_path):
    out = tmp_path / "mine"
    options = ["--base", base_folder, "--train-size", 240, "--epochs", 2, "--batch-size", 16, "--max-length", 16]
    code, printed, progress = run("train", "lora", "--r", 4, *options, "--learning-rate", 0.03, "--out", out, "--json")
    summary = json.loads(printed)
    assert code == 0, progress
    assert list(summary) == [
        "checkpoint", "trainable_parameters", "validation_accuracy", "test_accuracy", "untrained_test_accuracy",
        "change", "made_worse", "stopped_by", "seconds", "examples_per_second",
    ]  # fmt: skip
    assert summary["checkpoint"] == str(out)
    assert not out.with_name("mine.partial").exists() and not (out / "snapshots").exists()
    _, printed, _ = run("evaluate", out, "--split", "test", "--limit", 60, "--json")
    measured = json.loads(printed)
    assert list(measured) == ["accuracy", "low", "high", "n"]
    assert measured["n"] == 60
    _, printed, _ = run("classify", "--checkpoint", out, "--checkpoint", out, "a good film", "sad", "--json")
    rows = json.loads(printed)
    assert [(row["checkpoint"], row["text"]) for row in rows] == [(str(out), t) for t in ("a good film", "sad")] * 2
    assert all(row["label"] == ("positive" if row["probability_positive"] > 0.5 else "negative") for row in rows)
    code, _, error = run("train", "lora", *options, "--out", out)
    assert (code, "exists already" in error) == (2, True)
    stars = tmp_path / "stars.tsv"
    stars.write_text('متن\tstars\n"a good film\t5\nsad\t1\nso so\t3\n', encoding="cp1256")
    asked = ["classify", "--checkpoint", out, "--file", stars, "--text-column", "متن", "--label-column", "stars"]
    asked += ["--encoding", "cp1256"]  # of one word it cannot be told
    code, printed, error = run(*asked, "--positive", "5", "--negative", "1", "--json")
    assert code == 0, error
    assert "Read as Windows-1256, cells separated by tab, quotation marks taken as letters." in error
    rows = json.loads(printed)
    assert [(row["row"], row["text"], row["truth"]) for row in rows] == [
        (2, '"a good film', 1), (3, "sad", 0), (4, "so so", None),
    ]  # fmt: skip
    right = sum((row["label"] == "positive") == row["truth"] for row in rows[:2])
    assert f"{right / 2:.2%} of 2 labelled reviews right" in run(*asked, "--positive", "5", "--negative", "1")[1]


def test_test_predictions_can_be_stored_afterwards(run, base_folder, tmp_path):
    out = tmp_path / "mine"
    options = ["--base", base_folder, "--train-size", 40, "--epochs", 1, "--max-length", 16, "--test-size", 60]
    code, printed, _ = run("train", "lora", *options, "--out", out, "--snapshots")
    assert code == 0
    kept = list_moments(out / "snapshots")  # a folder in that of a checkpoint, which is read as any other
    assert not kept.damaged and [moment.step for moment in kept.moments] == [0, 1, 2]
    assert re.search(r"snapshots +3 in .*mine/snapshots", printed)
    trained = read_record(out)
    assert len(trained.test_probabilities) == trained.test.n == 60
    older = trained.model_copy(update={"test_probabilities": None})
    write_record(older, out)
    code, printed, error = run("evaluate", out, "--store")
    assert (code, "60 reviews" in printed) == (0, True), error
    assert read_record(out) == trained  # to the last bit
    assert not (out / "run.json.tmp").exists()
    test = replace(older.test, accuracy=older.test.accuracy + 1 / 60)
    write_record(older.model_copy(update={"test": test, "untrained_test": None, "discordant": None}), out)
    before = (out / "run.json").read_bytes()
    code, _, error = run("evaluate", out, "--store")
    assert (code, "Nothing was stored" in error) == (2, True)
    assert (out / "run.json").read_bytes() == before


def test_a_base_model_can_be_measured_untrained(run, monkeypatch):
    _, printed, _ = run("evaluate", "tiny-t5", "--limit", 40, "--json")
    assert json.loads(printed)["n"] == 40


def test_checkpoints_are_listed(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path))
    code, printed, _ = run("checkpoints", "--json")
    assert code == 0
    for row in json.loads(printed):
        assert list(row) == [
            "name",
            "path",
            "method",
            "base",
            "task",
            "trainable_parameters",
            "test_accuracy",
            "problem",
        ]


def test_the_spectrum_of_a_checkpoint(run):
    code, out, error = run("spectrum", "lora-8", "--stack", "encoder", "--json")
    assert code == 0, error
    layers = json.loads(out)["layers"]
    blocks = range(base_model("tiny-t5").architecture.encoder_layers)
    assert [layer["layer"] for layer in layers] == [f"encoder.{b}.self_attention.{m}" for b in blocks for m in "qv"]
    for layer in layers:
        assert layer["max_rank"] == len(layer["sigmas"]) == 8
        assert sum(s**2 for s in layer["sigmas"]) == pytest.approx(layer["norm"] ** 2)
        assert sum(s**2 for s in layer["random"]["sigmas"]) == pytest.approx(layer["norm"] ** 2)
        assert 1 <= layer["effective_rank"] <= 8
    code, out, _ = run("spectrum", "lora-8", "--stack", "encoder")
    assert code == 0
    assert all(layer["layer"] in out for layer in layers)
    _, out, _ = run("spectrum", "lora-8", "--stack", "decoder", "--module", "q", "--place", "self_attention")
    assert "decoder.0.self_attention.q" in out  # idle: the decoder reads one token


def test_a_checkpoint_is_similar_to_itself(run):
    code, out, error = run("similarity", "lora-8", "lora-8", "--stack", "encoder", "--draws", 20, "--json")
    assert code == 0, error
    for layer in json.loads(out)["layers"]:
        assert np.allclose(layer["phi"], np.ones((8, 8)))
        assert np.allclose(layer["before_training"], np.ones((8, 8)))
        assert layer["expected_by_chance"][0] == pytest.approx(
            [j / base_model("tiny-t5").architecture.d_model for j in range(1, 9)]
        )
    one = ("--stack", "encoder", "--block", 0, "--module", "q", "--draws", 20)
    _, out, _ = run("similarity", "lora-8", "full", "--of", "dW", *one, "--top", 4, "--json")
    (layer,) = json.loads(out)["layers"]
    assert (len(layer["phi"]), len(layer["phi"][0]), layer["before_training"]) == (4, 4, None)
    code, out, _ = run("similarity", "lora-8", "lora-8", *one)
    assert code == 0
    assert out.splitlines()[-1].split() == ["8", *["1.00"] * 8]  # the table of one layer


def test_truncation_is_told_measured_and_stored(run, base_folder, tmp_path):
    out = tmp_path / "mine"
    options = ["--base", base_folder, "--train-size", 40, "--epochs", 1, "--max-length", 16, "--test-size", 60]
    assert run("train", "lora", "--r", 2, *options, "--out", out)[0] == 0
    _, printed, _ = run("truncate", out, "--json")
    points = json.loads(printed)["points"]
    assert [p["rank"] for p in points] == [0, 1, 2]
    assert [p["energy"] for p in points] == [0, pytest.approx(points[1]["energy"]), pytest.approx(1)]
    code, printed, error = run("truncate", out, "--rank", 1, "--rank", 2, "--evaluate", "--store", "--json")
    assert code == 0, error
    data = json.loads(printed)
    assert (data["n"], [p["rank"] for p in data["points"]]) == (60, [1, 2])
    assert data["untruncated"]["accuracy"] == read_record(out).test.accuracy
    assert data["finding"].startswith("On the same 60 test reviews, LoRA r=2 (seed 0)")
    assert [p.accuracy.accuracy for p in read_truncation(out).points] == [p["accuracy"] for p in data["points"]]
    code, printed, _ = run("truncate", out, "--evaluate", "--limit", 20)
    assert code == 0
    assert "as trained" in printed and "20 test reviews" in printed
    assert read_truncation(out).n == 60  # not asked to be kept


def test_a_count_that_differs_ends_with_1(run, monkeypatch):
    from peft_core.counting import by_numel

    counted = by_numel.count_by_numel(base_model("tiny-t5"), METHODS["lora"].config())
    other = replace(counted, numel_trainable=counted.numel_trainable + 1)
    monkeypatch.setattr(by_numel, "count_by_numel", lambda base, config: other)
    code, out, _ = run("count", "lora", "--base", "tiny-t5")
    assert (code, "THE TWO DIFFER." in out) == (1, True)


def test_count_says_what_cannot_learn(run):
    assert "12,288 of them cannot learn" in run("count", "lora", "--base", "tiny-t5")[1]
    assert "cannot learn" not in run("count", "adapter", "--base", "tiny-t5")[1]


def test_a_name_is_understood_as_options_spell_it(run):
    code, out, _ = run("count", "soft-prompt", "--base", "tiny-t5", "--json")
    assert (code, json.loads(out)["method"]) == (0, "soft_prompt")


def test_the_version_is_told_and_without_a_command_the_help_alone(run):
    assert run("--version")[:2] == (0, f"peft_core {__version__}\n")
    code, out, error = run()
    assert (code, "Usage" in out + error, "Error" in out + error) == (2, True, False)


def test_a_wrong_name_is_told_before_torch_is_imported():
    """By one command after the other, in a process that has imported nothing yet."""
    code = """
import sys
from peft_core.cli.main import main
for command in (("evaluate", "nobody"), ("classify", "--checkpoint", "nobody", "Good.")):
    sys.argv = ["peft_core", *command]
    try:
        main()
    except SystemExit as stop:
        print(stop.code, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (0, "2 False\n2 False\n"), done.stderr
    assert done.stderr.count("There is no checkpoint 'nobody'") == 2


@pytest.mark.parametrize("late", [False, True])
def test_ctrl_c_ends_with_130_and_without_a_traceback(late):
    """While modules are imported, and while a command runs."""
    where = "peft_core.cli.ask" if not late else "peft_core.checkpoints.listing"
    code = f"""
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {where!r}: signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["peft_core", "evaluate", "nobody"]
runpy.run_module("peft_core", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (130, "", False)


@pytest.mark.parametrize(("presses", "code", "said"), [(1, 130, "goes on from there"), (2, 0, "test accuracy")])
def test_ctrl_c_stops_a_training_and_twice_keeps_what_it_has(run, monkeypatch, tmp_path, presses, code, said):
    from peft_core.training import experiment, stopping
    from peft_core.training.loop.step_log import StepLog

    def run_experiment(config, folder, should_stop, checkpoint, start, should_keep, snapshots):
        for step in range(1, 4):
            for _ in range(presses if step == 2 else 0):
                signal.raise_signal(signal.SIGINT)
            if should_keep():
                yield StepLog("test", step, step, 1.0, 1.0, step, accuracy=0.9, low=0.8, high=0.95, n=100)
                return {
                    "checkpoint": str(checkpoint), "trainable_parameters": 1, "validation_accuracy": 0.9,
                    "test_accuracy": 0.9, "untrained_test_accuracy": 0.8, "change": (0.1, 0.05, 0.15),
                    "made_worse": False, "stopped_by": "person", "seconds": 1.0, "examples_per_second": 2.0,
                }  # fmt: skip
            if should_stop():
                return None
            yield StepLog("step", step, 3, 1.0, 1.0, 3, train_loss=0.5)
        raise AssertionError("nobody stopped it")

    monkeypatch.setattr(experiment, "run_experiment", run_experiment)
    monkeypatch.setattr(stopping, "SECOND_WITHIN", 0.0 if presses == 1 else 100.0)
    got, out, err = run("train", "lora", "--out", tmp_path / "lora")
    assert got == code
    assert said in out + err
    assert "Error" not in err


WRONG = [
    (("count", "lra"), "full, soft_prompt, adapter, lora"),
    (("count", "lora", "--r", 0), "greater than or equal to 1"),
    (("count", "lora", "--r", "eight"), "valid integer"),
    (("count", "lora", "--rank", 8), "No such option"),
    (("count", "lora", "--bottleneck-dim", 8), "bottleneck_dim: extra"),
    (("count", "lora", "--target-modules", "q,x"), "target_modules"),
    (("count", "lora", "--base", "t6"), "tiny-t5, mini-t5, t5-small"),
    (("count", "soft_prompt", "--prompt-init", "text"), "prompt_text belong together"),
    (("count",), "Missing argument"),
    (("nothing",), "No such command"),
    (("compare", "lora-8", "lora-8"), "lora-8 is named twice"),
    (("report", "--out", "missing/x.json"), "There is no folder missing"),
    (("train", "lora", "--out", f"{__file__}/x", "--train-size", 16), "cannot be written"),
    (("train", "lora"), "Missing option"),
    (("train", "lora", "--out", "x", "--train-size", 3), "multiple of 2"),
    (("train", "lora", "--out", "x", "--base", "t6"), "tiny-t5, mini-t5, t5-small"),
    (("evaluate", "nobody"), "There is no checkpoint 'nobody'"),
    (("evaluate", "tiny-t5", "--split", "exam"), "train, validation, test"),
    (("evaluate", "lora-8", "--store", "--limit", 20), "whole test split"),
    (("evaluate", "lora-8", "--store", "--split", "validation"), "whole test split"),
    (("evaluate", "tiny-t5", "--store"), "the base model tiny-t5 has none"),
    (("classify", "--checkpoint", "nobody", "good"), "There is no checkpoint"),
    (("classify", "--checkpoint", "nobody", ""), "empty"),
    (("classify", "good"), "Missing option"),
    (("classify", "--checkpoint", "lora-8"), "or --file with a table"),
    (("classify", "--checkpoint", "lora-8", "--file", "missing.csv"), "missing.csv cannot be read"),
    (("classify", "--checkpoint", "lora-8", "--positive", "5", "good"), "name a file"),
    (("spectrum", "nobody"), "There is no checkpoint 'nobody'"),
    (("spectrum", "soft-prompt-10"), "soft-prompt-10 (Soft prompt n=10) adds nothing to a weight matrix"),
    (("spectrum", "adapter-8"), "another method, such as Full fine-tuning or LoRA"),
    (("spectrum", "lora-8", "--stack", "middle"), "encoder, decoder"),
    (("spectrum", "lora-8", "--place", "attention"), "self_attention, cross_attention, feed_forward"),
    (("spectrum", "lora-8", "--module", "x"), "q, k, v, o, wi"),
    (("spectrum", "lora-8", "--module", "k"), "There are: encoder.0.self_attention.q"),
    (("spectrum", "lora-8", "--block", "9"), "There are: encoder.0.self_attention.q"),
    (("similarity", "lora-8"), "Missing argument"),
    (("similarity", "lora-8", "nobody"), "There is no checkpoint 'nobody'"),
    (("similarity", "lora-8", "full"), "Only LoRA has a factor A"),
    (("similarity", "lora-8", "lora-8", "--of", "B"), "A, dW"),
    (("similarity", "lora-8", "lora-8", "--top", "0"), "greater than or equal to 1"),
    (("truncate", "adapter-8"), "adapter-8 (Adapter m=8, Pfeiffer) adds nothing"),
    (("truncate", "lora-8", "--rank", "9"), "There is no rank 9 to cut to: choose from 0 to 8"),
    (("truncate", "lora-8", "--rank", "one"), "valid integer"),
    (("truncate", "lora-8", "--limit", "20"), "belong to --evaluate"),
    (("truncate", "lora-8", "--store"), "belong to --evaluate"),
    (("truncate", "lora-8", "--evaluate", "--limit", "3"), "even number"),
    (("pretrain", "tiny-t5", "--out", "nowhere", "--steps", "0"), "steps: input should be greater than or equal to 1"),
    (("pretrain", "t5-small", "--out", "nowhere"), "Choose one of: tiny-t5, mini-t5"),
]


@pytest.mark.parametrize(
    ("arguments", "sentence"), WRONG, ids=lambda x: " ".join(map(str, x)) if isinstance(x, tuple) else ""
)
def test_what_is_wrong_gets_one_line_and_exit_code_2(run, arguments, sentence):
    code, out, error = run(*arguments)
    assert code == 2
    assert out == ""
    assert sentence in error
    assert error.startswith("Error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
