"""The papers at the root agree with the package and with one another: citation, lists of requirements, lock."""

import re

import pytest

from peft_core import __version__
from peft_core.paths import ROOT

LISTS = ("requirements.txt", "requirements-test.txt", "requirements-bench.txt")


def entries(name: str) -> list[str]:
    """The lines of a list of requirements without comments."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [entry for line in lines if (entry := line.partition("#")[0].strip())]


def pins(name: str) -> set[tuple[str, str]]:
    """(package, version) of every entry, the package as pip compares names."""
    found = set()
    for entry in entries(name):
        package, version = entry.partition(";")[0].strip().split("==")
        found.add((re.sub("[-_.]+", "-", package).lower(), version))
    return found


def test_one_cites_the_version_that_is_here():
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", LISTS)
def test_the_lock_has_every_direct_pin(name):
    assert pins(name) <= pins("requirements.lock"), "run `make lock`"


def test_the_lock_names_packages_and_versions_only():
    for entry in entries("requirements.lock"):
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][a-z0-9.]*( ; .+)?", entry), entry  # no address, no +cpu
