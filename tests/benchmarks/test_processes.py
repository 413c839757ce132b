"""The command that a results file names can be typed again: it is what one would have to type to measure the same."""

import argparse
import json
import re
import shlex
from importlib import import_module
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("accelerate", reason="a Trainer needs it: pip install -r requirements-bench.txt")

from benchmarks.processes import command_line
from peft_core.paths import RESULTS

STORED = sorted(
    {
        command
        for path in RESULTS.glob("*.json")
        for found in re.findall(r'"command": (".*")', path.read_text(encoding="utf-8"))
        for command in json.loads(found).split("; ")
    }
)


class Parsed(Exception):
    """Stands for the measurement that would follow."""


@pytest.mark.parametrize("command", STORED)
def test_every_stored_command_is_understood(command, monkeypatch):
    python, _, module, *arguments = shlex.split(command)
    assert (python, module.split(".")[0]) == ("python", "benchmarks")
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(*given):
        parse(*given)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
    with pytest.raises(Parsed):  # an option that does not exist would be a SystemExit
        import_module(f"{module}.__main__" if find_spec(module).submodule_search_locations else module).main(arguments)


words = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), min_size=1).filter(lambda w: w[0] != "-")


@given(st.integers(0, 9999), st.booleans(), st.lists(words, min_size=1), words)
def test_what_was_given_is_told_so_that_it_can_be_given_again(size, add, sides, base):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.any")
    parser.add_argument("--train-size", type=int, default=4000)
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--sides", nargs="+", default=["ours"])
    parser.add_argument("--base", default="tiny-t5")
    parser.add_argument("--json", default=None)
    options = argparse.Namespace(train_size=size, add=add, sides=sides, base=base, json=None)
    told = shlex.split(command_line(parser, options))
    assert told[:3] == ["python", "-m", "benchmarks.any"]
    assert parser.parse_args(told[3:]) == options
