"""Explain and What if: numbers only when asked for, one click an edit, and a visitor's words stay text."""

import json
import math
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from app import services
from app.content import label
from app.kit import theme
from app.playground import explain, verdict_changes, what_if, word_chart
from app.playground.verdict_changes import Change
from app.playground.word_chart import LETTER, LINES, lay_out, letters
from app.services import models
from peft_core.analysis.explain.attribution import Attribution
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import ROOT
from tests.cases import make_base
from tests.trained import make_record, trained

MARKUP = (
    "<img src=x onerror=alert(1)> **bold** [link](http://example.com) $x^2$ `code` :red[ink] www.example.com 1. &lt; ~"
)
REVIEW = "the film was good , not dull"


def page(component: str) -> None:
    """What a tab of the Playground does."""
    import importlib

    import streamlit as st

    from app import services

    review = st.text_area("review", key="review")
    number = st.slider("something else", 1, 4, 4, key="number")
    chosen = [info for info in services.checkpoints() if not info.shipped][:number]
    importlib.import_module(f"app.playground.{component}").draw(review, chosen)


@pytest.fixture
def checkpoints(monkeypatch, tmp_path, batch):
    """Two trained checkpoints over a tiny base."""
    from peft_core.checkpoints.files import save_checkpoint
    from peft_core.t5.backbone import load_backbone

    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    backbone = load_backbone(str(make_base(tmp_path / "tiny")))
    for number, config in enumerate((LoraConfig(r=2), SoftPromptConfig(num_virtual_tokens=3))):
        record = make_record(backbone, config).model_copy(update={"name": f"run {config.method}"})
        folder = tmp_path / "runs" / f"20260101-00000{number}-abcdef" / "checkpoint"
        save_checkpoint(trained(backbone, config, batch), record, backbone, folder)
    services.libraries().ready.wait(timeout=120)
    services.listing.clear()
    yield [info for info in services.checkpoints() if not info.shipped]
    services.listing.clear()


def opened(component: str, review: str, **query: str) -> AppTest:
    app = AppTest.from_function(page, args=(component,), default_timeout=120)
    for key, value in query.items():
        app.query_params[key] = value
    app.session_state["review"] = review
    return run(app)


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def click(app: AppTest, key: str) -> AppTest:
    app.get_by_key(key).click()
    return run(app)


def said(app: AppTest) -> str:
    """Everything that is drawn as Markdown or HTML, labels of widgets included."""
    kinds = ("markdown", "caption", "info", "error", "success", "warning", "html")
    drawn = [str(element.value) for kind in kinds for element in app.get(kind)]
    return "\n".join(drawn)


# ---------------------------------------------------------------------------------------------------------------------
# Explain


def test_nothing_is_computed_until_it_is_asked_for(checkpoints):
    app = opened("explain", REVIEW)
    assert label("explain", "on_demand") in said(app)
    assert not app.get("vega_lite_chart")
    click(app, "explain_go")
    assert len(app.get("vega_lite_chart")) == 4  # the text and the bars, for two methods
    assert "logit difference" in said(app)
    (occlusion,) = [r for r in app.session_state[explain.KEPT].values() if r.method == "occlusion"]
    (p,) = [f"{services.ask([REVIEW], [i])[0][0].probability_positive:.1%}" for i in checkpoints[:1]]
    assert f"p(positive) = {p}" in said(app)
    assert occlusion.words == tuple(REVIEW.split())


def test_results_stay_while_other_widgets_move_and_go_with_the_review(checkpoints):
    app = click(opened("explain", REVIEW), "explain_go")
    app.get_by_key("number").set_value(3)
    assert len(run(app).get("vega_lite_chart")) == 4
    app.get_by_key("explain_by").set_value("occlusion")
    assert len(run(app).get("vega_lite_chart")) == 2
    app.get_by_key("explain_checkpoint").set_value(checkpoints[1].name)
    assert not run(app).get("vega_lite_chart")
    app.get_by_key("explain_checkpoint").set_value(checkpoints[0].name)
    assert len(run(app).get("vega_lite_chart")) == 2
    app.get_by_key("review").set_value("the film was dull")
    assert not run(app).get("vega_lite_chart")


