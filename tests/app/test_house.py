"""Every page opens; Home counts; and the rules that the code of the app keeps."""

import ast

import pytest

from app import services
from app.content import FOLDER, label, text
from app.kit.plain import plain
from app.services import runs
from peft_core.counting.by_hand import count
from peft_core.methods.registry import METHODS, method_config
from peft_core.paths import ROOT
from peft_core.t5.architecture import base_model
from peft_core.training.runs import LocalBackend

PAGES = sorted((ROOT / "app").rglob("page.py"))
APP = sorted((ROOT / "app").rglob("*.py"))


@pytest.mark.parametrize("page", [path.parent.name for path in PAGES])
def test_every_page_opens(open_page, page):
    assert any(m.value.startswith("# ") for m in open_page(page).markdown)


def test_home_counts_every_method_on_the_chosen_base(open_page):
    app = open_page("home")
    for base in ("t5-small", "t5-3b"):
        app.get_by_key("base").set_value(base).run()
        assert not app.exception
        for method in METHODS:
            expected = count(base_model(base).architecture, method_config(method)).trainable_parameters
            assert f"{expected:,}" in [m.value for m in app.metric]
        agreeing = [c for c in app.caption if label("home", "checked") in c.value]
        assert len(agreeing) == len(METHODS)


def test_a_worker_is_kept_ready_once_the_libraries_are_in_unless_its_memory_is_to_be_saved(open_page, monkeypatch):
    monkeypatch.setattr(
        LocalBackend, "_mind_spare", lambda self, idle: None
    )  # it takes seconds, and nothing trains here
    for setting, kept in (("0", False), ("1", True)):
        monkeypatch.setenv("PEFT_SPARE_WORKER", setting)
        services.backend.clear()
        runs._keep_spare.clear()
        open_page("home")
        assert services.backend().keep_spare is kept
    runs._keep_spare.clear()


def test_the_owner_is_the_token_of_the_browser_whatever_its_mask():
    token = bytes(range(16))
    for mask in (b"abcd", bytes(4)):
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(token))
        assert runs._browser_token(f"2|{mask.hex()}|{masked.hex()}|1700000000") == token
    for odd in (None, "", "2|xx|yy|1", "1|2", "2|00|00|1", "3|00000000|" + "00" * 16 + "|1"):
        assert runs._browser_token(odd) is None


def test_a_sentence_of_the_library_is_shown_letter_for_letter():
    shown = plain("**b** [a](http://x) <img src=x> $x$ :red[y] `c` ~s~ | #1")
    for character in "*[]()<>$:`~|#":
        assert all(shown[i - 1] == "\\" for i, c in enumerate(shown) if c == character)


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
        "peft_core.checkpoints.predictor",
        "peft_core.t5.backbone",
    )
    assert not imported & set(heavy)


@pytest.mark.parametrize("path", APP, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_chart_has_words_for_those_who_do_not_see_it_and_no_html_is_trusted(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            keywords = {k.arg for k in node.keywords}
            assert "unsafe_allow_html" not in keywords
            assert "unsafe_allow_javascript" not in keywords
            if node.func.attr == "altair_chart":
                assert "alt" in keywords


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
    import subprocess
    import sys

    code = "import app.services, app.content, sys; print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False False"
