"""The map shows every module of the real model, colours what really trains, and leads to where it says."""

import pytest

from app.home.map.boxes import ALL, EMBEDDING, OUTPUT, boxes, columns, plugs
from app.home.map.drawn import ANSWER, IN_FRONT, OWN, TOKENS, Drawn
from app.kit.pages import script_of
from peft_core.methods.places import find_place
from peft_core.methods.registry import METHODS, method_config
from peft_core.t5.architecture import base_model

A_FEW = ("tiny-t5", "mini-t5", "t5-small", "t5-v1_1-small")  # bundled, of the Hub, gated with an output of its own


def drawn(base: str, *plugged: str) -> Drawn:
    found = base_model(base)
    return Drawn(found, plugs(found.architecture), plugged)


@pytest.mark.parametrize("base", A_FEW)
def test_its_boxes_are_the_modules_of_the_real_model_with_their_parameters(base):
    from peft_core.counting.real_model import real_model

    model, _ = real_model(base_model(base))
    real = {}
    for name, parameter in model.named_parameters():  # a tied one once
        module = name.rpartition(".")[0]
        real[module] = real.get(module, 0) + parameter.numel()
    shown = {box.name: box.numbers for box in boxes(base_model(base).architecture)}
    assert {name: numbers for name, numbers in shown.items() if numbers} == real
    assert set(shown) <= {name for name, _ in model.named_modules()}
    order = [name for name in real if name not in (EMBEDDING, OUTPUT)]
    assert [name for name in shown if name in order and "norm" not in name] == [n for n in order if "norm" not in n]


@pytest.mark.parametrize("method", METHODS)
def test_in_colour_is_what_the_real_method_trains(method):
    """Beside the base's own modules: what it adds, at a box of its own, or in front of the input."""
    from peft_core.counting.by_numel import trainable_rows

    base = base_model("tiny-t5")
    here, plug = drawn("tiny-t5", method), plugs(base.architecture)[method]
    trained = [row.name for row in trainable_rows(base, method_config(method))]
    coloured = {box.name for box in boxes(base.architecture) if plug.at(box)} - {OUTPUT}  # tied: the embedding's own
    beside = {key.removeprefix(f"{OWN}{method}:") for key in here.ways if key.startswith(OWN)}
    assert all(any(name.startswith(f"{box}.") for name in trained) for box in coloured)
    assert not beside or any(name.startswith(f"{place}.") for place in beside for name in trained)
    if f"{IN_FRONT}{method}" in here.ways:
        assert not coloured | beside and not any("." in name for name in trained)  # the model's own, in no module
    else:
        assert all(name.startswith(tuple(f"{one}." for one in coloured | beside)) for name in trained)


@pytest.mark.parametrize("base", A_FEW)
@pytest.mark.parametrize("method", METHODS)
def test_every_button_leads_to_a_place_that_its_method_has(base, method):
    here, architecture = drawn(base, method), base_model(base).architecture
    for key, (who, place, _) in here.ways.items():
        script, query = here.leads(key)
        assert script == script_of(who) and query["base"] == base and query["section"] == "steps"
        assert find_place(architecture, method_config(who), query["steps_place"]) == place
        box = here.boxes.get(key)
        if who == method and box and box.layer:
            assert (place.stack, place.block, place.layer) == (box.stack, box.block, box.layer)
            assert place.module in (box.module, "") or METHODS[who].owns_weights
    assert {TOKENS, ANSWER} <= set(here.ways)
    assert here.leads("../../etc") is None


def test_many_blocks_are_drawn_as_three_columns_and_none_is_lost():
    for blocks in (1, ALL, ALL + 1, 24):
        shown = columns(blocks)
        assert [n for column in shown for n in range(column.first, column.last + 1)] == list(range(blocks))
        assert len(shown) <= ALL


def test_a_link_plugs_in_and_what_is_not_here_is_told(open_page):
    app = open_page("map", plug=["adapter", "<b>x</b>"], map_base="t5-small")
    assert app.get_by_key("plug").value == ["adapter"] and "1 methods" in app.info[0].value
    app.get_by_key("plug").set_value([]).run()
    assert app.query_params["plug"] in ("", [""]) and not app.exception
    assert open_page("map", plug="").get_by_key("plug").value == []


def test_the_landing_is_the_place_that_was_pressed(open_page):
    here, key = drawn("tiny-t5", "lora"), "decoder.block.1.layer.1.EncDecAttention.v"
    app = open_page("lora", **here.leads(key)[1])
    assert app.get_by_key("steps_place").value == key and app.query_params["step"] == "3"
    app = open_page("lora", **here.leads(OUTPUT)[1])
    assert app.get_by_key("steps_next").disabled and not app.get_by_key("steps_back").disabled  # the last step