def test_checkpoint_and_method_are_in_the_link_and_the_review_is_not(checkpoints):
    app = opened("explain", REVIEW, explain_checkpoint=checkpoints[1].name, explain_by="integrated_gradients")
    assert app.get_by_key("explain_checkpoint").value == checkpoints[1].name
    assert app.get_by_key("explain_by").value == "integrated_gradients"
    click(app, "explain_go")
    ((_, name, method, start),) = app.session_state[explain.KEPT]
    assert (name, method, start) == (checkpoints[1].name, "integrated_gradients", "padding")
    assert "film" not in str(dict(app.query_params))
    app.get_by_key("explain_by").set_value("occlusion")
    assert run(app).query_params["explain_by"] == "occlusion"
    app.get_by_key("number").set_value(1)  # the explained checkpoint is no longer one of the chosen
    assert run(app).get_by_key("explain_checkpoint").value == checkpoints[0].name
    assert not opened("explain", REVIEW, explain_checkpoint="../x", explain_by="<b>").error


def test_every_baseline_is_told_what_the_checkpoint_calls_it_and_what_scores_from_there_add_up_to(checkpoints):
    from peft_core.analysis.explain.attribution import AVERAGE, BASELINES

    assert explain.STARTS == (*BASELINES, AVERAGE)
    app = opened("explain", REVIEW, explain_by="integrated_gradients", explain_start="full_stop")
    assert app.get_by_key("explain_start").value == "full_stop"
    click(app, "explain_go")
    (found,) = app.session_state[explain.KEPT].values()
    called = {name: 1 / (1 + math.exp(-d)) for name, d in found.starts}
    rows = app.dataframe[0].value
    assert list(rows[label("explain", "column_called", yes="positive")])[:3] == [
        f"{called[name]:.1%}" for name in BASELINES
    ]
    assert f"{called['full_stop']:.0%} positive" in said(app)
    sums = [word_chart.signed(found.whole - d) for _, d in found.starts]
    assert list(rows[label("explain", "column_sum")])[:3] == sums
    app.get_by_key("explain_start").set_value("average")
    assert not run(app).get("vega_lite_chart")  # not computed yet
    click(app, "explain_go")
    assert app.query_params["explain_start"] == "average"
    found = list(app.session_state[explain.KEPT].values())[-1]
    assert found.baseline == pytest.approx(sum(d for _, d in found.starts) / 3)
    app.get_by_key("explain_by").set_value("occlusion")
    run(app)
    assert "explain_start" not in [widget.key for widget in app.get("button_group")]


def test_words_with_opposite_signs_are_named_as_text(checkpoints):
    app = opened("explain", REVIEW)
    name = checkpoints[0].name
    words = tuple(REVIEW.split())
    results = {"occlusion": (0.9, 0.5, *[0.0] * 5), "integrated_gradients": (-5.2, 0.5, *[0.0] * 5)}
    app.session_state[explain.KEPT] = {
        (REVIEW, name, method, start): Attribution(method, words, scores, 0.0, 1.0, 0.5, 1, 0.1, starts)
        for (method, scores), start, starts in zip(
            results.items(), ("", "padding"), ((), (("padding", 0.5), ("mean", 0.0), ("full_stop", -1.0))), strict=True
        )
    }
    run(app)
    assert label("explain", "opposite", n=1, of=7, least=0.1) in said(app)
    assert "the (1) +0.90 / −5.20" in [element.value for element in app.get("text")]


def test_html_in_a_review_is_said_to_be_gone(checkpoints):
    app = opened("explain", f"{REVIEW}<br/>")
    assert "had HTML in it" in said(app)
    assert "had HTML in it" not in said(opened("explain", REVIEW))


@pytest.mark.parametrize("component", ["explain", "what_if"])
def test_an_empty_review_is_a_sentence(checkpoints, component):
    assert "type at least one word" in opened(component, " \n").info[0].value


