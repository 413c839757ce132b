"""The count chart holds what is counted by hand, and has no slider of its own."""

import json

import pytest

from app.kit import theme
from app.method.count import count_chart
from app.method.count.count_chart import Knob, Limit
from peft_core.counting.by_hand import count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import BaseModel, base_model
from tests.cases import GATED, SHAPES, TINY

BASES = [*SHAPES, BaseModel("tiny", TINY, "", True, ""), BaseModel("gated", GATED, "", True, "")]


@pytest.fixture(scope="module", autouse=True)
def light():
    """Outside a page there is no theme to ask for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theme, "is_dark", lambda: False)
        yield


KNOBS = {
    "lora": (LoraConfig(target_modules=("q", "wi")), Knob("r", "rank r", 1, 256)),
    "adapter": (AdapterConfig(placement="houlsby"), Knob("bottleneck_dim", "bottleneck m", 1, 512)),
    "soft_prompt": (SoftPromptConfig(), Knob("num_virtual_tokens", "virtual tokens n", 1, 200)),
}
every_knob = pytest.mark.parametrize(("config", "knob"), KNOBS.values(), ids=KNOBS)


@every_knob
@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_each_row_of_the_chart_is_the_hand_calculation_of_its_value(config, knob, base):
    rows = count_chart.curve(base, config, knob)
    assert rows["value"].tolist() == list(range(knob.low, knob.high + 1))
    assert rows["count"].is_monotonic_increasing
    some = rows.iloc[[*range(0, len(rows), 19), -1]]
    for value, counted, words in zip(some["value"], some["count"], some["words"], strict=True):
        expected = count(base.architecture, config.model_copy(update={knob.field: value})).trainable_parameters
        assert counted == expected
        assert words.endswith(f" = {value:,}: {expected:,}")


def test_the_range_reaches_a_setting_beyond_the_knob():
    config, knob = KNOBS["adapter"]
    rows = count_chart.curve(base_model("t5-11b"), config.model_copy(update={"bottleneck_dim": 1024}), knob)
    assert rows["value"].iloc[-1] == 1024


@every_knob
def test_the_marker_is_at_this_setting_and_no_second_slider_moves_it(config, knob):
    rows = count_chart.curve(base_model("tiny-t5"), config, knob)
    now = getattr(config, knob.field)
    spec = count_chart.chart(rows, now, config.method, knob, None)
    parameters = {p["name"]: p for p in spec["params"]}
    assert parameters[count_chart.NOW]["value"] == now
    assert not any("bind" in parameter for parameter in parameters.values())
    assert '"bind"' not in json.dumps(spec["layer"])
    assert "rule" not in json.dumps(spec["layer"])


def test_a_limit_is_a_line_with_its_name():
    config, knob = KNOBS["lora"]
    rows = count_chart.curve(base_model("tiny-t5"), config, knob)
    spec = count_chart.chart(rows, 8, "lora", knob, Limit(1_048_576, "the matrices: 1,048,576", ""))
    assert any(layer["mark"]["type"] == "rule" for layer in spec["layer"])
    data = spec["datasets"][count_chart.LIMIT].to_dict("records")
    assert data == [{"count": 1_048_576, "words": "the matrices: 1,048,576"}]
    top = spec["layer"][0]["encoding"]["y"]["scale"]["domain"][1]
    assert top > 1_048_576


@every_knob
def test_moving_the_knob_makes_no_new_form_and_another_theme_does(config, knob, monkeypatch):
    count_chart._form.cache_clear()
    first, second = (
        count_chart.chart(count_chart.curve(base_model("tiny-t5"), config, knob), now, config.method, knob, None)
        for now in (knob.low, knob.high)
    )
    assert count_chart._form.cache_info().misses == 1
    moved = {p["name"] for p, q in zip(first["params"], second["params"], strict=True) if p != q}
    assert moved == {count_chart.NOW}
    assert {k: v for k, v in first.items() if k not in ("params", "datasets")} == {
        k: v for k, v in second.items() if k not in ("params", "datasets")
    }
    monkeypatch.setattr(theme, "is_dark", lambda: True)
    rows = count_chart.curve(base_model("tiny-t5"), config, knob)
    dark = count_chart.chart(rows, knob.low, config.method, knob, None)
    assert theme.ink() in json.dumps(dark["layer"]) and theme.ink() not in json.dumps(first["layer"])


@pytest.mark.parametrize("name", ["tiny-t5", "t5-11b"])  # of every base, above
@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("soft_prompt", {"prompt_n": "200"}),
        ("adapter", {"adapter_m": "1"}),
        ("adapterhub", {"hub_factor": "1", "hub_placement": "houlsby"}),
        ("lora", {"lora_r": "256"}),
    ],
)
def test_the_chart_on_the_page_says_the_count_of_the_headline(open_page, page, query, name):
    app = open_page(page, base=name, section="count", **query)
    said = [element.proto.alt for element in app.get("vega_lite_chart")]
    assert any(f": {app.metric[0].value}." in words for words in said)
