"""The code section of the method pages."""

import pytest

from app.content import label, text
from app.kit.reach.code_colours import COLOURS
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.architecture import base_model
from tests.training.as_script.test_script import config_of

LIBRARIES = {
    "full": ("transformers", "peft_core"),
    "soft_prompt": ("peft", "opendelta", "peft_core"),
    "adapter": ("adapters", "opendelta", "peft_core"),
    "adapterhub": ("adapters", "opendelta", "peft_core"),
    "lora": ("peft", "adapters", "opendelta", "peft_core"),
}


METHOD = {"adapterhub": "adapter"}  # where the page has another name


def source(app) -> str:
    """The script on the screen: the last block of code."""
    return app.code[-1].value


@pytest.mark.parametrize("page", LIBRARIES)
def test_every_library_of_a_page_opens_by_link(open_page, page):
    for library in LIBRARIES[page]:
        app = open_page(page, section="code", **{f"{METHOD.get(page, page)}_library": library})
        compile(source(app), "script", "exec")
        assert app.code[-1].language == "python"
        wanted = "peft_core train" if library == "peft_core" else f"{library}=="
        assert wanted in app.code[-2].value
        assert {button.label for button in app.get("download_button")} >= {
            label("code", "python"),
            label("code", "notebook"),
        }


def test_the_script_follows_the_controls_and_the_training_settings(open_page):
    app = open_page(
        "lora", section="code", lora_library="peft_core", lora_r="32", lora_alpha="48", seed="7", epochs="4"
    )
    config = config_of(source(app))
    assert config.method == LoraConfig(r=32, alpha=48)
    assert (config.train.seed, config.train.epochs) == (7, 4)
    app.get_by_key("lora_r").set_value(5).run()
    assert config_of(source(app)).method == LoraConfig(r=5, alpha=48)
    assert "--r 5 --alpha 48" in app.code[-2].value


def test_the_reduction_factor_of_the_slider_is_in_the_script(open_page):
    app = open_page("adapterhub", section="code", hub_factor="64", hub_placement="houlsby")
    assert "REDUCTION_FACTOR = 64 " in source(app)
    assert "DoubleSeqBnConfig" in source(app)
    app = open_page("adapterhub", section="code", hub_factor="64", adapter_library="peft_core")
    assert config_of(source(app)).method == AdapterConfig(
        bottleneck_dim=base_model("tiny-t5").architecture.d_model // 64
    )


def test_a_library_that_lacks_the_method_is_named(open_page):
    app = open_page("lora", section="code", lora_library="adapters")
    assert "import adapters" in source(app)
    app.get_by_key("lora_targets").set_value(["q", "o"]).run()
    assert not app.exception
    assert not app.code
    said = text("code", "not_so", library=label("code", "adapters"), method="LoRA r=8")
    assert said in [i.value for i in app.info]
    app.get_by_key("lora_targets").set_value(["q"]).run()
    assert "import adapters" in source(app)
    for page in ("adapter", "soft_prompt"):
        assert any(text(f"method/{page}", "without") in m.value for m in open_page(page, section="code").markdown)


def test_an_unknown_library_in_the_link_opens_the_first(open_page):
    assert "from peft import" in source(open_page("lora", section="code", lora_library="nobody"))


def test_a_base_from_the_hub_says_what_is_tested(open_page):
    app = open_page("soft_prompt", section="code", base="t5-small")
    assert any(text("code", "from_hub") in c.value for c in app.caption)
    assert 'load_dataset("stanfordnlp/imdb")' in source(app)


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance of "#RRGGBB"."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("ground", "scheme"), [("#F3F5F8", 0), ("#1C222B", 1)])
def test_every_colour_of_the_code_can_be_read(ground, scheme):
    for kinds, colours in COLOURS.items():
        dark, light = sorted((luminance(ground), luminance(colours[scheme])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, kinds


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("adapter", {"adapter_library": "adapters", "adapter_start": "linear"}),
        ("adapterhub", {"adapter_library": "opendelta", "hub_placement": "parallel"}),
        ("lora", {"lora_library": "opendelta", "lora_variant": "rsLoRA"}),
    ],
)
def test_a_library_that_lacks_the_settings_says_so(page, query, open_page):
    app = open_page(page, section="code", **query)
    assert not app.code and any("with these settings" in each.value for each in app.info)
