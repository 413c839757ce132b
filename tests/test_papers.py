"""The papers agree with the package and with one another: citation, lists of requirements, lock, links, limits."""

import re

import pytest

from peft_core import __version__
from peft_core.paths import ROOT
from peft_core.reviews.spreadsheet import MANY, MAX_CHARACTERS, MAX_COLUMNS, MAX_REVIEWS
from peft_core.training.runs.spec import Limits

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


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, heading = target.partition("#")
        linked = page.parent / file if file else page
        if "://" in target:
            continue
        assert linked.is_file(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target


def test_the_page_on_serving_names_the_limits():
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    limits = Limits()
    rows = {"reviews": limits.train_size, "tokens of a review": limits.max_length, "passes": limits.epochs}
    for words, most in (rows | {"batch": limits.batch_size}).items():
        assert f"| {words} | {most:,} |" in text
    assert f"| seconds of training | {limits.max_seconds:.0f};" in text
    *others, last = limits.hub_bases
    assert f"{', '.join(others)} and {last} once they are in the local Hugging Face cache" in text
    assert f"| a review | {MAX_CHARACTERS:,} characters |" in text
    assert (
        f"{MAX_REVIEWS:,} reviews; pasted" in text
        and f"file of {MANY.megabytes} MB, {MANY.rows:,} rows, {MAX_COLUMNS} columns" in text
    )
