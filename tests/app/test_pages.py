"""Every page opens, and the rules that the code of the app keeps."""

import ast
import runpy
import subprocess
import sys

import pytest

from app import services
from app.content import FOLDER, label, text
from peft_core.paths import ROOT

PAGES = sorted((ROOT / "app").rglob("page.py"))
APP = sorted((ROOT / "app").rglob("*.py"))


@pytest.mark.parametrize("page", [path.parent.name for path in PAGES])
def test_every_page_opens(open_page, checked_charts, page):
    assert any(m.value.startswith("# ") for m in open_page(page).markdown)


def test_a_process_started_beside_a_running_script_draws_nothing(monkeypatch):
    """`multiprocessing` runs the main script again in every process it starts, under this name."""
    monkeypatch.setattr(services, "start", lambda: pytest.fail("the app was started"))
    assert runpy.run_path(str(ROOT / "app" / "main.py"), run_name="__mp_main__")["main"]


# ---------------------------------------------------------------------------------------------------------------------
# Rules of the code


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_pages_are_short_and_import_no_torch(path):
    source = path.read_text()
    assert len(source.splitlines()) <= 150
    imported = {a.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom)}
    heavy = (
        "torch",
        "transformers",
        "datasets",
        "peft_core.counting.by_numel",
        "peft_core.checkpoints.asking.predictor",
        "peft_core.t5.backbone",
    )
    assert not imported & set(heavy)


@pytest.fixture(scope="module")
def calls() -> list[tuple[str, ast.Call]]:
    """Every call of a method in the app, and where it stands."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node)
        for path in APP
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def test_every_chart_has_words_for_those_who_do_not_see_it_and_no_html_is_trusted(calls):
    named = [(place, node.func.attr, {k.arg for k in node.keywords}) for place, node in calls]
    assert not [place for place, _, keywords in named if {"unsafe_allow_html", "unsafe_allow_javascript"} & keywords]
    charts = [(place, "alt" in keywords) for place, attr, keywords in named if attr == "altair_chart"]
    assert charts and not [place for place, has_words in charts if not has_words]


def test_a_channel_of_a_chart_is_made_and_not_looked_for(calls):
    """Altair looks through all of its classes for what a bare "p:Q" or `alt.value(0)` means: 3 ms a channel."""
    encoded = [
        (place, keyword.value) for place, node in calls if node.func.attr == "encode" for keyword in node.keywords
    ]
    assert encoded
    assert not [place for place, value in encoded if isinstance(value, (ast.Constant, ast.JoinedStr))]
    assert not [place for place, value in encoded if ast.unparse(value).partition("(")[0] == "alt.value"]


def test_every_label_and_section_that_the_app_asks_for_exists():
    wanted_labels, wanted_texts = set(), set()
    for path in APP:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("label", "text"):
                if all(isinstance(a, ast.Constant) for a in node.args) and len(node.args) == 2:
                    wanted = wanted_labels if node.func.id == "label" else wanted_texts
                    wanted.add(tuple(a.value for a in node.args))
    assert len(wanted_labels) > 40
    for group, name in wanted_labels:
        assert label(group, name)
    for page, section in wanted_texts:
        assert text(page, section)
    assert (FOLDER / "en").is_dir()


def test_the_first_paint_needs_no_torch():
    modules = "app.services, app.content, app.method.lora.why_rank_one, app.method.count.module_tree, "
    modules += "app.method.inside.section, app.home.map.drawn, app.rank_lab.motion.section"
    code = f"import {modules}, sys; from app.kit.asking import judged; assert judged.by_all(judged.reviews()[0]); "
    code += "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
