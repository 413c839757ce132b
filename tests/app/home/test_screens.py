"""What Home says beside the counts: files, families, and when not; every figure made from a file again."""

import json
from dataclasses import replace
from statistics import fmean

import pytest

from app.content import head, text
from app.home import family, family_tree, when_not, why
from app.kit.pages import method_pages
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.methods.registry import METHODS
from peft_core.paths import RESULTS, SHIPPED_CHECKPOINTS


@pytest.mark.parametrize(("screen", "section"), [("why", "why"), ("family", "family"), ("when_not", "when_not")])
def test_a_link_opens_each_screen(open_page, screen, section):
    app = open_page("home", about=screen)
    assert text("home", section) in [m.value for m in app.markdown]


def test_storage_is_that_of_the_files(open_page):
    sizes = {
        folder.name: sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        for folder in SHIPPED_CHECKPOINTS.iterdir()
        if (folder / "run.json").is_file()
    }
    shipped = [info for info in list_checkpoints() if info.shipped]
    assert {info.name: why.file_bytes(info) for info in shipped} == sizes
    whole = sizes["full"]
    rows = {row.method.method: row for row in why.storages(shipped)}
    assert rows["full"].of(30, whole) == 30 * whole
    assert rows["lora"].of(30, whole) == whole + 30 * sizes["lora-8"]
    few = [name for name in sizes if name != "full"]
    app = open_page("home", about="why", customers="1")
    said = " ".join(m.value for m in app.markdown)
    assert f"The **{len(few)}** shipped checkpoints" in said
    assert f"{len(few) * whole / 1e6:,.0f}\N{NO-BREAK SPACE}MB" in said


def test_every_method_that_freezes_the_base_model_is_on_one_branch_of_the_tree():
    found = [leaf.method for leaves in family.branches().values() for leaf in leaves if leaf.method]
    assert sorted(found) == sorted(name for name, method in METHODS.items() if not method.owns_weights)


@pytest.mark.parametrize("name", ["P-tuning", "BitFit", "VeRA"])
def test_a_method_that_gets_a_folder_is_no_longer_elsewhere(monkeypatch, name):
    """Its page's title is how the list of others calls it; all others stay where they were."""
    before = _elsewhere()
    assert name in before
    page = replace(method_pages()["lora"], title=name)
    monkeypatch.setattr(family, "method_pages", lambda: {"its folder": page})
    assert _elsewhere() == [other for other in before if other != name]


def _elsewhere() -> list[str]:
    return [leaf.words for leaves in family.branches().values() for leaf in leaves if not leaf.method]


@pytest.mark.parametrize("branch", head("home")["branches"])
def test_a_branch_has_its_sentence_and_links_to_its_methods(open_page, branch):
    app = open_page("home", about="family", branch=branch)
    assert text("home", f"branch_{branch}") in [m.value for m in app.markdown]
    shown = {link.proto.label for link in app.get("page_link")}
    expected = {page.short for page in method_pages().values() if head(f"method/{page.method}").get("family") == branch}
    assert expected <= shown


def test_the_lines_of_the_tree_lead_from_its_root_to_every_leaf():
    branches = {name: leaves for name, leaves in family.branches().items() if leaves}
    lines, names, leaves = family_tree.rows(branches, next(iter(branches)))
    ends = {}
    for line in lines:
        for one, other in (("x", "x2"), ("x2", "x")):
            ends.setdefault(_end(line, one), set()).add(_end(line, other))
    assert len({leaf["y"] for leaf in leaves}) == len(leaves)
    assert len(names) == len(branches) + 1
    reached, ahead = set(), [(0, names[-1]["y"])]
    while ahead:
        here = ahead.pop()
        if here not in reached:
            reached.add(here)
            ahead += ends.get(here, ())
            ahead += [end for end in ends if _on_a_line(end, here, lines)]
    assert all((family_tree.LEAVES[0], leaf["y"]) in reached for leaf in leaves)


def _end(line, which):
    return line[which], line["y" if which == "x" else "y2"]


def _on_a_line(end, here, lines):
    """Whether both lie on one upright line: others leave it between its ends."""
    low_high = [sorted((line["y"], line["y2"])) for line in lines if line["x"] == line["x2"] == end[0] == here[0]]
    return any(low <= end[1] <= high and low <= here[1] <= high for low, high in low_high)


def test_when_not_quotes_the_means_of_all_seeds():
    runs = json.loads((RESULTS / "reproduction-tiny-t5.json").read_text())["runs"]
    values = when_not.numbers()
    for key, prefix in (("full", "full"), ("few", "lora-8")):
        found = [r["record"]["test"]["accuracy"] for r in runs if r["name"].split("-seed")[0] == prefix]
        assert values[key] == f"{fmean(found):.1%}"
        assert values[f"runs_{key}"] == len(found)
