"""`train --data`, `train --task lie`: the same command line, another task."""

import json
import shutil

import pytest

from peft_core.checkpoints.run_json import read_record
from peft_core.config import presets_of
from peft_core.reviews.own.stored import FILE, write_texts
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


@pytest.fixture(scope="module")
def two(base_folder, tmp_path_factory):
    """Two checkpoints that have learned the same texts: one whose run's folder still holds them, one of a command."""
    from peft_core.config import RunConfig, TrainConfig
    from peft_core.methods.lora.method import LoraConfig
    from peft_core.training.experiment import run_experiment

    folder, out = tmp_path_factory.mktemp("two"), []
    for name, rank in (("kept", 2), ("gone", 1)):
        (folder / name).mkdir()
        write_texts(folder / name, stored())
        train = TrainConfig(epochs=rank, batch_size=16, learning_rate=0.02)
        config = RunConfig(
            base=str(base_folder), method=LoraConfig(r=rank), data=stored().data(NAMES, NAMES, 16), train=train
        )
        for _ in run_experiment(config, folder / name, checkpoint=folder / name / f"the-{name}"):
            pass
        out.append(folder / name / f"the-{name}")
    (folder / "gone" / FILE).unlink()
    return tuple(out)


def test_a_checkpoint_is_measured_on_more_texts_of_its_two_classes(run, two, file, tmp_path):
    kept, gone = two
    code, printed, told = run("evaluate", gone, "--data", file, *COLUMNS, "--json")
    record = read_record(gone)
    assert (code, json.loads(printed)["accuracy"], json.loads(printed)["n"]) == (0, record.test.accuracy, 10), told
    assert "the texts that it has learned" in told  # and so the split that it was tested on
    assert run("evaluate", gone, "--data", file, *COLUMNS, "--store")[0] == 0 and read_record(gone) == record
    more = tmp_path / "more.csv"
    known, label = stored().train[0]
    rows = (
        "kind,what was said",
        "LIVELY,a lively film",
        "dull,sad plot of old",
        ",no label",
        f"{NAMES[label]},{known}",
    )
    more.write_text("\n".join(rows))
    code, printed, told = run("evaluate", kept, "--data", more, *COLUMNS, "--json")
    assert (code, json.loads(printed)["n"]) == (0, 2), told
    answers = [one.probability_positive > 0.5 for one in predicted(kept, ["a lively film", "sad plot of old"])]
    assert json.loads(printed)["accuracy"] == sum(a == b for a, b in zip(answers, (True, False), strict=True)) / 2
    assert "1 rows without" in told and "1 texts that it was trained or chosen on" in told
    code, printed, told = run("evaluate", gone, "--data", more, *COLUMNS, "--json")
    assert (json.loads(printed)["n"], "not known here" in told) == (3, True)


def predicted(checkpoint, texts):
    from peft_core.checkpoints.asking.predictor import Predictor
    from peft_core.t5.backbone import load_backbone

    record = read_record(checkpoint)
    return Predictor(load_backbone(record.base, record.prefix)).classify(texts, checkpoint)


def test_what_cannot_be_measured_is_a_sentence(run, two, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("what was said;kind\na film;dull\nanother;weird\n")
    code, printed, error = run("evaluate", two[0], "--data", other, *COLUMNS)
    assert (code, printed) == (2, "") and "'dull' and 'lively'; the column of labels also has 'weird'" in error
    seen = tmp_path / "seen.csv"
    seen.write_text("what was said;kind\n" + "\n".join(f"{text};{NAMES[label]}" for text, label in stored().train))
    for command, said in (
        (("evaluate", two[0], "--data", seen, *COLUMNS), "trained or chosen on all of these"),
        (("evaluate", two[0], "--data", seen, *COLUMNS, "--store"), "leave --split, --limit and --store out"),
        (("evaluate", "tiny-t5", "--data", seen, *COLUMNS), "has learned no classes"),
        (("evaluate", two[0], *COLUMNS), "name it with --data"),
        (("compare", *two, *COLUMNS), "name it with --data"),
        (("compare", *two, "--data", seen, *COLUMNS), "does not hold the texts"),
    ):
        code, _, error = run(*command)
        assert (code, said in error) == (2, True), error


def test_two_that_have_learned_the_same_own_texts_are_compared_on_their_test_texts(run, two, file, base_folder):
    code, printed, error = run("compare", *two, "--json")
    assert code == 0, error
    found, truth = json.loads(printed), [label for _, label in stored().test]
    said = [[one.probability_positive > 0.5 for one in predicted(it, [t for t, _ in stored().test])] for it in two]
    assert found["n"] == 10 and "the same 10 test texts" in found["sentence"]
    assert [found["first_accuracy"], found["second_accuracy"]] == [
        sum(a == b for a, b in zip(answers, truth, strict=True)) / 10 for answers in said
    ]
    assert all(row["label"] in NAMES for row in found["disagreements"])
    assert run("compare", *reversed(two))[0] == 0  # whichever of the two still has them
    gone, again = two[1], two[1].with_name("again")
    shutil.copytree(gone, again)
    code, _, error = run("compare", gone, again)
    assert (code, "go with it" in error) == (2, True)
    assert run("compare", gone, again, "--data", file, *COLUMNS)[0] == 0
