"""Files of lessons: a good one is read, a broken one is told with its line, and none breaks another."""

import re
import textwrap

import pytest

from app.content import FOLDER, lessons, marked
from app.content.lessons import LessonFault, find, parse
from app.kit.pages import addresses
from peft_core.paths import ROOT

GOOD = textwrap.dedent("""\
    +++
    title = "Two stops"
    for = "The class"
    minutes = 5
    +++

    ## The first
    link: lora?section=count&lora_r=4
    minutes: 2.5
    ask: How many?
    expect: As many
      as there are.
    shows: 43,008
    shows: rank r

    Text for the **class**, with a [[rank]].

    ## The second
    link: https://school.example/peft/playground?tab=what_if&lesson=x&stop=3&present=1
    minutes: 2,5
    ask: And now, with a [[rank]]?
    choice: One.
    right: Two,
      with a [[rank]].
    choice: Three.
    expect: Nothing.
    note: Wait.

    Another text.
    """)


def test_a_good_file_is_read_whole():
    lesson = parse("two-stops", GOOD, addresses())
    assert (lesson.title, lesson.audience, lesson.minutes) == ("Two stops", "The class", 5)
    first, second = lesson.stops
    assert (first.page, first.query) == ("lora", (("section", "count"), ("lora_r", "4")))
    assert (first.ask, first.expect, first.shows) == ("How many?", "As many as there are.", ("43,008", "rank r"))
    assert (first.text, first.note, second.note) == ("Text for the **class**, with a [[rank]].", "", "Wait.")
    assert (second.page, second.query, second.minutes) == ("playground", (("tab", "what_if"),), 2.5)
    assert first.ballot is None and second.ballot.right == 1 and second.ballot.explain == second.expect
    assert second.ballot.options == ("One.", marked("Two, with a [[rank]]."), "Three.")
    assert second.ballot.ask == marked(second.ask) != second.ask
    assert lesson.before(2) == 2.5
    assert lesson.address(2, present=True) == "playground?tab=what_if&lesson=two-stops&stop=2&present=1"
    assert parse("two-stops", GOOD.replace("\n", "\r\n"), addresses()) == lesson


def line_of(source: str, words: str) -> int:
    return 1 + source[: source.index(words)].count("\n")


