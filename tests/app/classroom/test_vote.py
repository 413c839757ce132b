"""The vote: a question goes from Check yourself to the projector and to phones; who may steer it, and who may not."""

import csv
import io

import pytest

from app import services
from app.classroom.vote import screen, wording
from app.method.quiz.ballot import ballot
from app.method.quiz.questions.question import Estimate, Question
from peft_core.serving.live.vote import Ballot, Vote

BALLOT = Ballot("Which\nmethod?", ('[LoRA](glossary#LoRA "two strips")', "=none"), 1, "**Because.**", "Measured.")


@pytest.fixture
def votes():
    services.live.votes.clear()
    yield services.live.votes()
    services.live.votes.clear()


@pytest.fixture
def teacher(monkeypatch):
    """Whether the visitor is the teacher, on a server that has one."""
    monkeypatch.setattr(services.live, "has_teacher", lambda: True)
    is_one = [True]
    monkeypatch.setattr(services.live, "is_teacher", lambda: is_one[0])
    return is_one


def keys_of(app):
    return {button.key for button in app.button}


def test_from_check_yourself_to_the_projector_and_back_to_the_same_vote(open_page, votes, teacher):
    app = open_page("lora", section="check", question="2")
    app.button(key="quiz_ask_class").click().run()
    assert not app.exception
    (vote,) = votes._open.values()
    assert vote.tally().ballot.ask.startswith("A is random, B is all zeros.")
    teacher[0] = False
    assert "quiz_ask_class" not in keys_of(open_page("lora", section="check", question="2"))
    with pytest.raises(Exception, match="The teacher asks the class"):
        services.live.ask_the_class(BALLOT)


def test_a_phone_votes_changes_its_vote_and_is_told_the_answer_when_the_projector_shows_it(open_page, votes, teacher):
    vote = votes.add(Vote("teacher", BALLOT))
    projector = open_page("vote", code=vote.code, view="screen")
    assert projector.markdown[0].value == "# Which method?"
    assert any("**0** votes" == each.value for each in projector.markdown)
    teacher[0] = False
    phone = open_page("vote", code=vote.code.lower())
    assert keys_of(phone) == {"vote_1_0", "vote_1_1"}
    assert phone.button(key="vote_1_0").label == "**A** · LoRA"  # a link would lead away
    for place in (0, 1):
        phone.button(key=f"vote_1_{place}").click().run()
    assert vote.tally().counts == (0, 1)
    assert not any("Because" in each.value or "✓" in each.value for each in phone.markdown)
    with_view = open_page("vote", code=vote.code, view="screen")  # asking for it is not enough
    assert "vote_reveal" not in keys_of(with_view)
    teacher[0] = True
    projector.run()
    assert any("**1** vote" == each.value for each in projector.markdown)
    projector.button(key="vote_show").click().run()
    projector.button(key="vote_reveal").click().run()
    assert vote.tally().phase == "revealed" and any(each.value == "**Because.**" for each in projector.markdown)
    phone.button(key="vote_1_0").click().run()  # from a screen that has not heard of it yet
    assert vote.tally().counts == (0, 1)
    assert any("The answer has been shown" in each.value for each in phone.warning)
    assert any(each.value == "**Right: you said so.**" for each in phone.markdown)
    vote.ask(Ballot("Next?", ("a", "b")))  # the same code, and nothing to scan
    assert phone.run().markdown[0].value == "# Next?"
    projector.button(key="vote_close").click().run()
    assert any("This is over" in each.value for each in phone.run().info)


def test_without_a_teacher_whoever_started_it_steers_it_and_nobody_else(votes, monkeypatch):
    monkeypatch.setattr(services.live, "has_teacher", lambda: False)
    monkeypatch.setattr(services.live, "is_operator", lambda: False)
    vote = Vote("ann", BALLOT)
    for owner, may in (("ann", True), ("bob", False)):
        monkeypatch.setattr(services.live, "owner", lambda owner=owner: owner)
        assert services.live.may_start() and services.live.may_steer(vote) is may
    monkeypatch.setattr(services.live, "is_operator", lambda: True)
    assert services.live.may_steer(vote)
    screen._go_to(vote, "revealed")
    assert vote.tally().phase == "revealed"
    monkeypatch.setattr(services.live, "may_steer", lambda vote: False)  # the key has run out since it was drawn
    other = votes.add(Vote("ann", BALLOT))
    screen._go_to(other, "revealed")
    screen._close(other)
    assert other.tally().phase == "counted" and not other.closed


def test_the_table_has_every_question_and_no_formula():
    vote = Vote("teacher", BALLOT)
    vote.cast("ann", 1, 1)
    vote.ask(Ballot("Next?", ("a", "b")))
    rows = list(csv.reader(io.StringIO(screen.table(vote).decode("utf-8-sig"))))
    assert rows[0] == ["number", "question", "option", "votes", "right"]
    assert rows[1:] == [
        ["1", "Which method?", "LoRA", "0", "no"], ["1", "Which method?", "'=none", "1", "yes"],
        ["2", "Next?", "a", "0", ""], ["2", "Next?", "b", "0", ""],
    ]  # fmt: skip


def test_a_scale_becomes_a_few_buttons_the_truth_and_the_naive_answer_among_them():
    scale = tuple(float(step) for step in range(1, 40))
    options = tuple(f"{step:.0f}×" for step in scale)
    for right in range(39):
        made = ballot(
            Question("lora", "memory", "How many?", options, right, "So.", "Here.", "| t |", Estimate(2, 33, scale))
        )
        assert made.options[made.right] == options[right] and "33×" in made.options
        assert 2 <= len(made.options) <= 8 and len(set(made.options)) == len(made.options)
        assert made.explain == "So.\n\n| t |" and made.source == "Here."
    plain = ballot(Question("lora", "x", "Which?", ("a", "b"), 0, "So.", "Here."))
    assert plain == Ballot("Which?", ("a", "b"), 0, "So.", "Here.")


def test_the_question_is_the_heading_and_what_follows_is_not():
    assert wording.heading(" One\nquestion?\n\n- a\n- b\n") == "# One question?\n\n- a\n- b"
    assert wording.unlinked('a [b c](glossary#b "said (so)") d [1] (e)') == "a b c d [1] (e)"
