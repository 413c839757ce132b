"""Film reviews that are judged before anybody asks: what the untrained base answered, and the rule that chooses them.

The checkpoints' answers stand in their own records. No torch here: the first screen is painted from this.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import Digest, Probability, RunRecord
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance
from peft_core.reviews.splits import SPLIT_SIZES
from peft_core.validated import Frozen, read_json

JUDGED = RESULTS / "judged.json"
LONGEST = 500  # characters: a screen holds it above the verdicts
SURE = 0.75  # of the wrong answer, at least: obviously wrong
UNSURE = 0.65  # of the right answer, at most: then the untrained base does not know
MOST_WRONG = 2  # methods: most are right
THEN = "Restore the file, or make it again: `python -m benchmarks.judged`."


class JudgedReview(Frozen):
    """One review of the test split, by its row."""

    row: int = Field(ge=0)
    text: str
    truth: Literal[0, 1]


class Judged(Frozen):
    """The content of `judged.json`: the base's p("positive") of every test review, and those that the rule chose."""

    format: Literal[1] = 1
    provenance: Provenance
    base: str
    base_fingerprint: Digest
    max_length: int = Field(description="tokens that it read")
    data_fingerprint: Digest = Field(description="of the test reviews")
    untrained: tuple[Probability, ...]
    reviews: tuple[JudgedReview, ...]


@cache
def judged(path: Path = JUDGED) -> Judged:
    """The record.

    Raises:
        PeftClassroomError: if it is missing or damaged.
    """
    return read_json(path, Judged, THEN)


def choose(
    texts: Sequence[str], truth: Sequence[int], untrained: Sequence[float], methods: Mapping[str, Sequence[float]]
) -> list[int]:
    """Rows of reviews worth opening with: most methods right, one obviously wrong, the untrained base not right.

    That is: up to `LONGEST` characters; one or two methods wrong, one of them at least `SURE`; the base wrong, or less
    than `UNSURE` sure of what is right. The surest mistake comes first.

    Args:
        untrained: the base's p("positive") of each review.
        methods: the same of one checkpoint of each method.
    """
    positive, said = np.asarray(truth) == 1, np.array([*methods.values()])
    of_truth = np.where(positive, said, 1 - said)
    base = np.where(positive, untrained, 1 - np.asarray(untrained))
    wrong, surest = (of_truth < 0.5).sum(axis=0), 1 - of_truth.min(axis=0)
    short = np.array([len(text) for text in texts]) <= LONGEST
    rows = np.flatnonzero(short & (wrong <= MOST_WRONG) & (surest >= SURE) & (base < UNSURE))
    return sorted(rows.tolist(), key=lambda row: -surest[row])


def first_of_each_method(infos: Iterable[CheckpointInfo]) -> dict[str, CheckpointInfo]:
    """Method → the first checkpoint of it that has answered every bundled test review."""
    found: dict[str, CheckpointInfo] = {}
    for info in infos:
        if answered_all(info.record):
            found.setdefault(info.method, info)
    return found


def answered_all(record: RunRecord) -> bool:
    """Whether a record's stored answers are those to every bundled test review, row by row."""
    data = record.config.data
    whole = (
        data.source == "bundled" and data.own is None and len(record.test_probabilities or ()) == SPLIT_SIZES["test"]
    )
    return whole and record.learned.task == "reviews"
