"""The report, screen by screen: every screen opens by its link, and its figures are those of the report's files."""

import csv
import json

import pytest
from streamlit.testing.v1 import AppTest

from app.compare.report import over_ours
from app.compare.report.section import SCREENS
from app.content import label, text
from peft_core.paths import RESULTS
from peft_core.report.quoted import QUOTES

# Each screen's control: its key, and the values of a link.
CONTROLS = {
    "curves": ("curves_of", ("all", "full", "soft_prompt", "adapter")),
    "last": ("order", ("table", "best")),
    "rising": ("risen", ("soft_prompt-1-opendelta", "full-own", "soft_prompt-10-opendelta")),
    "tree": ("misfit", ("tokens", "cross", "blocks")),
    "targets": ("targets", ("qk", "qv", "v", "qkvo")),
    "starts": ("start", ("lora_a", "adapter_up")),
    "slips": ("calculation", ("adapter", "lora")),
}


@pytest.fixture
def open_screen(open_page):
    return lambda screen, **query: open_page("compare", part="report", screen=screen, **query)


def quoted(name: str) -> list[dict[str, str]]:
    with (QUOTES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_opens_by_its_link_with_its_claim_and_words_for_every_chart(open_screen, screen, checked_charts):
    app = open_screen(screen)
    assert not app.error
    assert app.query_params.get("screen", next(iter(SCREENS))) == screen
    assert text("report", screen) in [m.value for m in app.markdown]
    assert all(chart.proto.alt for chart in app.get("vega_lite_chart"))
    key, values = CONTROLS.get(screen, ("", ()))
    for value in values[1:]:
        shown = open_screen(screen, **{key: value})
        assert not shown.error
        assert shown.query_params[key] == value
        assert [m.value for m in shown.markdown] != [m.value for m in app.markdown] or screen in ("curves", "last")
        assert all(chart.proto.alt for chart in shown.get("vega_lite_chart"))


def test_back_and_next_go_through_all_screens(open_screen):
    app = open_screen(next(iter(SCREENS)))
    assert app.get_by_key("report_back").disabled
    for screen in list(SCREENS)[1:3]:
        app.get_by_key("report_next").click().run()
        assert not app.exception
        assert app.query_params["screen"] == screen
    app.get_by_key("report_back").click().run()
    assert app.query_params["screen"] == list(SCREENS)[1]
    assert open_screen(list(SCREENS)[-1]).get_by_key("report_next").disabled


def test_the_curves_are_the_quoted_and_the_measured_ones():
    frame = over_ours.curves(over_ours.our_runs())
    theirs = frame[frame["side"] == "report"]
    file = quoted("curves.csv")
    assert list(theirs["loss"]) == [float(line["train_loss"]) for line in file]
    assert list(theirs["accuracy"]) == [float(line["valid_accuracy"]) for line in file]
    assert list(theirs["reviews"]) == [25_000 * (int(line["epoch"]) + 1) for line in file]
    measured = json.loads((RESULTS / "reproduction-tiny-t5.json").read_text())
    points = {run["name"]: run["points"] for run in measured["runs"]}
    ours = frame[frame["side"] == "ours"]
    wanted = [
        p for name in ("full", "soft-prompt-10", "soft-prompt-1", "adapter-8", "adapterhub-1") for p in points[name]
    ]
    assert sorted(ours["loss"]) == sorted(p["train_loss"] for p in wanted if p["step"])
    assert sorted(ours["accuracy"]) == sorted(p["test"] for p in wanted if p["step"])
    assert ours["reviews"].max() == 20_000 < theirs["reviews"].min()


def test_without_our_results_the_reports_curves_are_still_there(open_screen, monkeypatch, tmp_path):
    monkeypatch.setattr(over_ours, "shipped_results", lambda base: tmp_path / "none.json")
    app = open_screen("curves")
    assert len(app.get("vega_lite_chart")) == 2


def test_three_of_seven_were_best_in_their_last_epoch(open_screen):
    shown = metrics(open_screen("last"))
    assert shown[label("report", "still_rising")] == "3 of 7"


def test_the_loss_that_rises_most_comes_first(open_screen):
    losses = [
        float(r["train_loss"])
        for r in quoted("curves.csv")
        if (r["implementation"], r["setting"]) == ("opendelta", "1")
    ]
    shown = metrics(open_screen("rising"))
    assert shown[label("report", "lowest", n=losses.index(min(losses)) + 1)] == f"{min(losses):.4f}" == "0.2953"
    assert shown[label("report", "last_loss")] == f"{losses[-1]:.4f}" == "0.3784"


def test_what_the_report_prints_as_not_frozen_is_the_line_with_a_plus(open_screen):
    app = open_screen("tree", misfit="tokens")
    (said,) = [m.value for m in app.markdown if "Non freezed weights: …prompt_emb" in m.value]
    assert said.startswith("*Quoted*")
    (code,) = app.code
    (line,) = [line for line in code.value.split("\n") if line.startswith("+") and "prompt_embeddings" in line]
    assert "10 × 512 = **5,120**" in said
    assert "[10, 512]" in line and "5,120" in line


def test_the_true_tree_marks_what_does_not_fit(open_screen):
    marked = {}
    for misfit in ("tokens", "cross", "blocks"):
        app = open_screen("tree", misfit=misfit)
        assert ("256" if misfit == "blocks" else "60,506,624") in metrics(app).values()
        (code,) = app.code
        marked[misfit] = [line for line in code.value.split("\n") if "←" in line]
    assert "[32128, 512]" in "".join(marked["tokens"]) and "16,449,536" in marked["tokens"][0]
    assert [("CrossAttention" in line) for line in marked["cross"]] == [True, True]
    assert [line.split("block.")[1].split(" ")[0] for line in marked["blocks"]] == ["0", "1–5"] * 2


def test_a_masked_prompt_answers_as_the_base_model_and_reading_it_does_not(open_screen):
    app = open_screen("mask")
    read, masked, without = (metric.value for metric in app.metric)
    assert masked == without != read
    gradients = [caption.value for caption in app.caption if "0." in caption.value or ": 0" in caption.value]
    assert label("report", "mask_row", mask="0", gradient=label("report", "gradient", norm="0")) in gradients
    app.get_by_key("mask_words").set_value("").run()
    assert not app.exception
    assert app.warning and not app.metric


@pytest.mark.parametrize("name", ["adapter", "lora"])
def test_find_the_slip_is_checked_by_working_the_lines_out(open_screen, name):
    app = open_screen("slips", calculation=name)
    right = {
        "one_adapter": "slip",
        "all_adapters": "inherited",
        "encoder": "slip",
        "decoder": "slip",
        "sum": "inherited",
    }
    of_this = {line: fault for line, fault in right.items() if f"slip_{name}_{line}" in {r.key for r in app.radio}}
    assert len(of_this) == {"adapter": 2, "lora": 3}[name]
    total = {"adapter": "104,544", "lora": "294,912"}[name]
    assert not any(total in code.value for code in app.code)  # before anybody has chosen
    for line, fault in of_this.items():
        app.get_by_key(f"slip_{name}_{line}").set_value(fault)
    app.get_by_key("slips_check").click().run()
    assert not app.exception
    n = len(of_this)
    assert label("report", "slips_found", n=n, of=n) in [m.value for m in app.markdown]
    assert any(code.value.endswith(f"= {total}") for code in app.code)
    app.get_by_key("slips_again").click().run()
    app.get_by_key("slips_check").click().run()  # nothing chosen
    assert label("report", "slips_found", n=0, of=n) in [m.value for m in app.markdown]


def test_the_ties_lead_to_their_test(open_screen):
    app = open_screen("ties")
    assert metrics(app)[label("report", "apart", first="88.9", second="88.7", of="25,000")] == "50"
    app.get_by_key("to_test").click().run()
    assert not app.exception
    assert app.query_params["part"] == "significant"
    assert (app.get_by_key("report_first").value, app.get_by_key("report_second").value) == (
        "lora-8-own",
        "lora-8-library",
    )


def test_the_digits_are_the_files(open_screen):
    frame = open_screen("digits").dataframe[0].value
    printed = [row["accuracy_percent"] for row in quoted("results.csv")]
    assert list(frame[label("report", "digits_printed")]) == printed
    best: dict[tuple[str, ...], float] = {}
    for line in quoted("curves.csv"):
        key = (line["method"], line["implementation"], line["setting"])
        best[key] = max(best.get(key, 0.0), float(line["valid_accuracy"]))
    exact = [f"{100 * share:.3f}".rstrip("0").rstrip(".") for share in best.values()]
    assert list(frame[label("report", "digits_exact")]) == [*exact, "–", "–", "–"]
    assert "84.996" in exact


@pytest.mark.parametrize("screen", CONTROLS)
def test_an_odd_choice_of_a_link_is_the_first_one(open_screen, screen):
    key, values = CONTROLS[screen]
    app = open_screen(screen, **{key: "<b>x</b>"})
    assert not app.error
    assert app.query_params.get(key, values[0]) == values[0]