BROKEN = {  # what is written, what is written instead, the line that is named, a word of the sentence
    "no head": ("+++\ntitle", "title", 1, "begins with a line"),
    "an open head": ("minutes = 5\n+++\n", "minutes = 5\n", 1, "second line"),
    "a head that is no TOML": ('"The class"', "The class", 3, "cannot be read"),
    "an unknown key": ("minutes = 5", "minutes = 5\nlevel = 3", 5, "“level”"),
    "a missing key": ('for = "The class"\n', "", 4, "“for”"),
    "a title that is a number": ('title = "Two stops"', "title = 2", 2, "“title”"),
    "minutes in quotes": ("minutes = 5", 'minutes = "5"', 4, "“minutes”"),
    "more minutes than promised": ("minutes = 5", "minutes = 4", 4, "5 minutes"),
    "words before a stop": ("\n## The first", "\nHello\n\n## The first", 7, "“Hello”"),
    "no heading": ("## The first", "##  ", 7, "no heading"),
    "a missing field": ("ask: And now, with a [[rank]]?\n", "", "## The second", "“ask”"),
    "an unknown field": ("ask: And now", "aks: And now", "aks:", "“aks”"),
    "a field without a value": ("note: Wait.", "note:", "note:", "nothing stands behind"),
    "a field twice": ("note: Wait.", "note: Wait.\nnote: Wait.", "note: Wait.\n\n", "second time"),
    "a field after an empty line": ("expect: Nothing.\n", "\nexpect: Nothing.\n", "expect: Nothing", "in the text"),
    "a choice twice": ("choice: Three.", "choice: One.", "choice: One.\nexpect", "make them differ"),
    "one choice alone": ("expect: As many", "choice: One.\nexpect: As many", "choice: One.\nexpect: As", "not 1"),
    "two right ones": ("choice: Three.", "right: Three.", "right: Three", "second time"),
    "no text": ("Another text.", "", "## The second", "no text"),
    "a long text": ("Another text.", "word " * 61, "word word", "61 words"),
    "a term that nobody knows": ("[[rank]]", "[[renk]]", "Text for", "“renk”"),
    "minutes that are no number": ("minutes: 2.5", "minutes: two", "minutes: two", "“two”"),
    "no minutes at all": ("minutes: 2.5", "minutes: 0", "minutes: 0", "above 0"),
    "a page that is not here": ("link: lora?", "link: lorra?", "link: lorra", "no page “lorra”"),
    "words for a link": ("link: lora?section", "link: the lora page?section", "link: the", "no address"),
    "no stops": (GOOD[GOOD.index("## The first") :], "", 7, "no stop yet"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_told_with_its_line_and_what_to_do(what):
    before, after, where, word = BROKEN[what]
    assert GOOD.count(before) >= 1
    source = GOOD.replace(before, after, 1)
    line = where if isinstance(where, int) else line_of(source, where)
    with pytest.raises(LessonFault) as fault:
        parse("two-stops", source, addresses())
    assert str(fault.value).startswith(f"lessons/two-stops.md, line {line}: ")
    assert word in str(fault.value)
    assert str(fault.value).count(".") >= 2  # what is wrong, what to do


def test_the_file_that_the_documentation_shows_is_a_lesson_and_breaks_as_it_says():
    page = (ROOT / "docs" / "lessons.md").read_text(encoding="utf-8")
    lines = page[page.index("        +++") : page.index("3. Open")].splitlines()
    source = "\n".join(line.removeprefix("        ") for line in lines)
    assert [stop.shows for stop in parse("my-own-lesson", source, addresses()).stops] == [("21,504",)]
    with pytest.raises(LessonFault) as fault:
        parse("my-own-lesson", source.replace("ask:", "aks:"), addresses())
    assert str(fault.value) in " ".join(page.split())


def test_a_broken_file_breaks_no_other_and_one_more_file_is_one_more_lesson(tmp_path):
    (tmp_path / "good.md").write_text(GOOD, encoding="utf-8")
    (tmp_path / "Wrong Name.md").write_text(GOOD, encoding="utf-8")
    (tmp_path / "not-text.md").write_bytes(b"+++\n\n\n\n\xff\xfe")
    (tmp_path / "large.md").write_text(GOOD + "\n" * lessons.LARGEST, encoding="utf-8")
    (tmp_path / "empty.md").touch()
    found, faults = find(addresses(), tmp_path)
    assert list(found) == ["good"]
    assert sorted(re.match(r"lessons/(.*?)\.md, line (\d+): ", fault).groups() for fault in faults) == [
        ("Wrong Name", "1"), ("empty", "1"), ("large", "1"), ("not-text", "5"),
    ]  # fmt: skip
    (tmp_path / "added.md").write_text(GOOD.replace("minutes = 5", "minutes = 6"), encoding="utf-8")
    assert list(find(addresses(), tmp_path)[0]) == ["good", "added"]
    (tmp_path / "good.md").write_text(GOOD.replace("Two stops", "Two more stops"), encoding="utf-8")
    assert find(addresses(), tmp_path)[0]["good"].title == "Two more stops"  # the server goes on running


SHIPPED, FAULTS = find(addresses())
PROMISED = {
    "lora-in-ten-minutes": 10, "how-many-parameters": 20, "is-rank-1-enough": 30, "what-did-it-learn": 30,
    "all-methods-in-45-minutes": 45,
}  # fmt: skip


def test_every_shipped_lesson_is_read_and_keeps_its_promise():
    assert not FAULTS
    assert {path.stem for path in (FOLDER / "en" / "lessons").glob("*.md")} == set(SHIPPED)
    assert {name: SHIPPED[name].minutes for name in PROMISED} == PROMISED
    for lesson in SHIPPED.values():
        assert sum(stop.minutes for stop in lesson.stops) <= lesson.minutes
        assert len({stop.heading for stop in lesson.stops}) == len(lesson.stops)
        for stop in lesson.stops:
            assert len(stop.text.split()) <= 60
            assert stop.shows and stop.note  # what a test looks for, and what a teacher may need
            assert stop.ask.endswith((".", "?"))


@pytest.fixture
def own_folder(monkeypatch, tmp_path):
    """The app reads its lessons from here."""
    folder = tmp_path / "content" / "en" / "lessons"
    folder.mkdir(parents=True)
    monkeypatch.setattr(lessons, "FOLDER", tmp_path / "content")
    return folder


def test_the_page_lists_what_lies_there_and_says_what_is_wrong(open_page, own_folder):
    (own_folder / "a-lesson.md").write_text(GOOD.replace("Two stops", "A *lesson*"), encoding="utf-8")
    (own_folder / "broken.md").write_text(GOOD.replace("ask: How many?\n", ""), encoding="utf-8")
    app = open_page("lessons")
    said = [one.value for one in app.markdown]
    assert r"## A \*lesson\*" in said
    assert [re.sub(r"\\", "", one.value)[:28] for one in app.error] == ["lessons/broken.md, line 7: t"]


def test_a_lesson_is_read_whole_with_running_minutes(open_page, own_folder):
    (own_folder / "a-lesson.md").write_text(GOOD, encoding="utf-8")
    app = open_page("lessons", read="a-lesson")
    assert [one.value for one in app.caption] == ["2.5 min, to minute 2.5 of 5", "2.5 min, to minute 5 of 5"]
    said = " ".join(one.value for one in app.markdown)
    assert (
        "- One.\n- Two, with a [rank]" in said
        and "**Ask:** How many?" in said
        and "**Expect:** Nothing." in said
        and "**Note:** Wait." in said
    )
    app = open_page("lessons", read="nobody")
    assert "nobody" in app.info[0].value and any("## Two stops" in one.value for one in app.markdown)


def test_a_server_with_a_teacher_shows_answers_and_notes_to_the_teacher_alone(open_page, own_folder, monkeypatch):
    from app import services

    (own_folder / "a-lesson.md").write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(services, "has_teacher", lambda: True)
    for teacher in (False, True):
        monkeypatch.setattr(services, "is_teacher", lambda teacher=teacher: teacher)
        app = open_page("lessons", read="a-lesson")
        assert any("Wait." in one.value for one in app.markdown) is teacher
        app = open_page("glossary", lesson="a-lesson", stop="2")
        assert any("Wait." in one.value for one in app.markdown) is teacher
        assert any("Nothing." in one.value for one in app.markdown)  # "What to expect" is for all who unfold it


@pytest.mark.parametrize(("asked", "told", "shown"), [("2", False, "2"), ("9", True, "2"), ("x", True, "1")])
def test_a_stop_that_is_not_there_is_told_and_the_nearest_is_shown(open_page, own_folder, asked, told, shown):
    (own_folder / "a-lesson.md").write_text(GOOD, encoding="utf-8")
    app = open_page("glossary", lesson="a-lesson", stop=asked)
    assert bool(app.info) is told
    assert any(f"{shown}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}2" in one.value for one in app.markdown)


def test_a_lesson_that_is_not_there_is_told_in_plain_words(open_page, own_folder):
    (own_folder / "a-lesson.md").write_text(GOOD, encoding="utf-8")
    app = open_page("glossary", lesson="**x**", stop="1")
    assert r"\*\*x\*\*" in app.info[0].value and "Two stops" in app.info[0].value


def test_a_lesson_that_has_just_been_broken_says_so_where_it_is_open(open_page, own_folder):
    broken = GOOD.replace("note: Wait.", "note:")
    (own_folder / "a-lesson.md").write_text(broken, encoding="utf-8")
    app = open_page("glossary", lesson="a-lesson", stop="1")
    where = f"lessons/a-lesson.md, line {line_of(broken, 'note:')}: "
    assert [one.value.replace("\\", "").startswith(where) for one in app.error] == [True]


def test_a_stop_with_choices_is_put_to_the_class_by_whoever_may(open_page, own_folder, monkeypatch):
    from app import services

    (own_folder / "a-lesson.md").write_text(GOOD, encoding="utf-8")
    asked = []
    monkeypatch.setattr(
        services.live, "ask_the_class", lambda ballot: asked.append(ballot) or services.live.Vote("it", ballot)
    )
    for may in (False, True):
        monkeypatch.setattr(services.live, "may_start", lambda may=may: may)
        app = open_page("glossary", lesson="a-lesson", stop="2")
        assert bool([one for one in app.button if one.key == "rail_ask_2"]) is may
    app.get_by_key("rail_ask_2").click().run()
    assert not app.exception
    (ballot,) = asked
    assert ballot.options[ballot.right].startswith("Two, with a [rank](")
    assert not [one for one in open_page("glossary", lesson="a-lesson", stop="1").button if one.key == "rail_ask_1"]
    assert not app.info


def test_in_a_lesson_the_arrow_keys_are_the_lessons_alone(open_page, own_folder):
    (own_folder / "a-lesson.md").write_text(GOOD, encoding="utf-8")
    for query, has in (({}, True), ({"lesson": "a-lesson", "stop": "1"}, False)):
        button = open_page("compare", part="report", **query).get_by_key("report_next")
        assert bool(button.proto.shortcut) is has
