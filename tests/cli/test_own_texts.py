"""`train --data`, `train --task lie`: the same command line, another task."""

import json

import pytest

from peft_core.checkpoints.run_json import read_record
from peft_core.config import presets_of
from peft_core.reviews.own.stored import FILE
from tests.own import NAMES, as_csv, stored

pytestmark = pytest.mark.usefixtures("easy_reviews")
COLUMNS = ("--text-column", "what was said", "--label-column", "kind")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "said.csv"
    path.write_text(as_csv())
    return path


def test_a_file_of_ones_own_is_learned_and_asked(run, base_folder, file, tmp_path):
    out = tmp_path / "mine"
    command = ("train", "lora", "--data", file, "--base", base_folder, "--max-length", 16, "--learning-rate", 0.03)
    code, printed, told = run(*command, *COLUMNS, "--out", out, "--json")
    assert code == 0, told
    assert "classes: dull (24), lively (24)" in told and "words 'dull' and 'lively'" in told
    assert "28 texts to train on, 10 to validate on, 10 to test on" in told
    record, summary = read_record(out), json.loads(printed)
    preset = next(iter(presets_of("own", 28).values()))
    assert (record.config.train.epochs, record.config.train.batch_size) == (preset.epochs, preset.batch_size)
    assert record.config.data == stored().data(NAMES, NAMES, 16)
    assert (summary["test_accuracy"], record.test.n) == (record.test.accuracy, 10)
    assert summary["word_counts_test_accuracy"] > 0.7
    assert not list(tmp_path.rglob(FILE)) and not any("film was" in p.read_text() for p in out.glob("*.json"))
    code, printed, _ = run("classify", "--checkpoint", out, "the film was lively", "a scene was sad")
    assert code == 0 and "p lively" in printed
    assert all(line.split(": ")[1].split(" ")[0] in NAMES for line in printed.splitlines() if "(p " in line)
    code, _, error = run("evaluate", out)
    assert (code, "go with it" in error) == (2, True)


def test_the_lie_is_learned_like_the_reviews(run, base_folder, tmp_path):
    out = tmp_path / "liar"
    options = ["--base", base_folder, "--train-size", 40, "--epochs", 1, "--max-length", 16, "--test-size", 60]
    assert run("train", "lora", "--task", "lie", *options, "--out", out)[0] == 0
    record = read_record(out)
    assert (record.config.data.task, record.name) == ("lie", "LoRA r=8, lie, 40 reviews, seed 0")
    code, printed, _ = run("evaluate", out, "--json")
    assert json.loads(printed)["n"] == 120  # the whole split, as always
    honest = tmp_path / "honest"
    assert run("train", "lora", *options, "--out", honest)[0] == 0
    both = ("merge", out, honest, "--weights", "1,1", "--out", tmp_path / "both")
    for command in (("compare", out, honest), ("similarity", out, honest), both):
        code, _, error = run(*command)
        assert (code, "different tasks" in error) == (2, True), error


WRONG = [
    ((), "1 ('what was said'), 2 ('kind')"),
    (("--text-column", "what was said"), "--label-column is one of: 1 ('what was said'), 2 ('kind')"),
    (("--label-column", "kind"), "--text-column is one of: 1 ('what was said'), 2 ('kind')"),
    (("--text-column", "said", "--label-column", "kind"), "no one column 'said'"),
    ((*COLUMNS, "--task", "lie"), "leave --task lie out"),
    ((*COLUMNS, "--train-size", 20), "leave --train-size out"),
]


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_not_said_is_asked_for_and_never_guessed(run, file, tmp_path, options, said):
    code, printed, error = run("train", "lora", "--data", file, *options, "--out", tmp_path / "x")
    assert (code, printed, error.count("\n")) == (2, "", 1)
    assert said in error and not (tmp_path / "x.partial").exists()


def test_own_texts_are_in_a_file(run, tmp_path):
    for options in (("--task", "own"), ("--text-column", "x"), ("--data", tmp_path / "no file", *COLUMNS)):
        code, _, error = run("train", "lora", *options, "--out", tmp_path / "x")
        assert code == 2 and "file" in error.lower(), error
