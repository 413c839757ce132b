"""What questions may quote: measured costs, the records of shipped checkpoints, and pairs of them compared."""

from dataclasses import dataclass
from itertools import product
from typing import Literal

import streamlit as st

from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import RunRecord
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import METHODS
from peft_core.report.costs.latency import LatencyReport, load_latency
from peft_core.report.costs.measured import CostReport, StepZeroReport, TrainingCost, load_cost, load_step_zero
from peft_core.report.reproduction.results import Results, load_results, shipped_results
from peft_core.statistics.means import MeanDifference, difference_of_means
from peft_core.statistics.paired_test import LEVEL, PairedTest, agresti_min_interval, paired_test

SHIPPED_ON = "tiny-t5"  # the base model of the shipped checkpoints

DEFAULTS: dict[str, MethodConfig] = {name: method.config() for name, method in METHODS.items()}


@dataclass(frozen=True)
class Comparison:
    """Two checkpoints on the test reviews. `evidence` is what the verdict rests on."""

    first: CheckpointInfo
    second: CheckpointInfo
    verdict: Literal["first", "second", "unclear"]  # which one is more accurate
    evidence: Literal["seeds", "paired", "apart", "overlap"]  # runs, single predictions, or the 95% intervals alone
    paired: PairedTest | None
    seeds: "Seeds | None" = None


@dataclass(frozen=True)
class Seeds:
    """All runs of two settings: the test accuracy of each, the difference of their means, and every pair of runs."""

    first: tuple[float, ...]
    second: tuple[float, ...]
    means: MeanDifference
    pairs: tuple[PairedTest, ...]


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
    results: Results | None = None  # of every run, those that are not shipped included

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

        Where both settings were run with several seeds, by Welch's t-test of these runs; else, where single predictions
        are stored, by an exact McNemar test; otherwise only intervals that do not overlap tell.

        Raises:
            StillLoading: if there are single predictions, but the reviews are not in memory yet.
        """
        a, b = first.record, second.record
        better: Literal["first", "second"] = "first" if a.test.accuracy > b.test.accuracy else "second"
        if seeds := self.seeds(a.config, b.config):
            sure = seeds.means.p is not None and seeds.means.p < LEVEL
            ahead: Literal["first", "second"] = "first" if seeds.means.value > 0 else "second"
            return Comparison(first, second, ahead if sure else "unclear", "seeds", None, seeds)
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

    def seeds(self, first: RunConfig, second: RunConfig) -> Seeds | None:
        """The runs of two settings on the same reviews; None where one of them was run once."""
        found = [self.results.runs_of(config) if self.results else () for config in (first, second)]
        same_reviews = (first.data.source, first.data.test_size) == (second.data.source, second.data.test_size)
        if min(map(len, found)) < 2 or not same_reviews:
            return None
        accuracies = [tuple(run.record.test.accuracy for run in runs) for runs in found]
        right = [[[answer == "1" for answer in run.test_right] for run in runs] for runs in found]
        pairs = [paired_test(*pair, agresti_min_interval) for pair in product(*right)]
        return Seeds(*accuracies, difference_of_means(*accuracies), tuple(pairs))


def load(checkpoints: list[CheckpointInfo], reviews_loaded: bool) -> Facts:
    """The facts, with the shipped ones among the checkpoints.

    Raises:
        PeftClassroomError: if a file of measurements is missing or damaged.
    """
    shipped = tuple(info for info in checkpoints if info.shipped)
    results = load_results(shipped_results(SHIPPED_ON))
    return Facts(load_cost(), load_step_zero(), load_latency(), shipped, reviews_loaded, results)


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
