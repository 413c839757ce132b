"""Everything that other libraries save computes the same here, or is refused with a sentence that names what for.

And the committed table says so: docs/compatibility.md is written from these very rows.
"""

import re

import pytest

from peft_core.paths import ROOT
from tests.checkpoints.exchange import golden_kinds
from tests.checkpoints.exchange.rows import TRIED, World
from tests.compatibility import cell, committed


@pytest.fixture(scope="session")
def golden():
    from peft_core.t5.backbone import load_backbone

    return load_backbone(str(golden_kinds.BASE))


@pytest.mark.filterwarnings("ignore")  # peft warns of much that is meant here
@pytest.mark.parametrize("tried", TRIED, ids=["-".join(tried.key) for tried in TRIED])
def test_it_computes_the_same_or_is_refused_by_name_and_the_table_says_so(tried, backbone, golden, batch, tmp_path):
    row = tried.row(World(backbone, golden, batch, tmp_path))
    assert row.verdict == ("refused" if tried.refused else "equal"), (row.reason, row.difference)
    assert tried.refused in row.reason
    assert committed()[tuple(map(cell, tried.key))] == row.verdict, "run `python -m tests.compatibility`"


def test_the_readme_tells_how_many_were_tried():
    assert f"{len(TRIED)} kinds of folders and exports" in " ".join((ROOT / "README.md").read_text("utf-8").split())


@pytest.mark.parametrize("path", sorted(golden_kinds.GOLDEN.rglob("*.json")), ids=lambda path: path.parent.name)
def test_a_fixture_names_no_folder_of_a_machine(path):
    assert not re.search(r'"(/|[A-Za-z]:\\\\)\w', path.read_text("utf-8"))


def test_the_table_has_these_rows_and_no_others():
    assert list(committed()) == [tuple(map(cell, tried.key)) for tried in TRIED]
