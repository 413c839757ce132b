"""A configuration written out as a command line says the same to the command line."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from peft_core.cli import main as cli
from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.reviews.config import DataConfig
from peft_core.training.as_script.written_out import command, wrapped
from tests.cases import every_config
from tests.own import NAMES, stored
from tests.training.as_script.test_script import of


@every_config
def test_the_command_line_reads_the_command_back(config, monkeypatch):
    def train(config, out, snapshots):
        heard.append((config, str(out)))
        return dict(SUMMARY)

    monkeypatch.setattr("peft_core.cli.progress.train_with_progress", train)
    for asked in (
        of(config),
        of(config, "t5-small", DataConfig(source="hub"), TrainConfig()),
        of(config, data=DataConfig(validation_size=20), train=TrainConfig(**OTHER)),
        RunConfig(method=config),
    ):
        heard = []
        words = shlex.split(" ".join(command(asked, "a folder")))
        assert words[:4] == ["python", "-m", "peft_core", "train"]
        monkeypatch.setattr(sys, "argv", ["peft_core", *words[3:]])
        cli.main()
        ((read, out),) = heard
        assert out == "a folder"
        assert read == asked


OTHER = {  # than the default, of every field
    "epochs": 3, "batch_size": 8, "learning_rate": 0.01, "warmup_fraction": 0.1, "weight_decay": 0.01,
    "max_grad_norm": 2.5, "max_seconds": 60, "evaluations": 2, "test_curve": True, "backbone_dropout": 0.1, "seed": 4,
}  # fmt: skip
SUMMARY = {
    "checkpoint": "x", "trainable_parameters": 1, "validation_accuracy": 0.5, "test_accuracy": 0.5, "seconds": 1.0,
    "examples_per_second": 1.0, "interval": (0.4, 0.6), "untrained_test_accuracy": 0.4, "change": (0.1, 0.0, 0.2),
    "made_worse": False, "stopped_by": "epochs",
}  # fmt: skip


def test_a_command_has_only_what_differs_and_says_what_it_cannot_say():
    assert command(RunConfig(method=LoraConfig()), "x") == ["python -m peft_core train lora", "--out x"]
    assert command(RunConfig(method=LoraConfig(r=4), train=TrainConfig(learning_rate=2e-3)), "x")[1:] == [
        "--r 4",
        "--out x",
    ]
    assert command(RunConfig(method=LoraConfig(), train=TrainConfig(weight_decay=0.1, test_curve=True)), "x")[1:] == [
        "--weight-decay 0.1",
        "--test-curve",
        "--out x",
    ]
    unprintable = SoftPromptConfig(prompt_init="text", prompt_text="good\x07film")
    with pytest.raises(PeftClassroomError, match="prompt_text"):
        command(RunConfig(method=unprintable), "x")


@every_config
def test_a_command_on_several_lines_is_the_same_command(config):
    pieces = command(of(config, "t5-small"), "x")
    lines = wrapped(pieces)
    assert all(len(line) < 70 or line.count("--") == 1 for line in lines)  # a text is not broken
    assert " ".join(line.removesuffix(chr(92)).strip() for line in lines) == " ".join(pieces)


@pytest.mark.skipif(os.name == "nt", reason="Windows has another shell")
@every_config
def test_a_shell_reads_the_lines_as_the_command_line_wants_them(config):
    """Where an option is broken, the spaces in front of the next line come after a comma, and are no part of a name."""
    pieces = command(of(config, "t5-small"), "x")
    printed = "\n".join(wrapped(pieces)).replace("python", "printf '%s\\n'", 1)
    heard = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [re.sub(", +", ", ", word) for word in heard] == shlex.split(" ".join(pieces))[1:]


def test_only_a_list_is_broken_and_only_a_long_one():
    names = tuple(f"encoder.block.{block}.layer.0.SelfAttention.q" for block in range(3))
    (long,) = command(RunConfig(method=LoraConfig(target_modules=names)), "x")[1:-1]
    assert long == f'--target-modules "{", ".join(names)}"'
    assert max(map(len, wrapped(["python", long]))) < 62
    text = "a film " * 20 + "'as, it, were'"
    spoken = command(RunConfig(method=SoftPromptConfig(prompt_init="text", prompt_text=text)), "x")
    assert shlex.split("\n".join(wrapped(spoken)).replace("\\\n", "")) == shlex.split(" ".join(spoken))
    assert text in shlex.split("\n".join(wrapped(spoken)).replace("\\\n", ""))


def test_a_command_for_own_texts_names_a_file_and_its_two_columns():
    data = stored().data(NAMES, NAMES, 64)
    words = shlex.split(" ".join(command(RunConfig(method=LoraConfig(), data=data), "x")))
    assert words[4:] == shlex.split(
        "lora --data FILE.csv --text-column TEXT --label-column LABEL --max-length 64 --out x"
    )