def test_a_base_that_is_not_here_is_a_sentence(checkpoints, monkeypatch):
    monkeypatch.setattr(models, "why_not_loadable", lambda base: f"{base} lacks a file")
    for component, button in (("explain", "explain_go"), ("what_if", "what_if_negate"), ("what_if", "what_if_try_all")):
        assert "lacks a file" in click(opened(component, REVIEW), button).error[0].value


def test_markup_in_a_review_stays_text(checkpoints):
    app = click(opened("explain", MARKUP), "explain_go")
    for word in ("onerror", "example.com", "**bold**", "`code`", ":red[ink]"):
        assert word not in said(app)
    spec = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    assert {"text", "bar"} == {layer["mark"]["type"] for layer in spec["layer"]}
    assert not {"href", "url"} & set().union(*(layer["encoding"] for layer in spec["layer"]))


def test_few_results_are_kept(checkpoints, monkeypatch):
    monkeypatch.setattr(explain, "MOST_KEPT", 2)
    app = opened("explain", REVIEW, explain_by="occlusion")
    for review in (REVIEW, "the film was dull", "a good plot"):
        app.get_by_key("review").set_value(review)
        click(run(app), "explain_go")
    assert [review for review, *_ in app.session_state[explain.KEPT]] == ["the film was dull", "a good plot"]


# ---------------------------------------------------------------------------------------------------------------------
# The text as a chart


@given(st.lists(st.integers(1, 33), min_size=1, max_size=60), st.sampled_from(LINES))
def test_lines_hold_the_words_in_order_without_overlap(widths, line_letters):
    places = lay_out(widths, line_letters)
    assert places == sorted(places)
    for (line, column), width, following in zip(places, widths, [*places[1:], (None, 0)], strict=True):
        assert column + width <= line_letters
        if following[0] == line:
            assert following[1] == column + width
        elif following[0] is not None:
            assert following == (line + 1, 0)


def test_wide_and_combining_characters_take_the_room_they_need():
    assert [letters(word) for word in ("film", "電影", "🎬", "cafe\u0301")] == [4, 4, 2, 4]
    assert LETTER * LINES[0] <= 390 - 2 * 16 - 2 * 5  # a phone, the page's margins, the chart's padding


def attribution(words: list[str], scores: list[float | None]) -> Attribution:
    return Attribution("integrated_gradients", tuple(words), tuple(scores), 0.0, 1.0, 0.0, 27, 0.1)


def test_what_was_not_read_is_one_cell_and_endless_words_are_cut():
    found = attribution(["good", "a", "b", "c", "x" * 400], [1.0, None, None, None, -0.5])
    cells = word_chart._cells(found)
    assert [cell.text for cell in cells[:2]] == ["good", label("explain", "not_read", n=3)]
    assert letters(cells[2].text) < LINES[0]
    assert [cell.number for cell in cells] == ["+1.00", "", "−0.50", "+0.00"]
    assert max(cell.width for cell in cells) <= LINES[0]


