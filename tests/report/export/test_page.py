"""The exports of the table: every number of the page is in the JSON, every text is escaped, nothing is loaded."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from app.kit.theme import METHOD
from peft_core.analysis.comparison import Comparison
from peft_core.counting.by_hand import count
from peft_core.methods.full.method import FullConfig
from peft_core.report.build import build_table
from peft_core.report.export.data import as_csv, as_json, compared_with_first, table_data
from peft_core.report.export.page import as_html
from peft_core.statistics.paired_test import paired_test
from peft_core.t5.architecture import base_model
from tests.report.variants import SHIPPED, variant

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
HOSTILE = "<script>alert(\"1\")</script>&=cmd|' /C calc'!A0"


class Page(HTMLParser):
    """Tags with their attributes, and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.texts, self.style, self._in_style = [], [], "", False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in_style = tag == "style"

    def handle_endtag(self, tag):
        self._in_style = False

    def handle_data(self, data):
        if self._in_style:
            self.style += data
        else:
            self.texts.append(data)


@pytest.fixture
def table(shipped):
    lora = shipped["lora-8"]
    more = [variant(lora, f"seed-{seed}", train={"seed": seed}) for seed in (1, 2)]
    return build_table([*shipped.values(), *more])


def hostile_comparison():
    return Comparison(HOSTILE, "full", paired_test([1, 0, 1], [1, 1, 0]), (0, 0), {}, ())


def test_every_number_of_the_page_is_in_the_json(table):
    data = table_data(table, *compared_with_first(table))
    page, known = Page(as_html(data)), set(NUMBER.findall(as_json(data)))
    shown = set(NUMBER.findall(" ".join(page.texts)))
    assert len(shown) > 100
    assert shown <= known, shown - known


