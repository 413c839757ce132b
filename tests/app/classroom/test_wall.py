"""The wall: what students send is seen by nobody before the teacher accepts it, and is text wherever it stands."""

import csv
import io

import pytest

from app import services
from app.classroom.wall import asked, desk
from peft_core.serving.live.wall import Answer, Wall
from tests.hostile import markup
from tests.hostile.addresses import MARKUPS

ANSWERS = [Answer("lora-8", "lora", 0.1), Answer("**full**", "full", 0.9), Answer("tiny-t5, untrained", "", 0.2)]


@pytest.fixture
def wall(monkeypatch):
    """An open wall, on a server whose teacher is here or not: `wall.teacher`."""
    services.live.walls.clear()
    one = services.live.walls().add(Wall("teacher", ["lora-8", "full", "tiny-t5"]))
    one.teacher = True
    monkeypatch.setattr(services.live, "has_teacher", lambda: True)
    monkeypatch.setattr(services.live, "is_teacher", lambda: one.teacher)
    yield one
    services.live.walls.clear()


def texts_of(app):
    return [each.value for each in app.text]


def test_from_a_phone_to_the_desk_and_then_to_the_projector(open_page, wall, monkeypatch):
    monkeypatch.setattr(asked, "ask", lambda text, names: (ANSWERS, True))
    projector = open_page("wall", code=wall.code, view="screen")
    at_desk = open_page("wall", code=wall.code, view="desk")
    wall.teacher = False
    phone = open_page("wall", code=wall.code)
    phone.text_area(key="wall_text_0").set_value("Not <b>bad</b>").run()
    phone.button(key="wall_send").click().run()
    assert any("Say first" in each.value for each in phone.warning) and not wall.sentences()
    phone.button_group(key="wall_truth_0").set_value(["positive"]).run()
    phone.button(key="wall_send").click().run()
    assert texts_of(phone) == ["Not bad"]  # what models read
    assert any("**1 of 2** methods are fooled." == each.value for each in phone.markdown)
    assert phone.text_area(key="wall_text_1").value in ("", None)
    assert any("waits for the teacher" in each.value for each in phone.caption)
    for view in ("screen", "desk"):  # asking for it is not enough
        stranger = open_page("wall", code=wall.code, view=view)
        assert not texts_of(stranger) and "wall_accept_all" not in {each.key for each in stranger.button}
    wall.teacher = True
    assert texts_of(projector.run()) == []
    at_desk.run()
    assert texts_of(at_desk) == ["Not bad"]
    at_desk.button(key="wall_accept_1").click().run()
    assert texts_of(projector.run()) == ["Not bad"]
    assert any("1 of 2 fooled" in each.value for each in projector.caption)
    wall.teacher = False
    assert any("on the wall." in each.value for each in phone.run().caption)
    desk._judge(wall, [1], "refused")  # a button that was drawn while the key was good
    desk._close(wall)
    assert len(wall.ranked()) == 1 and not wall.closed


@pytest.mark.parametrize("view", ["screen", "desk"])
def test_whatever_a_sentence_says_it_is_text(open_page, wall, view):
    from streamlit.testing.v1 import local_script_runner

    words = [form.format(markup.CANARY) for form in MARKUPS]
    for word in words:
        answers = [Answer(word, "lora", 0.9), Answer("full", "full", 0.1)]
        wall.add("ann", word, False, answers)
    if view == "screen":
        wall.judge(range(1, 40), "accepted")
    sent, parse = [], local_script_runner.parse_tree_from_messages
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            local_script_runner, "parse_tree_from_messages", lambda messages: sent.extend(messages) or parse(messages)
        )
        app = open_page("wall", code=wall.code, view=view)
    assert len(texts_of(app)) >= 30 and texts_of(app)[0] in words
    assert not markup.wrong(sent, words)


def test_the_table_has_what_each_said_and_no_formula(wall):
    wall.add("ann", "=SUM(1;2) film", True, ANSWERS)
    wall.add("bob", "plain", True, ANSWERS[:1])
    wall.judge([2], "accepted")
    rows = list(csv.reader(io.StringIO(desk.table(wall).decode("utf-8-sig"))))
    assert rows[0] == [
        "number",
        "sentence",
        "meant",
        "methods fooled",
        "state",
        "lora-8",
        "**full**",
        "tiny-t5, untrained",
    ]
    assert rows[1] == ["1", "'=SUM(1;2) film", "positive", "1", "waiting", "0.1", "0.9", "0.2"]
    assert rows[2] == ["2", "plain", "positive", "1", "on the wall", "0.1", "", ""]


def test_a_teacher_opens_a_wall_that_asks_one_of_each_method_and_the_untrained_base(open_page, wall):
    app = open_page("wall")
    assert any(each.value.startswith("# Fool the checkpoint") for each in app.markdown)
    app.button(key="wall_open").click().run()
    assert not app.exception and not app.error
    new = list(services.live.walls()._open.values())[-1]
    known = asked.offered()
    trained = [name for name in new.models if not isinstance(known[name], str)]
    methods = [known[name].method for name in trained]
    assert len(set(methods)) == len(methods) >= 4 and set(new.models) - set(trained) == {"tiny-t5"}
    wall.teacher = False
    assert "wall_open" not in {each.key for each in open_page("wall").button}
