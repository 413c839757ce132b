"""A configuration written out as a command line says the same to the command line."""

import shlex
import sys

import pytest
from helpers.models import every_config
from helpers.scripts import of

from peft_core.cli import main as cli
from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.config import DataConfig
from peft_core.training.as_script.written_out import command, wrapped


@every_config
def test_the_command_line_reads_the_command_back(config, monkeypatch):
    def train(config, out):
        heard.append((config, str(out)))
        return dict(SUMMARY)

    monkeypatch.setattr("peft_core.cli.progress.train_with_progress", train)
    for asked in (
        of(config),
        of(config, "t5-small", DataConfig(source="hub"), TrainConfig()),
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


SUMMARY = {
    "checkpoint": "x", "trainable_parameters": 1, "validation_accuracy": 0.5, "test_accuracy": 0.5, "seconds": 1.0,
    "examples_per_second": 1.0, "interval": (0.4, 0.6),
}  # fmt: skip


def test_a_command_has_only_what_differs_and_says_what_it_cannot_say():
    assert command(RunConfig(method=LoraConfig()), "x") == ["python -m peft_core train lora", "--out x"]
    assert command(RunConfig(method=LoraConfig(r=4), train=TrainConfig(learning_rate=2e-3)), "x")[1:] == [
        "--r 4",
        "--out x",
    ]
    with pytest.raises(PeftClassroomError, match="weight_decay"):
        command(RunConfig(method=LoraConfig(), train=TrainConfig(weight_decay=0.1)), "x")


@every_config
def test_a_command_on_several_lines_is_the_same_command(config):
    pieces = command(of(config, "t5-small"), "x")
    lines = wrapped(pieces)
    assert max(map(len, lines)) < 70
    assert " ".join(line.removesuffix(chr(92)).strip() for line in lines) == " ".join(pieces)