def channels(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(parts: list[float]) -> float:
    """WCAG 2.2, relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_the_strongest_colour(scheme, monkeypatch):
    monkeypatch.setattr(theme, "is_dark", lambda: scheme == "dark")
    config = tomllib.loads((ROOT / "app" / ".streamlit" / "config.toml").read_text())
    ground = config["theme"][scheme]["backgroundColor"]
    for style in (theme.POSITIVE, theme.NEGATIVE):
        pairs = zip(channels(ground), channels(style.colour), strict=True)
        share = word_chart.STRONGEST
        mixed = [(1 - share) * below + share * above for below, above in pairs]
        light, dark = sorted((luminance(mixed), luminance(channels(theme.ink()))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


# ---------------------------------------------------------------------------------------------------------------------
# What if


def now(app: AppTest) -> str:
    return app.code[0].value if app.code else app.get_by_key("review").value


def table(app: AppTest):
    return app.dataframe[0].value


def test_negate_asks_every_checkpoint_again(checkpoints):
    app = click(opened("what_if", REVIEW), "what_if_negate")
    assert now(app) == "the film was good , dull"
    assert app.get("text")[0].value == "Removed “not” (word 6)."
    rows = table(app)
    assert len(rows) == 2
    expected = {f"{services.ask([now(app)], [i])[0][0].probability_positive:.1%}" for i in checkpoints}
    assert set(rows[label("what_if", "after")]) == expected
    assert app.get("vega_lite_chart")


def test_delete_replace_and_undo(checkpoints):
    app = opened("what_if", REVIEW)
    assert app.get_by_key("what_if_delete").disabled
    app.get_by_key("what_if_word").set_value(3)
    click(run(app), "what_if_delete")
    assert now(app) == "the film was , not dull"
    assert app.get_by_key("what_if_word").value is None  # the numbers of the words have changed
    app.get_by_key("what_if_word").set_value(0)
    app.get_by_key("what_if_by").set_value("a [dull](x)")
    click(run(app), "what_if_replace")
    assert now(app) == "a [dull](x) film was , not dull"
    assert len(app.get("text")[0].value.splitlines()) == 2
    click(click(app, "what_if_undo"), "what_if_undo")
    assert now(app) == REVIEW
    assert app.get_by_key("what_if_undo").disabled
    assert not app.dataframe


def test_the_last_word_cannot_be_deleted_and_another_review_starts_afresh(checkpoints):
    app = opened("what_if", "good")
    app.get_by_key("what_if_word").set_value(0)
    click(run(app), "what_if_delete")
    assert "type at least one word" in app.warning[0].value
    click(app, "what_if_negate")
    assert now(app) == "It is not true that good"
    app.get_by_key("review").set_value("bad")
    assert not run(app).code


def test_all_deletions_are_ranked_for_one_checkpoint(checkpoints):
    app = click(opened("what_if", REVIEW, what_if_checkpoint=checkpoints[1].name), "what_if_try_all")
    (found,) = app.session_state[explain.KEPT].values()
    assert found.method == "occlusion"
    rows = table(app)
    assert len(rows) == len(REVIEW.split())
    words, info = REVIEW.split(), checkpoints[1]
    texts = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
    without = {f"{services.ask([t], [info])[0][0].probability_positive:.1%}" for t in texts}
    assert set(rows[label("what_if", "after")]) == without
    assert "single deletion" in said(app)


def test_verdicts_that_flip_come_first():
    stays, little, much = Change("a", 0.99, 0.51), Change("b", 0.51, 0.49), Change("c", 0.9, 0.1)
    assert verdict_changes.ranked([stays, little, much]) == [much, little, stays]
    assert [c.flips for c in (stays, little, much)] == [False, True, True]


def test_markup_stays_text_on_the_word_picker_and_no_two_words_are_called_the_same(checkpoints):
    app = click(opened("what_if", f"{MARKUP} ~ ~"), "what_if_negate")
    for word in ("onerror", "example.com", "**bold**", "`code`", ":red[ink]"):
        assert word not in said(app)
    names = [option.content for option in app.get_by_key("what_if_word").proto.options]
    assert len(set(names)) == len(names)
    for name in names:
        for i, character in enumerate(name):
            if character in "*[]()<>$:`~_#!|":
                assert name[i - 1] == "\\"


@pytest.mark.parametrize("word", ["www.example.com", "http://example.com/x", "me@example.com", "1.", "&lt;", ":red[x]"])
def test_an_address_on_the_word_picker_is_no_link(word):
    (name,) = what_if._unlike([word])
    drawn = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", name)  # what CommonMark makes of escapes
    assert drawn.replace(what_if.WORD_JOINER, "") == word
    assert not re.search(r"https?://|www\.|[-.\w+]@|^\d+\.", drawn)  # what GitHub's extension looks for afterwards
    assert not re.search(r"(?<!\\)&", name)


def test_a_long_review_has_a_list_of_words(checkpoints):
    app = opened("what_if", "good film " * what_if.MOST_PILLS)
    app.get_by_key("what_if_word").set_value(1)
    click(run(app), "what_if_delete")
    assert now(app).split()[:3] == ["good", "good", "film"]
