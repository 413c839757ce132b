"""The module tree on the page: short and whole, narrow, and it adds up."""

import threading

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.content import label
from app.kit.drawn.module_tree import lines, written
from peft_core.counting.by_numel import module_tree
from peft_core.counting.library_trees import library_trees
from peft_core.counting.module_tree import outline, parameters
from peft_core.t5.architecture import base_model
from tests.cases import every_config


@pytest.fixture
def open_count(open_page):
    return lambda page, **query: open_page(page, **{"section": "count"} | query)


def drawn(app: AppTest) -> list[str]:
    (code,) = [c.value for c in app.code if "T5" in c.value]
    return code.split("\n")


@pytest.mark.parametrize("page", ["full", "soft_prompt", "adapter", "adapterhub", "lora"])
def test_every_methods_page_draws_its_tree_short_and_whole(open_count, page):
    app = open_count(page)
    short = drawn(app)
    app.get_by_key("tree_everything").set_value(True).run()
    assert not app.exception
    whole = drawn(app)
    assert drawn(open_count(page, tree_everything="true")) == whole
    assert len(short) < len(whole)
    assert [line for line in short if line[0] == "+"] or page == "full"
    shown = app.metric[0].value  # trainable, by hand
    assert shown in short[1] and shown in whole[1]  # the line of the model itself
    assert any(shown in m.value for m in app.markdown if "parameters" in m.value)


def test_the_tree_follows_the_slider(open_count):
    app = open_count("lora", base="t5-small")
    assert "  │ └ block.0–5 T5Block, each of 6            16,384" in drawn(app)
    assert "+ │     │ ├ lora_A [8, 512]                    4,096           –" in drawn(app)
    app.get_by_key("lora_r").set_value(1).run()
    assert any("lora_A [1, 512]" in line for line in drawn(app))


def test_until_torch_is_in_the_tree_says_so_and_the_link_keeps_its_choice(open_count, monkeypatch):
    services.libraries().finished.wait(timeout=120)
    monkeypatch.setattr(services.libraries(), "ready", threading.Event())
    app = open_count("lora", tree_everything="true")
    assert label("tree", "waiting") in [i.value for i in app.info]
    assert app.get_by_key("tree_everything").value is True


@pytest.mark.parametrize("base", ["t5-small", "t5-11b"])
@every_config
def test_the_lines_are_narrow_and_add_up(base, config):
    tree = module_tree(base_model(base).architecture, config)
    for shown, limit in ((outline(tree), 80), (tree, 90)):
        rows = list(lines(shown))
        text = written(rows)
        assert max(map(len, text)) <= limit
        assert [line[0] for line in text] == [" ", *("+" if row.inserted else " " for row in rows)]
        assert (rows[0].trains, rows[0].frozen) == (tree.trains, tree.frozen)
    names = " ".join(row.words for row in rows)
    for _, tensor in parameters(tree):
        assert f"[{', '.join(map(str, tensor.shape))}]" in names


@pytest.mark.parametrize(
    ("page", "library", "line"),
    [
        ("lora", "peft", "(lora_A): ModuleDict("),
        ("lora", "opendelta", "lora (LowRankLinear) lora_A:[8, 512] lora_B:[512, 8]"),
        ("soft_prompt", "opendelta", "soft_prompt_layer (SoftPromptLayer) soft_embeds:[10, 512]"),
        ("adapterhub", "adapters", "(adapter_down): Sequential("),
    ],
)
def test_the_tree_can_be_read_as_a_library_prints_it(open_count, page, library, line):
    app = open_count(page, tree_by=library)
    assert not app.exception
    assert any(line in code.value for code in app.code)
    prints = library_trees().libraries[library]
    said = next(m.value for m in app.markdown if f"{library} {prints.versions[library]}" in m.value)
    assert "t5-small" in said and "transformers" in said
    assert not any(m.value.startswith("The method") for m in app.markdown)
    app.get_by_key("tree_by").set_value("here").run()
    assert not any(line in code.value for code in app.code)


def test_a_method_that_no_library_prints_has_no_choice(open_count):
    app = open_count("full")
    assert not [c for c in app.segmented_control if c.key == "tree_by"]
