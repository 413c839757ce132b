"""What Home says beside the counts: files, families, and when not; every figure made from a file again."""

import json
from statistics import fmean

import pytest

from app.content import FOLDER, LANGUAGE, head, text
from app.home import when_not, why
from app.home.family import FAMILIES
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
    app = open_page("home", about="why", tasks="1")
    said = " ".join(m.value for m in app.markdown)
    assert f"The **{len(few)}** shipped checkpoints" in said
    assert f"{len(few) * whole / 1e6:,.0f}\N{NO-BREAK SPACE}MB" in said


def test_every_method_that_freezes_the_base_model_has_a_family():
    for name, method in METHODS.items():
        assert (head(f"method/{name}").get("family") in FAMILIES) != method.owns_weights, name
    sections = (FOLDER / LANGUAGE / "home.md").read_text(encoding="utf-8")
    assert all(f"## section: family_{family}\n" in sections for family in FAMILIES)


def test_when_not_quotes_the_means_of_all_seeds():
    runs = json.loads((RESULTS / "reproduction-tiny-t5.json").read_text())["runs"]
    values = when_not.numbers()
    for key, prefix in (("full", "full"), ("few", "lora-8")):
        found = [r["record"]["test"]["accuracy"] for r in runs if r["name"].split("-seed")[0] == prefix]
        assert values[key] == f"{fmean(found):.1%}"
        assert values[f"runs_{key}"] == len(found)
