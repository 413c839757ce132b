"""The step through on the pages: Back and Next, the link, the words of a visitor."""

import pytest
from streamlit.testing.v1 import AppTest

from app.content import has_section, label, text
from peft_core.analysis.walkthrough.forward import untrained_model
from peft_core.t5.architecture import base_model
from tests.analysis.walkthrough.test_forward import walks
from tests.cases import every_config
from tests.trained import trained

D_MODEL = base_model("tiny-t5").architecture.d_model
PAGES = {"full": 7, "soft_prompt": 7, "adapter": 8, "adapterhub": 8, "lora": 9}  # steps of the pages' own settings
SHIPPED = {"full": "full", "soft_prompt": "soft-prompt-10", "adapter": "adapter-8", "lora": "lora-8"}


@pytest.fixture
def steps(open_page):
    """A method's page with the step through open."""
    return lambda page, **query: open_page(page, section="steps", **query)


def position(app: AppTest) -> str:
    (bar,) = app.get("progress")
    return bar.proto.text


def press(app: AppTest, button: str) -> AppTest:
    app.get_by_key(button).click().run()
    assert not app.exception
    return app


def formula(app: AppTest) -> str:
    return app.latex[0].value


@every_config
def test_every_step_has_its_sentence_and_they_fit(backbone, batch, config):
    for model in (untrained_model(backbone, config), trained(backbone, config, batch)):
        for step in next(walks(backbone, model, config)).steps:
            section = f"{step.key}_zero" if step.adds_nothing else step.key
            file = "steps" if has_section("steps", section) else f"method/{config.method}"
            sentence = text(file, section, **step.values)
            assert len(sentence.split()) <= 45
            assert "{" not in sentence


@pytest.mark.parametrize("non_linearity", ["relu", "gelu", "silu", "tanh"])
def test_every_non_linearity_has_its_sentence(non_linearity):
    assert text("method/adapter", f"adapter_{non_linearity}", m=8, zeros=3)


@pytest.mark.parametrize("page", PAGES)
def test_next_goes_through_every_step_of_every_page(checked_charts, steps, page):
    app, seen = steps(page), set()
    for number in range(1, PAGES[page] + 1):
        assert position(app) == label("steps", "progress", step=number, total=PAGES[page])
        seen.add(formula(app))
        if number < PAGES[page]:
            press(app, "steps_next")
            assert app.query_params["step"] == str(number + 1)
    assert len(seen) == PAGES[page]
    assert app.get_by_key("steps_next").disabled
    press(app, "steps_back")
    assert app.query_params["step"] == str(PAGES[page] - 1)


def test_back_to_the_first_step_leaves_the_link_short(steps):
    app = steps("lora", step="2")
    press(app, "steps_back")
    assert "step" not in app.query_params
    assert app.get_by_key("steps_back").disabled


def test_a_link_reproduces_the_screen(steps):
    place = "decoder.block.1.layer.1.EncDecAttention.v"
    app = steps("lora", step="5", steps_place=place, steps_token="4", steps_model="lora-8", lora_r="32")
    assert app.get_by_key("steps_place").value == place
    assert app.get_by_key("steps_token").value == 4
    assert app.get_by_key("steps_model").value == "lora-8"
    assert position(app) == label("steps", "progress", step=5, total=9)
    assert f"8 \\times {D_MODEL}" in formula(app)  # the checkpoint's rank, not the slider's
    assert any("own settings" in c.value and "r=8" in c.value for c in app.caption)
    app.get_by_key("steps_token").set_value(5).run()
    assert app.query_params["steps_token"] == "5"
    assert not app.info


def test_impossible_values_of_the_link_are_moved_with_a_note(steps):
    app = steps("lora", step="99", steps_place="nowhere", steps_token="400", steps_model="none")
    notes = " ".join(i.value for i in app.info)
    for name in ("unknown_place", "unknown_token"):
        assert label("steps", name) in notes
    assert label("steps", "unknown_model", base="tiny-t5") in notes
    assert "99" in notes and position(app) == label("steps", "progress", step=9, total=9)
    app.get_by_key("steps_place").set_value("encoder.block.1.layer.0.SelfAttention.v").run()
    assert label("steps", "unknown_place") not in " ".join(i.value for i in app.info)
    press(app, "steps_back")
    assert not any("99" in i.value for i in app.info)


