"""The five method pages: one skeleton, the same laws for each."""

from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest
from huggingface_hub import constants

from app import services
from app.content import label
from app.kit.pages import method_pages, script_of, training_link
from app.kit.plain import escaped
from app.method.try_it.section import MOST, to_ask
from app.services import models
from peft_core.config import PRESETS, RunConfig, TrainConfig
from peft_core.counting.by_hand import count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.reproduction.planned_rows import ROWS
from peft_core.reviews.config import DataConfig
from peft_core.t5.architecture import base_model
from tests.hub import keep, make_t5_small

# Of every page: its link with widgets moved, and what it must then count.
MOVED = {
    "full": ({}, lambda a: FullConfig()),
    "soft_prompt": ({"prompt_n": "23"}, lambda a: SoftPromptConfig(num_virtual_tokens=23)),
    "adapter": (
        {"adapter_m": "24", "adapter_act": "gelu"},
        lambda a: AdapterConfig(bottleneck_dim=24, non_linearity="gelu"),
    ),
    "adapterhub": (
        {"hub_factor": "64", "hub_placement": "parallel", "hub_scaling": "4"},
        lambda a: AdapterConfig(bottleneck_dim=a.d_model // 64, placement="parallel", adapter_scaling=4.0),
    ),
    "lora": (
        {"lora_r": "16", "lora_targets": ["q", "wo"], "lora_variant": "DoRA"},
        lambda a: LoraConfig(r=16, alpha=32, target_modules=("q", "wo"), use_dora=True),
    ),
}
every_page = pytest.mark.parametrize("page", MOVED)
SECTIONS = ("idea", "count", "maths", "steps", "train", "inside", "try", "check", "cost", "code")
# Some widgets of every page, and where to; what is set together is set before one rerun.
MOVES = {
    "full": ({"base": "t5-small"}, {"base": "t5-11b"}, {"base": "tiny-t5"}),
    "soft_prompt": ({"prompt_n": 1, "prompt_init": "random"}, {"base": "t5-3b"}),
    "adapter": ({"adapter_m": 1, "adapter_act": "tanh"}, {"base": "t5-base"}),
    "adapterhub": ({"hub_factor": 1024, "hub_placement": "houlsby"}, {"base": "t5-large"}),
    "lora": (
        {"lora_variant": "rsLoRA"},  # has no alpha to keep or to choose
        {"lora_variant": "DoRA", "lora_r": 256},
        {"lora_keep": False},
        {"lora_variant": "LoRA", "lora_alpha": 1.0, "base": "t5-11b"},
    ),
}


def move(app, widgets):
    """Set some widgets of a page and run it."""
    for key, value in widgets.items():
        app.get_by_key(key).set_value(value)
    app.run()
    assert not app.exception


@pytest.mark.parametrize(
    ("page", "section"),
    # Also of the methods that came after this list of moves. Cost's own tests make these moves with each of its curves.
    [(page, section) for page in method_pages() for section in SECTIONS if section != "cost" or page not in MOVES],
)
def test_some_moves_in_every_section(open_page, page, section, checked_charts):
    app = open_page(page, section=section)
    for widgets in MOVES.get(page, [{"base": "t5-11b"}, {"base": "tiny-t5"}]):
        move(app, widgets)
    assert app.query_params.get("section", "idea") == section


@every_page
@pytest.mark.parametrize("base", ["tiny-t5", "flan-t5-small", "t5-11b"])
def test_a_link_sets_the_count_and_numel_agrees(open_page, page, base):
    query, config = MOVED[page]
    app = open_page(page, section="count", base=base, **query)
    shape = base_model(base).architecture
    expected = count(shape, config(shape))
    assert app.metric[0].value == f"{expected.trainable_parameters:,}"
    assert f"{expected.trainable_parameters:,}" in app.success[0].value
    assert "agrees" in app.success[0].value
    (table,) = [m.value for m in app.markdown if "`numel()`" in m.value]
    for line in expected.lines:
        assert f"| {line.text} | {line.value:,} | {line.value:,} | ✓ |" in table


@every_page
def test_the_section_that_is_open_stays_open_on_the_next_page_and_odd_ones_are_the_first(open_page, page):
    app = open_page("lora", section="maths")
    assert app.latex
    app.session_state["section open"] = "maths"
    assert open_page(page, section="nonsense").query_params.get("section") is None


@pytest.mark.parametrize(
    ("page", "key", "asked", "used"),
    [
        ("lora", "lora_r", "9999", 256),
        ("lora", "lora_alpha", "-3", 1.0),
        ("soft_prompt", "prompt_n", "0", 1),
        ("adapter", "adapter_m", "1e9", 256),
        ("adapterhub", "hub_factor", "2000", 1024),
        ("full", "seed", "-5", 0),
        ("full", "train_size", "1200", 1000),
        ("full", "full_rate", "7", 1.0),
    ],
)
def test_impossible_values_of_a_link_are_clamped_with_a_note(open_page, page, key, asked, used):
    app = open_page(page, **{key: asked})
    assert app.get_by_key(key).value == used
    assert any(f"= {float(asked):g}" in i.value and f"{used:g}" in i.value for i in app.info)
    for odd in ("eight", "nan", ""):
        assert not open_page(page, **{key: odd}).exception


def test_the_last_target_module_stays_with_a_sentence_and_the_sections_with_it(open_page):
    app = open_page("lora", section="count", lora_targets="k")
    before = app.metric[0].value
    app.get_by_key("lora_targets").set_value([]).run()
    assert not app.exception
    assert label("count", "no_targets") in app.warning[0].value
    assert (app.get_by_key("lora_targets").value, app.metric[0].value) == (["k"], before)
    assert app.tabs
    app.get_by_key("lora_targets").set_value(["k", "o"]).run()
    assert not app.warning


@pytest.mark.parametrize(
    ("page", "key", "asked", "used"),
    [
        ("lora", "lora_r", 0, 1),
        ("lora", "lora_r", 300, 256),
        ("soft_prompt", "prompt_n", 900, 200),
        ("lora", "lora_alpha", -3.0, 1.0),
    ],
)
def test_a_number_out_of_bounds_becomes_the_nearest_and_a_sentence_says_so(open_page, page, key, asked, used):
    app = open_page(page, lora_keep="false")
    app.get_by_key(key).set_value(asked).run()
    assert not app.exception
    assert app.get_by_key(key).value == used
    (note,) = (i.value for i in app.info if "is not possible" in i.value)
    assert f"= {asked:g} " in note and f"value is {used:g}." in note
    app.get_by_key(key).set_value(7).run()
    assert not any("is not possible" in i.value for i in app.info)


def test_the_formula_has_the_values_of_the_page(open_page):
    app = open_page("lora", section="maths", lora_alpha="4")
    assert any("4 / 8 = 0.5" in m.value for m in app.markdown)
    assert any(rf"{base_model('tiny-t5').architecture.d_model} \times 8" in formula.value for formula in app.latex)


# ---------------------------------------------------------------------------------------------------------------------
# Train


@every_page
def test_train_submits_what_the_page_shows_and_the_link_finds_the_run_again(open_page, line, page):
    query, config = MOVED[page]
    app = open_page(page, section="train", **query, seed="3")
    app.get_by_key("train").click().run()
    assert not app.exception
    (spec,) = line
    assert app.query_params["run"] == spec.id
    assert spec.config.method == config(base_model("tiny-t5").architecture)
    assert spec.config.train.seed == 3
    assert any("number 1 in line" in i.value for i in app.info)
    again = open_page(page, section="train", run=spec.id)
    assert any(spec.name in m.value for m in again.markdown)


PLANNED = {row.method: row.learning_rate for row in ROWS} | {
    LoraConfig(r=3, alpha=5, target_modules=("q", "wo")): 0.004,
    AdapterConfig(non_linearity="gelu"): 0.01,
    SoftPromptConfig(prompt_init="random"): 1.0,
}


@pytest.mark.parametrize(("method", "rate"), PLANNED.items(), ids=repr)
def test_a_link_that_fills_in_the_settings_fills_in_all_of_them(open_page, line, method, rate):
    """What is trained is the run that the link was made from, LoRA's alpha and the learning rate included."""
    data, train = DataConfig(train_size=500, max_length=64), TrainConfig(epochs=3, max_seconds=40, seed=5)
    run = RunConfig(base="mini-t5", method=method, data=data, train=train)
    run = run.model_copy(update={"train": train.model_copy(update={"learning_rate": rate or run.learning_rate})})
    script, query = training_link(run)
    app = open_page(script.split("/")[1], **query)
    app.get_by_key("train").click().run()
    assert not app.info or not any("nearest possible" in note.value for note in app.info)
    assert line[0].config == run


def test_alpha_follows_r_unless_the_link_or_a_click_says_otherwise(open_page, line):
    def trained(app):
        app.get_by_key("train").click().run()
        config = line[-1].config.method
        return config.r, config.alpha

    app = open_page("lora", section="train")
    for r in (64, 1):
        app.get_by_key("lora_r").set_value(r).run()
        assert trained(app) == (r, 2 * r)
    app.get_by_key("lora_keep").set_value(False).run()
    app.get_by_key("lora_r").set_value(32).run()
    assert trained(app) == (32, 2)
    assert label("count", "ratio_now", ratio="0.0625") in [c.value for c in app.caption]
    other = open_page("lora", section="train", lora_r="64", lora_alpha="16")
    assert not other.get_by_key("lora_keep").value
    assert trained(other) == (64, 16)


@every_page
def test_a_preset_moves_the_settings_that_it_is_made_of(open_page, line, page):
    app = open_page(page, section="train")
    for name, preset in PRESETS.items():
        app.get_by_key(f"preset_{name}").click().run()
        app.get_by_key("train").click().run()
        assert not app.exception
        spec = line.pop()
        assert not line
        assert spec.config.data.train_size == preset.train_size(spec.config.method.method)
        assert (spec.config.train.epochs, spec.config.data.max_length) == (preset.epochs, preset.max_length)


def test_a_base_that_is_not_here_is_counted_but_not_trained(open_page, monkeypatch):
    monkeypatch.setattr(models, "is_operator", lambda: True)
    app = open_page("lora", section="train", base="t5-11b")
    assert app.get_by_key("train").disabled
    (said,) = (i.value for i in app.info if "neither trained nor asked" in i.value)
    assert "is not in the local Hugging Face cache" in said
    assert "hf download google-t5/t5-11b" in said.replace("\\", "")


def test_where_a_base_is_looked_for_is_told_to_whoever_runs_the_server_alone(open_page, monkeypatch):
    monkeypatch.setattr(models, "is_operator", lambda: False)
    app = open_page("lora", section="train", base="t5-11b")
    assert app.get_by_key("train").disabled
    (said,) = (i.value for i in app.info if "neither trained nor asked" in i.value)
    assert "t5-11b" in said.replace("\\", "") and str(constants.HF_HUB_CACHE) not in said
    assert "/" not in said and "tiny-t5" in said.replace("\\", "")


def test_a_base_of_the_hub_is_trained_where_it_can_be_loaded_and_no_larger_one(open_page, monkeypatch, tmp_path):
    monkeypatch.setattr(models, "is_operator", lambda: True)
    files = make_t5_small(tmp_path / "files")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    keep(tmp_path, "google-t5/t5-large", files)
    tokenizer = keep(tmp_path, "t5-small", files) / "tokenizer.json"
    there = tokenizer.resolve()
    tokenizer.unlink()
    models._why_not_loadable.clear()
    app = open_page("lora", section="train", base="t5-small", lora_r="7")  # counted nowhere else: that is kept
    assert app.get_by_key("train").disabled
    assert any("it lacks tokenizer.json" in i.value.replace("\\", "") for i in app.info)
    tokenizer.symlink_to(there)
    models._why_not_loadable.clear()
    assert not app.run().get_by_key("train").disabled
    app.get_by_key("base").set_value("t5-large").run()
    assert app.get_by_key("train").disabled
    assert any("larger than what a class trains" in i.value for i in app.info)
    models._why_not_loadable.clear()


def test_a_second_click_submits_the_same_run_until_it_has_ended(open_page, line):
    app = open_page("lora", section="train")
    for _ in range(2):
        app.get_by_key("train").click().run()
    assert line[0].id == line[1].id
    folder = services.backend().store.folder(line[0].id)
    folder.write_status(folder.status().changed(state="cancelled"))
    app.get_by_key("train").click().run()
    assert line[2].id != line[0].id


def test_the_run_is_still_there_after_a_visit_to_another_page(open_page, line):
    app = open_page("lora")
    app.session_state["section open"] = "train"
    app.switch_page(script_of("adapter")).run()
    app.get_by_key("train").click().run()
    app.switch_page(script_of("playground")).run()
    app.query_params.clear()  # as the browser does
    app.switch_page(script_of("lora")).run()
    assert not any("in line" in i.value for i in app.info), "not under the settings of another method"
    app.switch_page(script_of("adapterhub")).run()  # of the same method
    assert app.query_params["run"] == line[0].id
    assert app.query_params["section"] == "train"
    assert any("number 1 in line" in i.value for i in app.info)


@pytest.mark.parametrize("run_id", ["../../etc", "nothing-here", "A B"])
def test_a_link_to_no_run_is_a_sentence(open_page, run_id):
    assert open_page("lora", section="train", run=run_id).warning


# ---------------------------------------------------------------------------------------------------------------------
# Try it


@every_page
def test_a_review_is_asked_of_the_base_model_and_of_this_methods_checkpoints(open_page, page):
    app = open_page(page, section="try")
    app.get_by_key("try_review").set_value("<b>a wonderful</b>, *moving* film").run()
    app.get_by_key("try").click().run()
    assert not app.exception
    method = "adapter" if page == "adapterhub" else page
    shipped = [i.name for i in services.checkpoints() if i.method == method and i.shipped]
    titles = [m.label for m in app.metric]
    assert titles[0] == escaped("tiny-t5, untrained")
    assert set(titles) == {escaped(name) for name in ("tiny-t5, untrained", *shipped)}
    assert shipped
    (link,) = [one.proto for one in app.get("page_link") if one.proto.label == label("playground", "more")]
    asked = parse_qs(link.query_string)["checkpoint"]
    methods = [info.method for info in services.checkpoints() if info.name in asked]
    assert sorted(methods) == sorted(METHODS)  # one of each
    assert "tiny-t5" in asked
    assert not any("wonderful" in str(m.value) for m in app.markdown)
    assert "try_review" not in app.query_params


@pytest.mark.parametrize("own", [0, 1, 9])
@pytest.mark.parametrize("shipped", [0, 1, 9])
def test_own_runs_are_asked_first_then_the_base_then_what_is_shipped(own, shipped):
    infos = [SimpleNamespace(name=f"own {n}", shipped=False) for n in range(own)]
    infos += [SimpleNamespace(name=f"shipped {n}", shipped=True) for n in range(shipped)]
    names = [one if isinstance(one, str) else one.name for one in to_ask("base", infos)]
    assert len(names) == 1 + min(MOST, own + shipped)
    before, after = names[: names.index("base")], names[names.index("base") + 1 :]
    assert before == [f"own {n}" for n in range(len(before))]
    assert after == [f"shipped {n}" for n in range(len(after))]
    assert bool(before) == bool(own)
    assert bool(after) == bool(shipped)


def test_an_example_in_the_link_is_in_the_box(open_page):
    app = open_page("soft_prompt", section="try", try_example="2")
    assert app.get_by_key("try_review").value == services.examples()[2][0]
    app.get_by_key("try_example").set_value(1).run()
    assert app.query_params["try_example"] == "1"
    assert app.get_by_key("try_review").value == services.examples()[1][0]