def test_the_page_is_one_file_without_scripts(table):
    html = as_html(table_data(table))
    page = Page(html)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}
    for _, attributes in page.tags:
        assert not {"src", "href", "srcset", "xlink:href"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in page.style and "@import" not in page.style and "://" not in html
    assert {"prefers-color-scheme: dark", "print"} <= set(re.findall(r"@media \(?([^){]+?)\)? ?{", page.style))


def test_the_colours_are_those_of_the_app(table):
    style = Page(as_html(table_data(table))).style
    light, rest = style.split("@media (prefers-color-scheme: dark)")
    dark, printed = rest.split("@media print")
    for method, colours in METHOD.items():
        assert f"--{method}: {colours.light};" in light
        assert f"--{method}: {colours.dark};" in dark
        assert f"--{method}: {colours.light};" in printed


def test_hostile_names_are_text(table):
    refused = {HOSTILE: f"{HOSTILE} cannot be compared."}
    data = table_data(table, [hostile_comparison()], refused)
    data["base"] = HOSTILE
    data["rows"][0]["label"] = HOSTILE
    html = as_html(data)
    page = Page(html)
    assert "<script" not in html
    assert HOSTILE in page.texts  # as it was, where it is read
    assert ("script", {}) not in page.tags
    data["rows"][0]["key"] = "=1+1"
    first = next(csv.DictReader(io.StringIO(as_csv(data).decode("utf-8-sig"))))
    assert (first["key"], first["label"]) == ("'=1+1", HOSTILE)


def test_json_and_csv_say_what_the_table_says(table):
    data = table_data(table)
    read = json.loads(as_json(data))
    assert read == json.loads(json.dumps(data))
    lines = list(csv.DictReader(io.StringIO(as_csv(data).decode("utf-8-sig"))))
    lines, more = lines[: len(table.rows)], lines[len(table.rows) :]
    assert [line["key"] for line in lines] == [row["key"] for row in read["rows"]] == [row.key for row in table.rows]
    for line, given in zip(more, (read["untrained"], *read["yardsticks"]), strict=True):
        test = given["test"] or {}
        assert line["run_here"] == ("yes" if test else "not run")
        assert [line[name] for name in ("accuracy", "low", "high", "n")] == [
            str(test.get(name, "")) for name in ("accuracy", "low", "high", "n")
        ]
    for line, row in zip(lines, table.rows, strict=True):
        mine = row.reproduction
        assert line["run_here"] == ("yes" if mine else "not run")
        assert line["accuracy"] == (str(mine.test.accuracy) if mine else "")
        assert line["trainable_by_hand"] == str((mine or row).counts.by_hand.trainable)
        assert line["reported_accuracy_percent"] == (row.quoted.percent if row.quoted else "")
        assert line["seeds"] == (" ".join(map(str, mine.seeds)) if mine else "")
    assert next(line for line in lines if line["key"] == "lora-8-own")["seeds"] == "0 1 2"


def test_not_run_is_shown_as_not_run(table):
    data = table_data(table)
    for given, row in zip(data["rows"], table.rows, strict=True):
        assert (given["reproduced"] is None) == (given["shown"]["reproduced"] == "not run") == (not row.reproductions)
    assert {y["shown"]["accuracy"] for y in data["yardsticks"]} == {"not run"}
    assert "not run" in as_html(data)


def test_the_chart_has_each_point_inside_and_higher_where_it_is_better(table):
    chart = table_data(table)["chart"]
    points = chart["points"]
    assert len([p for p in points if p["side"] == "report"]) == 10
    assert len([p for p in points if p["side"] == "ours"]) == len(SHIPPED)  # runs that rows share are one point
    for p in points:
        assert chart["left"] <= p["x"] <= chart["right"]
        assert chart["top"] <= p["y_high"] < p["y"] < p["y_low"] <= chart["bottom"]
    accuracy = {str(i): row.quoted.measured.accuracy for i, row in enumerate(table.rows, 1) if row.quoted}
    reported = sorted((p for p in points if p["side"] == "report"), key=lambda p: accuracy[p["number"]])
    heights = [p["y"] for p in reported]
    assert heights == sorted(heights, reverse=True)
    for front in chart["fronts"].values():
        assert front == sorted(front, key=lambda at: (at[0], -at[1]))


def test_labels_do_not_cover_one_another(table):
    points = table_data(table)["chart"]["points"]
    for i, one in enumerate(points):
        for other in points[:i]:
            assert abs(one["x"] - other["x"]) >= 22 or abs(one["y_label"] - other["y_label"]) >= 12.9


def test_what_choosing_on_the_test_set_adds_is_told_where_it_was_noted(shipped):
    lora = shipped["lora-8"]
    steps = [step for step, _ in lora.record.validations]
    assert steps[-1] == lora.record.best_step
    curve = (*((step, 0.75) for step in steps[:-2]), (steps[-2], 0.86), (steps[-1], 0.85))
    full = variant(shipped["full"], "full", test_curve=None)
    data = table_data(build_table([variant(lora, "noted", test_curve=curve), full]))
    (told,) = data["optimism"]
    assert (told["label"], told["claimed"], told["honest"]) == ("noted, seed 0", 0.86, 0.85)
    assert told["shown"]["difference"] == "+1.0"
    assert "run here: noted, seed 0" in " ".join(Page(as_html(data)).texts)
    assert "run here: not measured" in as_html(table_data(build_table([])))


def test_without_any_run_there_is_still_a_page(shipped):
    table = build_table([])
    assert compared_with_first(table) == ([], {})
    html = as_html(table_data(table))
    assert html.count("not run") == len(table.rows) + len(table.yardsticks) + 1  # the base model, untrained
    assert "Is it significant" not in html


def test_report_on_the_command_line(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    code, printed, error = run("report", "--out", tmp_path / "table.json")
    assert code == 0, error
    assert "LoRA r=8, own code" in printed
    assert "not run" not in printed  # the shipped set has every row
    data = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert (
        data["rows"][0]["counts"]["by_numel"]["trainable"]
        == count(base_model("tiny-t5").architecture, FullConfig()).trainable_parameters
    )
    assert {found["second"] for found in data["comparisons"]} == {"full"}
    for name, begins in (("table.html", "<!DOCTYPE html>"), ("table.csv", "\ufeff")):  # of a base without checkpoints
        code, printed, error = run("report", "--out", tmp_path / name, "--base", "mini-t5")
        assert code == 0, error
        assert "LoRA r=8, own code" in printed and "not run" in printed
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)
    code, _, error = run("report", "--out", tmp_path / "table.csv")
    assert (code, "exists already" in error) == (2, True)
