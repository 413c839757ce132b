"""A visitor has one vote, the last one before the answer; none is lost, and none is counted for another question."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.errors import PeftClassroomError
from peft_core.serving.live import vote as module
from peft_core.serving.live.codes import Codes
from peft_core.serving.live.vote import Ballot, Vote

BALLOT = Ballot("Which?", ("one", "two", "three"), right=1, explain="Because.")
NEXT = Ballot("And now?", ("yes", "no"))


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(-1, 4), st.integers(0, 3))
        | st.sampled_from(["next", "shown", "counted", "revealed"]),
        max_size=40,
    )
)
def test_the_histogram_is_the_last_vote_of_each_that_counts(steps):
    """Beside a dictionary that does the same in the plainest way."""
    vote, number, phase, ballot = Vote("teacher", BALLOT), 1, "counted", BALLOT
    said: dict[int, int] = {}
    ended: list[list[int]] = []
    for step in steps:
        if step == "next":
            new = NEXT if ballot is BALLOT else BALLOT
            vote.ask(new)
            if said:
                ended.append([sum(option == place for option in said.values()) for place in range(len(ballot.options))])
            number, phase, ballot, said = number + 1, "counted", new, {}
        elif isinstance(step, str):
            vote.go_to(step)
            phase = phase if phase == "revealed" else step
        else:
            visitor, option, seen = step
            counts = seen == number and phase != "revealed" and 0 <= option < len(ballot.options)
            try:
                vote.cast(str(visitor), seen, option)
            except PeftClassroomError:
                assert not counts
            else:
                assert counts
                said[visitor] = option
    tally = vote.tally()
    assert (tally.number, tally.phase, tally.ballot) == (number, phase, ballot)
    assert list(tally.counts) == [
        sum(option == place for option in said.values()) for place in range(len(ballot.options))
    ]
    assert tally.voters == len(said)
    assert [vote.choice(str(visitor)) for visitor in range(6)] == [said.get(visitor) for visitor in range(6)]
    assert [list(each.counts) for each in vote.all()[:-1]] == ended


def test_sixty_who_vote_and_change_at_once_are_all_counted():
    vote, barrier = Vote("teacher", BALLOT), threading.Barrier(60)

    def visitor(number):
        barrier.wait()
        for option in (number % 2, 2, number % 3):
            vote.cast(f"visitor {number}", 1, option)

    threads = [threading.Thread(target=visitor, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vote.tally().counts == (20, 20, 20)


def test_what_does_not_count_says_why(monkeypatch):
    vote = Codes("votes").add(Vote("teacher", BALLOT))
    for number, option, why in (
        (2, 0, "Another question has come"),
        (1, 3, "no such option"),
        (1, -1, "no such option"),
    ):
        with pytest.raises(PeftClassroomError, match=why):
            vote.cast("ann", number, option)
    monkeypatch.setattr(module, "MOST_VOTERS", 1)
    vote.cast("ann", 1, 0)
    vote.cast("ann", 1, 1)  # no new voter
    with pytest.raises(PeftClassroomError, match="most that one vote counts"):
        vote.cast("bob", 1, 0)
    vote.go_to("revealed")
    vote.go_to("counted")  # the answer cannot be taken back
    with pytest.raises(PeftClassroomError, match="The answer has been shown"):
        vote.cast("ann", 1, 0)
    assert vote.tally().counts == (0, 1, 0)
    vote.closed = True
    with pytest.raises(PeftClassroomError, match="over"):
        vote.cast("ann", 1, 0)


def test_the_button_pressed_twice_loses_no_vote():
    vote = Vote("teacher", BALLOT)
    vote.cast("ann", 1, 1)
    vote.ask(Ballot("Which?", ("one", "two", "three"), right=1, explain="Because."))
    assert vote.tally().counts == (0, 1, 0)
    vote.go_to("revealed")
    vote.ask(BALLOT)  # asked again on purpose
    assert vote.tally().number == 2 and vote.all()[0].counts == (0, 1, 0)


@pytest.mark.parametrize(
    ("ballot", "why"),
    [
        ({"ask": " "}, "no words"),
        ({"options": ("one",)}, "2 to 12 options, not 1"),
        ({"options": tuple(map(str, range(13)))}, "not 13"),
        ({"options": ("same", "same")}, "make them differ"),
        ({"options": ("one", "")}, "make them differ"),
        ({"right": 2}, "number 3 cannot be right"),
        ({"right": -1}, "cannot be right"),
        ({"ask": "x" * 3001}, "3,001 characters in its part 'ask'"),
        ({"options": ("one", "x" * 501)}, "501 characters in its part 'option'"),
        ({"explain": "x" * 10_001}, "10,001 characters"),
    ],
)
def test_what_is_no_question_is_refused(ballot, why):
    with pytest.raises(PeftClassroomError, match=why):
        Ballot(**{"ask": "Which?", "options": ("one", "two")} | ballot)
