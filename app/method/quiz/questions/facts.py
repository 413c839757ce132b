"""What questions may quote: measured costs, the records of shipped checkpoints, and pairs of them compared."""

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import RunRecord
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import METHODS
from peft_core.report.costs.latency import LatencyReport, load_latency
from peft_core.report.costs.measured import CostReport, StepZeroReport, TrainingCost, load_cost, load_step_zero
from peft_core.statistics.paired_test import PairedTest, paired_test

DEFAULTS: dict[str, MethodConfig] = {name: method.config() for name, method in METHODS.items()}


@dataclass(frozen=True)
class Comparison:
    """Two checkpoints on the test reviews. `evidence` is what the verdict rests on."""

    first: CheckpointInfo
    second: CheckpointInfo
    verdict: Literal["first", "second", "unclear"]  # which one is more accurate
    evidence: Literal["paired", "apart", "overlap"]  # single predictions, or the 95% intervals alone
    paired: PairedTest | None


class StillLoading(Exception):
    """The reviews, with whose labels single predictions are compared, are not in memory yet."""


@dataclass(frozen=True)
class Facts:
    """Everything measured that this project ships."""

    cost: CostReport
    step_zero: StepZeroReport
    latency: LatencyReport
    checkpoints: tuple[CheckpointInfo, ...]
    reviews_loaded: bool = True

    def shape(self, base: str) -> str:
        """The base model itself where its cost was measured, otherwise the largest one that was."""
        sizes = {row.shape: row.total_parameters for row in self.cost.training}
        return base if base in sizes else max(sizes, key=sizes.__getitem__)

    def trained(self, shape: str, method: str) -> TrainingCost | None:
        """What training this method in its default setting cost; None if it was not measured on this shape."""
        return self.cost.train(shape, DEFAULTS[method])

    def checkpoint(self, method: str) -> CheckpointInfo | None:
        """The shipped checkpoint of a method in its default setting, or its first; None if there is none."""
        of_method = [info for info in self.checkpoints if info.method == method]
        usual = [info for info in of_method if info.record.config.method == DEFAULTS[method]]
        return next(iter(usual or of_method), None)

    def compare(self, first: CheckpointInfo, second: CheckpointInfo) -> Comparison:
        """Which of the two is more accurate on the test reviews, if that can be told.

        Where single predictions are stored, by an exact McNemar test; otherwise only intervals that do not overlap
        tell.

        Raises:
            StillLoading: if there are single predictions, but the reviews are not in memory yet.
        """
        a, b = first.record, second.record
        better: Literal["first", "second"] = "first" if a.test.accuracy > b.test.accuracy else "second"
        paired = None
        if _same_reviews_predicted(a, b):
            if not self.reviews_loaded:
                raise StillLoading
            paired = _paired_if_possible(first, second)
        if paired is not None:
            return Comparison(first, second, better if paired.told_apart else "unclear", "paired", paired)
        if a.test.low > b.test.high or b.test.low > a.test.high:
            return Comparison(first, second, better, "apart", None)
        return Comparison(first, second, "unclear", "overlap", None)


def load(checkpoints: list[CheckpointInfo], reviews_loaded: bool) -> Facts:
    """The facts, with the shipped ones among the checkpoints.

    Raises:
        PeftClassroomError: if a file of measurements is missing or damaged.
    """
    shipped = tuple(info for info in checkpoints if info.shipped)
    return Facts(load_cost(), load_step_zero(), load_latency(), shipped, reviews_loaded)


def _same_reviews_predicted(a: RunRecord, b: RunRecord) -> bool:
    """Whether both records hold single predictions, for the same test reviews."""
    same = (a.config.data.source, a.config.data.test_size) == (b.config.data.source, b.config.data.test_size)
    return same and a.test_probabilities is not None and b.test_probabilities is not None


def _paired_if_possible(first: CheckpointInfo, second: CheckpointInfo) -> PairedTest | None:
    """The paired test; None if the reviews that are installed here are others, or cannot be read."""
    a, b = first.record, second.record
    try:
        return _paired(f"{first.path} {a.created}", f"{second.path} {b.created}", a, b)
    except (PeftClassroomError, OSError):  # the intervals still hold
        return None


@st.cache_data(max_entries=64, show_spinner=False)
def _paired(first_id: str, second_id: str, _first: RunRecord, _second: RunRecord) -> PairedTest:
    from peft_core.checkpoints.stored_answers import stored_test
    from peft_core.reviews.splits import load_splits

    right = []
    for record in (_first, _second):
        positive, truth = stored_test(record, load_splits(record.config.data.source))
        right.append((positive > 0.5) == truth)
    return paired_test(*right)
