"""What a handout has, what it keeps back, what the teacher's file adds, and that nothing in either of them runs."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from app.kit.pages import method_pages
from app.method.handout import prose
from app.method.handout.svg import WIDTH, scale, svg
from app.method.quiz.questions import Question
from app.method.sheet import chart
from peft_core.counting.by_hand import count
from peft_core.counting.by_numel import count_by_numel

every_page = pytest.mark.parametrize("name", method_pages())
BASES = ("tiny-t5", "t5-11b")


class Read(HTMLParser):
    """Every tag with its attributes, the marked options, and the words."""

    def __init__(self, content: bytes):
        super().__init__()
        self.tags, self.right, self.words, self._inside = [], [], "", False
        self.feed(content.decode())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "li":
            self._inside = "right" in (dict(attributes).get("class") or "")
            self.right += [""] * self._inside

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != "li"

    def handle_data(self, data):
        self.words += data
        if self._inside:
            self.right[-1] += data


def number(value: int) -> re.Pattern:
    return re.compile(rf"(?<![\d,.]){value:,}(?![\d,])")


@every_page
@pytest.mark.parametrize("base", BASES)
def test_what_is_to_be_worked_out_stands_in_the_answers_alone(handouts, name, base):
    handout = handouts(name, base)
    blank, answers = (Read(content).words for content in (handout.blank(), handout.answers()))
    counted = count(handout.base.architecture, handout.config)
    options = " ".join(option for question in handout.questions for option in question.options)
    assert all(line.product in blank for line in counted.lines)
    for line in counted.lines:
        blank = blank.replace(line.product, "")  # the shapes themselves are given
    for value in {counted.trainable_parameters, *(line.value for line in counted.lines)}:
        assert number(value).search(answers)
        assert value < 1_000 or number(value).search(options) or not number(value).search(blank)
    audit = count_by_numel(handout.base, handout.config)
    assert audit.numel_trainable == counted.trainable_parameters
    assert answers.count("✓") == len(counted.lines)
    assert "✗" not in answers


@every_page
def test_it_has_all_its_parts(handouts, name):
    handout = handouts(name)
    assert handout.pictures
    assert handout.formula
    assert 3 <= len(handout.questions) <= 5
    tags = [tag for tag, _ in Read(handout.blank()).tags]
    assert tags.count("math") == len(handout.formula)
    assert tags.count("svg") == len(handout.pictures) + 1  # and the code for a phone
    assert {handout.address, "Name", "Date"} <= set(re.split(r"\s{2,}|\n", Read(handout.blank()).words))
    assert not Read(handout.blank()).right
    wanted = [q.answer for q in handout.questions if not q.estimate]
    assert Read(handout.answers()).right == [Read(prose.inline(answer).encode()).words for answer in wanted]


@every_page
def test_nothing_in_it_runs_or_is_loaded_from_elsewhere(handouts, name):
    for content in (handouts(name).blank(), handouts(name).answers()):
        tags = Read(content).tags
        assert not {"script", "img", "link", "iframe", "object", "a", "form"} & {tag for tag, _ in tags}
        for tag, attributes in tags:
            assert not [key for key in attributes if key.startswith("on") or key in ("src", "href", "xlink:href")], tag
        assert b"url(" not in content
        assert b"@import" not in content


def test_words_of_a_stranger_are_words(handouts):
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>{{ 7*7 }}[x](javascript:1)![y](http://z)"
    first = handouts("lora").questions[1]
    question = Question(first.page, first.name, bad, (bad, "other"), 0, bad, bad, table=bad)
    handout = replace(handouts("lora"), title=bad, address=f"http://x/{bad}", questions=(question,))
    usual = {
        tag for made in (handouts("lora"),) for half in (made.blank(), made.answers()) for tag, _ in Read(half).tags
    }
    for content in (handout.blank(), handout.answers()):
        read = Read(content)
        assert {tag for tag, _ in read.tags} <= usual
        assert "<script>alert(1)</script>" in read.words
        assert b"{{ 7*7 }}" in content
        assert not [a for _, a in read.tags if any(key.startswith("on") or key in ("src", "href") for key in a)]


@every_page
@pytest.mark.parametrize("base", BASES)
def test_every_picture_has_the_scale_of_the_one_on_the_screen(handouts, name, base):
    """The browser's own expressions, worked out here: weights a pixel, and how high the picture is."""
    for picture in handouts(name, base).pictures:
        spec = chart(picture.sheet, picture.colour)
        known = {"width": WIDTH, "max": lambda *sizes: max(sizes)}  # Vega's takes one, too
        for parameter in spec["params"]:
            if "expr" in parameter:
                known[parameter["name"]] = eval(parameter["expr"], {"__builtins__": {}}, known)
        across, down, height = scale(picture.sheet, WIDTH)
        assert (across, down) == pytest.approx((known["across"], known["down"]))
        assert height == pytest.approx(known.get("height", spec["height"]))
        drawn = [attributes for tag, attributes in Read(svg(picture).encode()).tags if tag == "rect"]
        sizes = sorted((float(each["width"]), float(each["height"])) for each in drawn)
        wanted = sorted((b.width / known["across"], b.height / known["down"]) for b in picture.sheet.blocks)
        assert [size for pair in sizes for size in pair] == pytest.approx(
            [s for pair in wanted for s in pair], abs=0.01
        )
        for each in drawn:
            assert -1 <= float(each["x"]) and float(each["x"]) + float(each["width"]) <= WIDTH + 1
            assert -1 <= float(each["y"]) and float(each["y"]) + float(each["height"]) <= height + 1


