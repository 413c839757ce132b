"""The phones of the class benchmark: what they read is what pages say, and a vote that is lost is told."""

import pytest

from app.classroom.vote import wording
from app.content import label
from benchmarks.class_vote.__main__ import BAR, COUNTED, TAKEN, Lesson, Notes, _bars
from benchmarks.class_vote.report import Round, Sentences, VoteReport, spread, summary
from peft_core.report.costs.measured import Provenance


class Seen:
    """A browser with these words on its screen."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)


def test_what_is_looked_for_is_what_the_pages_say():
    assert COUNTED.fullmatch(label("vote", "votes", n=60))[1] == "60"
    assert COUNTED.fullmatch(label("vote", "one_vote", n=1))[1] == "1"
    assert TAKEN.fullmatch(label("wall", "fooled", n=7, of=7))
    assert not TAKEN.fullmatch(label("wall", "fooled_none"))
    lines = [
        label("vote", "bar_right" if place == 1 else "bar", option=wording.option(place, "r = **8**"), n=10 + place)
        for place in range(3)
    ]
    assert all(BAR.search(line) for line in lines)
    assert _bars(Seen("# How many?", *lines, label("vote", "votes", n=33), "**5**")) == [10, 11, 12]


def test_a_vote_is_seen_when_the_projector_counts_as_many_as_were_confirmed_by_then():
    lesson = Lesson.__new__(Lesson)
    lesson.notes = Notes(1)
    lesson.notes.first[0] = [(10.5, 10.0), (10.2, 10.1), (14.0, 13.0)]  # confirmed, sent
    lesson.notes.counts[0] = [(10.0, 0), (11.0, 2), (12.0, 2)]
    assert lesson.seen() == pytest.approx([0.9, 1.0])  # the third was never counted


ROUND = {"changed": 3, "sent": (2, 1), "on_projector": (2, 1), "in_file": (2, 1)}
WALL = {"sent": 4, "fooled": 2, "in_file": 2, "accepted": 2, "on_projector": 2, "strangers": 0}


@pytest.mark.parametrize(
    ("one", "wall", "errors", "lost"),
    [
        ({}, {}, (), False),
        ({"on_projector": (2, 0)}, {}, (), True),
        ({"in_file": (1, 2)}, {}, (), True),
        ({"sent": (3, 1)}, {}, (), True),
        ({}, {"in_file": 1, "accepted": 1}, (), True),
        ({}, {"in_file": 3}, (), True),
        ({}, {"accepted": 1}, (), True),
        ({}, {"strangers": 1}, (), True),
        ({}, {}, ("phone 1: boom",), True),
    ],
)
def test_whatever_is_lost_is_told(one, wall, errors, lost):
    source = Provenance(command="c", machine="m", threads=2, precision="p", created="now", versions={})
    times = spread([0.1, 0.2, 0.4])
    report = VoteReport(
        provenance=source, cores=2, load_before=0.1, phones=3, seed=0, opened=times, confirmed=times, seen=None,
        answered=times, on_wall=times, rounds=(Round(**ROUND | one),), sentences=Sentences(**WALL | wall),
        errors=errors, raised=(), seconds=60, server_cores=0.2, memory=900,
    )  # fmt: skip
    assert report.nothing_lost is not lost
    assert ("SOMETHING IS LOST" in summary(report)) is lost
    assert VoteReport.model_validate_json(report.model_dump_json()) == report
    assert (times.p50, times.p95, times.largest) == (0.2, 0.4, 0.4) and spread([]) is None
