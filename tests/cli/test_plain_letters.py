"""Output in an encoding that lacks some of our letters."""

import io
import os
import subprocess
import sys

import pytest

from peft_core.cli.plain_letters import LOST, plain, tell_plainly
from peft_core.paths import ROOT


def test_every_letter_of_the_library_has_a_plain_form():
    """But for those that tests of a language are made of, which no command prints."""
    used = {letter for path in (ROOT / "peft_core").rglob("*.py") for letter in path.read_text(encoding="utf-8")}
    lost = {letter for letter in used if not letter.isascii() and plain(letter) == LOST}
    assert all("\u0600" <= letter for letter in lost - {"§"}), sorted(lost)


@pytest.mark.parametrize(
    ("letters", "told"),
    [("ΔW = σ₁·u₁vᵀ …", "DeltaW = sigma1*u1vT ..."), ("p ≤ 0.05 −2 → é ½", "p <= 0.05 -2 -> e 1/2"), ("فیلم", "????")],
)
def test_what_an_encoding_lacks_is_written_plainly(letters, told):
    written = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    tell_plainly([written])
    written.write(letters)
    written.flush()
    assert written.buffer.getvalue().decode("ascii") == told


def test_an_encoding_that_has_every_letter_is_left_alone():
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    tell_plainly([written])
    assert written.errors == "strict"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_command_ends_well_in_it(encoding):
    """The help of a command whose words have letters that it lacks."""
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    for command in (["--help"], ["similarity", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "peft_core", *command], cwd=ROOT, env=environment, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert "Usage" in done.stdout.decode(encoding)