@pytest.mark.parametrize("odd", ["-3", "0", "x", "", "1e9", "٣", "99999999999999999999"])
def test_odd_step_numbers_are_no_exception(steps, odd):
    assert position(steps("lora", step=odd)) == label("steps", "progress", step=1, total=9)


@pytest.mark.parametrize("page", SHIPPED)
def test_a_trained_checkpoint_differs_from_the_base_model_and_an_untrained_one_does_not(steps, page):
    def verdict(**query):
        app = steps(page, step=str(PAGES[page]), **query)
        (sentence,) = [m.value for m in app.markdown if "over the two label words" in m.value]
        return "exactly the same" in sentence

    assert not verdict(steps_model=SHIPPED[page])
    assert verdict() is (page != "soft_prompt")


def test_the_rank_of_the_page_is_walked_when_untrained(steps):
    app = steps("lora", step="5", lora_r="3")
    assert f"3 \\times {D_MODEL}" in formula(app)
    app.get_by_key("lora_r").set_value(12).run()
    assert f"12 \\times {D_MODEL}" in formula(app)


def test_houlsby_placement_has_one_step_more(steps):
    app = steps("adapterhub", hub_placement="houlsby", step="8")
    assert position(app) == label("steps", "progress", step=8, total=9)
    assert "x + A(f)" in formula(app)
    app.get_by_key("hub_placement").set_value("pfeiffer").run()
    assert position(app) == label("steps", "progress", step=8, total=8)


def test_where_the_decoder_reads_one_token_there_is_no_choice(steps):
    app = steps("lora", steps_place="decoder.block.0.layer.0.SelfAttention.q", steps_token="4")
    assert app.get_by_key("steps_start").disabled
    assert not app.info
    app.get_by_key("steps_place").set_value("encoder.block.0.layer.0.SelfAttention.q").run()
    assert app.get_by_key("steps_token").value == 4


def test_markup_in_the_words_stays_text_and_out_of_the_link(steps):
    app = steps("lora")
    app.get_by_key("steps_text").set_value("<img src=x> **bold** [link](http://example.com) $x^2$ :red[y]").run()
    assert not app.exception
    for _ in range(2):
        kinds = (app.markdown, app.caption, app.info, app.error, app.success, app.warning, app.latex, app.get("html"))
        drawn = [str(element.value) for kind in kinds for element in kind]
        assert not any("bold" in value or "example" in value or "img" in value for value in drawn)
        press(app, "steps_next")
    assert "bold" not in str(dict(app.query_params))
    pieces = app.get_by_key("steps_token").options
    assert any(piece.endswith("bold") for piece in pieces)


def test_no_words_are_a_sentence_and_many_are_cut_with_one(steps):
    app = steps("lora")
    app.get_by_key("steps_text").set_value("   ").run()
    assert not app.exception
    assert "type at least one word" in app.error[0].value
    assert not app.latex
    app.get_by_key("steps_text").set_value("good " * 100).run()
    assert not app.error
    assert label("steps", "left_out", longest=60, left_out=43) in [c.value for c in app.caption]


@pytest.mark.parametrize(("words", "last"), [("good", 3), ("a fine and lovely film !", 7)])
def test_other_words_choose_the_token_anew_without_a_note(steps, words, last):
    app = steps("lora", steps_token="15")
    assert app.get_by_key("steps_token").value == 15
    app.get_by_key("steps_text").set_value(words).run()
    assert app.get_by_key("steps_token").value == last
    assert "steps_token" not in app.query_params
    assert not app.info


def test_a_base_that_is_not_here_is_a_sentence(steps):
    app = steps("lora", base="t5-3b")
    assert any(
        "t5-3b is not on" in said and "tiny-t5" in said for said in (i.value.replace("\\", "") for i in app.info)
    )
    assert not app.latex
