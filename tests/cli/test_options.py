"""A field of a configuration is an option, and nothing has to be written twice for it."""

from typing import Any, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from peft_core.cli.main import app
from peft_core.cli.options import every_method, part, takes
from peft_core.config import TrainConfig
from peft_core.methods.method import MethodConfig
from peft_core.reviews.config import DataConfig

KINDS = {"count": every_method(), "train": (*every_method(), DataConfig, TrainConfig)}


def options_of(command: str) -> dict[str, Any]:
    """The options of a command by their flag."""
    group = typer.main.get_command(app)
    return {flag: option for option in group.commands[command].params for flag in option.opts}


@pytest.mark.parametrize("command", KINDS)
def test_every_field_of_every_configuration_is_one_option_that_says_what_the_field_says(command):
    options = options_of(command)
    for kind in KINDS[command]:
        for name, field in kind.model_fields.items():
            if name in ("method", "own"):  # the one is an argument, the other is made from the file that is given
                continue
            option = options[f"--{name.replace('_', '-')}"]
            assert field.description, (kind, name)
            assert field.description in option.help
            if field.default not in (None, False, ()):  # nothing is not shown
                assert "default: " in option.help


class StrangerConfig(MethodConfig):
    """Of a method that nobody has written."""

    method: Literal["stranger"] = "stranger"
    width: int = Field(3, description="how wide")
    kinds: tuple[Literal["a", "b"], ...] = Field(("a",), description="which")
    loud: bool = Field(False, description="say it aloud")


@pytest.fixture
def heard():
    """A command that takes a stranger's options, and what it heard."""
    said, commands = [], typer.Typer()

    @commands.command()
    @takes(StrangerConfig, TrainConfig, without=("seed",), several=("learning_rate",), usual={"epochs": 1})
    def command(word: str, given: dict[str, Any], other: int = 2) -> None:
        """A command."""
        said.append((word, given, other))

    def call(*arguments: str):
        result = CliRunner().invoke(commands, list(arguments))
        return result, said[-1] if said else None

    return call


def test_an_unknown_method_gets_its_options(heard):
    result, (word, given, other) = heard("x", "--width", "5", "--kinds", "a, b", "--loud", "--other", "7")
    assert result.exit_code == 0
    assert (word, other) == ("x", 7)
    assert part(given, StrangerConfig) == {"width": 5, "kinds": ["a", "b"], "loud": True}
    assert StrangerConfig(**part(given, StrangerConfig)).kinds == ("a", "b")
    assert part(given, TrainConfig) == {"epochs": 1}


def test_lists_usual_values_and_fields_left_out(heard):
    _, (_, given, _) = heard("x", "--learning-rates", "1e-3,2e-3", "--epochs", "4")
    assert given == {"epochs": 4, "learning_rates": ["1e-3", "2e-3"]}
    for wrong in ("--seed", "--learning-rate", "--method"):
        result, _ = heard("x", wrong, "1")
        assert result.exit_code == 2
    assert "epochs" in heard("--help")[0].output and "default: 1" in heard("--help")[0].output


class OtherConfig(MethodConfig):
    """Of another method that nobody has written, with a field that a stranger has, too."""

    method: Literal["other"] = "other"
    width: int = Field(7, description="how wide it is elsewhere")
    deep: bool = Field(True, description="all the way down")


class FloatConfig(MethodConfig):
    """The same field as a number of another type."""

    method: Literal["float"] = "float"
    width: float = Field(0.5, description="a share")


def test_a_field_of_two_methods_is_one_option_that_says_both_and_has_one_type():
    commands, heard = typer.Typer(), []

    @commands.command()
    @takes(StrangerConfig, OtherConfig)
    def command(given: dict[str, Any]) -> None:
        """A command."""
        heard.append(given)

    (option,) = [p for p in typer.main.get_command(commands).params if p.name == "width"]
    assert "how wide; default: 3" in option.help and "how wide it is elsewhere; default: 7" in option.help
    assert CliRunner().invoke(commands, ["--no-deep", "--width", "4"]).exit_code == 0
    assert heard == [{"deep": False, "width": 4}]
    with pytest.raises(TypeError, match="width is of another type in each of: StrangerConfig, FloatConfig"):
        takes(StrangerConfig, FloatConfig)
