"""Every page opens, its numbers follow its widgets, and what a visitor types stays text."""

import ast

import pytest
from conftest import make_base
from streamlit.testing.v1 import AppTest
from test_checkpoint import make_record, trained

from app import services
from app.components import verdicts
from app.components.messages import plain
from app.content import FOLDER, label, text
from peft_core.architecture import base_model
from peft_core.configs import METHODS, LoraConfig, method_config
from peft_core.counting import count
from peft_core.paths import ROOT
from peft_core.runs import LocalBackend

PAGES = sorted((ROOT / "app" / "app_pages").glob("*.py"))
APP = sorted((ROOT / "app").rglob("*.py"))


@pytest.fixture
def open_page(monkeypatch, tmp_path):
    """Open a page in an app with torch already in and no runs."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))

    def at_page(name: str, **query: str) -> AppTest:
        services.heavy().finished.wait(timeout=120)
        services.checkpoints.clear()
        page = f"app_pages/{name}.py"
        if query:  # AppTest forgets the query when it switches pages: the page by itself, as a link opens it
            app = AppTest.from_file(str(ROOT / "app" / page), default_timeout=120)
            for key, value in query.items():
                app.query_params[key] = value
            app.run()
        else:
            app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120).run()
            app.switch_page(page).run()
        assert not app.exception
        return app

    services.backend.clear()
    yield at_page
    services.backend.clear()
    services.checkpoints.clear()


def numbers(app: AppTest) -> str:
    return " ".join([*(m.value for m in app.metric), *(m.value for m in app.markdown), *(s.value for s in app.success)])


@pytest.mark.parametrize("page", [path.stem for path in PAGES])
def test_every_page_opens(open_page, page):
    assert any(m.value.startswith("# ") for m in open_page(page).markdown)


def test_home_counts_every_method_on_the_chosen_base(open_page):
    app = open_page("home")
    for base in ("t5-small", "t5-3b"):
        app.get_by_key("base").set_value(base).run()
        assert not app.exception
        for method in METHODS:
            assert f"{count(base_model(base).architecture, method_config(method)).trainable_parameters:,}" in numbers(
                app
            )
        agreeing = [c for c in app.caption if label("home", "checked") in c.value]
        assert len(agreeing) == len(METHODS)


def test_the_rank_slider_changes_the_count_and_numel_agrees(open_page):
    app = open_page("lora")
    for r in (8, 16, 1, 200):
        app.get_by_key("lora_r").set_value(r).run()
        assert not app.exception
        expected = f"{count(base_model('tiny-t5').architecture, LoraConfig(r=r)).trainable_parameters:,}"
        assert app.metric[0].value == expected
        assert expected in app.success[0].value
        assert "agrees" in app.success[0].value


def test_base_alpha_and_target_modules_move_too(open_page):
    app = open_page("lora")
    app.get_by_key("base").set_value("t5-11b").run()
    app.get_by_key("lora_targets").set_value(["q", "wo"]).run()
    config = LoraConfig(target_modules=("q", "wo"))
    assert app.metric[0].value == f"{count(base_model('t5-11b').architecture, config).trainable_parameters:,}"
    assert "agrees" in app.success[0].value
    app.get_by_key("lora_alpha").set_value(4.0).run()
    assert "4 / 8 = 0.5" in numbers(app)
    assert app.get_by_key("train").disabled  # its weights are not on this computer
    assert any("cannot be trained here" in i.value for i in app.info)
    app.get_by_key("lora_targets").set_value([]).run()
    assert not app.exception
    assert label("count", "no_targets") in app.warning[0].value


def test_a_link_reproduces_the_screen_and_impossible_values_are_clamped_with_a_note(open_page):
    app = open_page("lora", lora_r="16", base="t5-small")
    assert app.metric[0].value == "589,824"
    app = open_page("lora", lora_r="9999")
    assert app.get_by_key("lora_r").value == 256
    assert any("lora" not in i.value and "9999" in i.value and "256" in i.value for i in app.info)
    for odd in ("eight", "nan", ""):
        assert not open_page("lora", lora_r=odd).exception


def test_train_submits_one_run_that_the_link_finds_again(open_page, monkeypatch):
    submitted = []

    def submit(self, spec):
        submitted.append(spec)
        self.store.create(spec)  # it stays in line: no process is wanted here

    monkeypatch.setattr(LocalBackend, "submit", submit)
    monkeypatch.setattr(LocalBackend, "reconcile", lambda self: None)
    app = open_page("lora")
    app.get_by_key("train").click().run()
    assert not app.exception
    (spec,) = submitted
    assert app.query_params["run"] == spec.id
    assert spec.config.method == LoraConfig()
    assert any("number 1 in line" in i.value for i in app.info)
    again = open_page("lora", run=spec.id)
    assert any(spec.name in m.value for m in again.markdown)


def test_every_line_by_hand_has_its_own_numel(open_page):
    app = open_page("lora")
    app.get_by_key("lora_targets").set_value(["q", "wi", "wo"]).run()
    (table,) = [m.value for m in app.markdown if "`numel()`" in m.value]
    lines = count(base_model("tiny-t5").architecture, LoraConfig(target_modules=("q", "wi", "wo"))).lines
    assert len(lines) == 5
    for line in lines:
        assert f"| {line.text} | {line.value:,} | {line.value:,} | ✓ |" in table


@pytest.fixture
def line(monkeypatch):
    """Runs that are submitted stay in line: no process is wanted here. Gives the list of their specs."""
    submitted = []
    monkeypatch.setattr(LocalBackend, "submit", lambda self, spec: submitted.append(self.store.create(spec)))
    monkeypatch.setattr(LocalBackend, "reconcile", lambda self: None)
    return submitted


def test_a_second_click_submits_the_same_run_until_it_has_ended(open_page, line):
    app = open_page("lora")
    for _ in range(2):
        app.get_by_key("train").click().run()
    assert line[0].id == line[1].id
    folder = services.backend().store.folder(line[0].id)
    folder.write_status(folder.status().changed(state="cancelled"))
    app.get_by_key("train").click().run()
    assert line[2].id != line[0].id


def test_the_run_is_still_there_after_a_visit_to_another_page(open_page, line):
    app = open_page("lora")
    app.get_by_key("train").click().run()
    app.switch_page("app_pages/playground.py").run()
    app.query_params.clear()  # as the browser does
    app.switch_page("app_pages/lora.py").run()
    assert app.query_params["run"] == line[0].id
    assert any("number 1 in line" in i.value for i in app.info)


def test_the_owner_is_the_token_of_the_browser_whatever_its_mask():
    token = bytes(range(16))
    for mask in (b"abcd", bytes(4)):
        masked = bytes(b ^ mask[i % 4] for i, b in enumerate(token))
        assert services._browser_token(f"2|{mask.hex()}|{masked.hex()}|1700000000") == token
    for odd in (None, "", "2|xx|yy|1", "1|2", "2|00|00|1", "3|00000000|" + "00" * 16 + "|1"):
        assert services._browser_token(odd) is None


def test_a_sentence_of_the_library_is_shown_letter_for_letter():
    shown = plain("**b** [a](http://x) <img src=x> $x$ :red[y] `c` ~s~ | #1")
    for character in "*[]()<>$:`~|#":
        assert all(shown[i - 1] == "\\" for i, c in enumerate(shown) if c == character)


@pytest.mark.parametrize("run_id", ["../../etc", "nothing-here", "A B"])
def test_a_link_to_no_run_is_a_sentence(open_page, run_id):
    assert open_page("lora", run=run_id).warning


# ---------------------------------------------------------------------------------------------------------------------
# Playground


@pytest.fixture
def playground(open_page, monkeypatch, tmp_path, batch):
    """The Playground with two trained checkpoints over a tiny base."""
    from peft_core.backbone import load_backbone
    from peft_core.checkpoint import save_checkpoint

    backbone = load_backbone(str(make_base(tmp_path / "tiny")))
    for number, config in enumerate((LoraConfig(r=2), LoraConfig(r=3))):
        record = make_record(backbone, config).model_copy(update={"name": f"LoRA r={config.r}"})
        folder = tmp_path / "runs" / f"20260101-00000{number}-abcdef" / "checkpoint"
        save_checkpoint(trained(backbone, config, batch), record, backbone, folder)
    app = open_page("playground")
    names = [f"20260101-00000{number}-abcdef" for number in (0, 1)]
    app.get_by_key("checkpoint").set_value(names).run()
    return app


def classify(app: AppTest, review: str) -> AppTest:
    app.get_by_key("review").set_value(review).run()
    app.get_by_key("classify").click().run()
    assert not app.exception
    return app


def test_a_review_gets_a_verdict_from_every_checkpoint(playground):
    app = classify(playground, "a good film")
    assert {m.label for m in app.metric} == {"LoRA r=2 · tiny", "LoRA r=3 · tiny"}  # another base than the shipped ones
    assert all(m.value[0] in "+−" and m.value[2:] in ("positive", "negative") for m in app.metric)
    assert len(app.dataframe[0].value) == 2
    assert app.get("vega_lite_chart")


def test_checkpoints_are_in_the_link_by_id_and_no_two_are_called_the_same(playground, open_page):
    assert playground.query_params["checkpoint"] == ["20260101-000000-abcdef", "20260101-000001-abcdef"]
    (first, second) = [i for i in services.checkpoints() if not i.shipped]
    linked = open_page("playground", checkpoint=second.name)  # the older one: not chosen by itself
    assert linked.get_by_key("checkpoint").value == [second.name]
    elsewhere = open_page("playground", checkpoint="20200101-000000-abcdef")
    assert any("left out" in i.value for i in elsewhere.info)
    same = [first, second.model_copy(update={"record": first.record})]
    assert len(set(verdicts.titles(same).values())) == 2


def test_an_example_of_the_test_split_brings_its_own_label(playground):
    playground.get_by_key("example").set_value(0).run()
    assert playground.get_by_key("review").value == services.examples()[0][0]
    playground.get_by_key("classify").click().run()
    assert any("own label: **negative**" in m.value for m in playground.markdown)


@pytest.mark.parametrize("review", ["", "   \n "])
def test_an_empty_review_is_a_sentence(playground, review):
    app = classify(playground, review)
    assert "type at least one word" in app.error[0].value
    assert not app.metric


def test_odd_reviews_get_an_answer_and_a_note(playground):
    assert any("Only" in i.value or "tokens" in i.value for i in classify(playground, "good film " * 900).info)
    assert any("English" in i.value for i in classify(playground, "der schönste Film seit Jahren").info)
    assert any("no words" in i.value for i in classify(playground, "🎬 !!! 12").info)


def test_markup_in_a_review_stays_text(playground):
    markup = "<img src=x onerror=alert(1)> **bold** [link](http://example.com) $x^2$"
    app = classify(playground, markup)
    drawn = [*app.markdown, *app.caption, *app.info, *app.error, *app.success, *app.warning, *app.get("html")]
    assert not any("onerror" in str(element.value) or "example.com" in str(element.value) for element in drawn)
    assert "review" not in app.query_params


# ---------------------------------------------------------------------------------------------------------------------
# Rules of the code


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_pages_are_short_and_import_no_torch(path):
    source = path.read_text()
    assert len(source.splitlines()) <= 150
    imported = {a.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom)}
    heavy = ("torch", "transformers", "datasets", "peft_core.audit", "peft_core.predictor", "peft_core.backbone")
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