@every_page
def test_its_colours_are_those_of_paper(handouts, name, monkeypatch):
    from app.kit import theme

    light = handouts(name).pictures
    dark = type("Dark", (), {"type": "dark"})()
    monkeypatch.setattr(theme.st, "context", type("Context", (), {"theme": dark})())
    assert theme.is_dark()
    assert handouts.anew(name, "tiny-t5", {}).pictures == light


def test_a_file_is_made_without_a_session(handouts, monkeypatch):
    """What a download button calls runs in a thread of the server: nobody's colours, address or state are there."""
    import streamlit as st

    made = handouts("adapterhub")
    monkeypatch.setattr(st, "context", None)
    monkeypatch.setattr(st, "session_state", None)
    monkeypatch.setattr(st, "query_params", None)
    assert made.blank().startswith(b"<!DOCTYPE html>")
    assert made.answers().startswith(b"<!DOCTYPE html>")


SETTINGS = [
    ("lora", {"use_dora": True, "target_modules": ["q", "wo"]}),
    ("lora", {"use_rslora": True}),
    ("adapter", {"adapter_scaling": 4}),
    ("adapterhub", {"placement": "houlsby"}),
    ("adapterhub", {"placement": "parallel", "non_linearity": "tanh"}),
]


@pytest.mark.parametrize(("name", "settings"), [*((name, {}) for name in method_pages()), *SETTINGS], ids=str)
def test_every_formula_of_a_page_becomes_one_of_the_browsers_own(handouts, name, settings):
    for line in handouts(name, **settings).formula:
        written = prose.formula(line)
        assert "\\" not in written, line
        letters = set(re.findall(r"\\(?:text|mathrm)\{([^}]*)\}", line))
        read = Read(written.encode()).words.replace("\N{NO-BREAK SPACE}", " ")
        assert all(word.strip() in read for word in letters)
        for shape in re.findall(r"(\d+) \\times (\d+)", line):
            assert "×".join(shape) in read


def test_a_question_about_numbers_that_are_worked_out_has_a_blank_in_their_place(handouts):
    words = Read(handouts("full").blank()).words
    assert "tiny-t5 has …… weights" in words


def test_the_bottom_line_is_a_share_of_all(handouts):
    handout = handouts("lora", r=8)
    counted = count(handout.base.architecture, handout.config)
    assert f"{counted.trainable_fraction:.3%}" in Read(handout.answers()).words
    frozen = counted.total_parameters - counted.trainable_parameters
    assert f"{frozen:,}" in Read(handout.blank()).words
