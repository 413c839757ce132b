"""Rows of the table compared as methods: the unit is the seed. No torch here.

Two trained models can be told apart by the reviews they answered (`analysis.comparison`). Whether one *method* gives
better models than another only several seeds of each can say, and n is then the number of seeds. All of them answered
the same test reviews: what other reviews would change is in no interval here.
"""

from dataclasses import dataclass
from itertools import combinations

from peft_core.config import RunConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label
from peft_core.report.table import SeedRun, Table
from peft_core.statistics.many_tests import holm
from peft_core.statistics.means import Mean, MeanDifference, difference_of_means, mean_of_runs


@dataclass(frozen=True)
class RowSeeds:
    """The test accuracy of every seed that one configuration was trained with, and their mean."""

    label: str
    method: MethodConfig
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> Mean:
        """With its interval over seeds, if there are two."""
        return mean_of_runs(self.accuracies)


@dataclass(frozen=True)
class RowDifference:
    """Two rows with several seeds each; `p_holm` is p of Welch's test, corrected for all such pairs."""

    first: RowSeeds
    second: RowSeeds
    difference: MeanDifference
    p_holm: float


def rows_with_seeds(table: Table) -> tuple[RowSeeds, ...]:
    """Every configuration that was run here. Rows of the table that differ only in their seeds are one."""
    labels: dict[RunConfig, str] = {}
    runs: dict[RunConfig, dict[int, SeedRun]] = {}
    for row in table.rows:
        if mine := row.reproduction:
            train = mine.config.train.model_copy(update={"seed": 0, "test_curve": False})
            config = mine.config.model_copy(update={"train": train})
            labels.setdefault(config, method_label(row.method) if row.quoted else row.label)
            runs.setdefault(config, {}).update({run.seed: run for run in mine.runs})
    return tuple(
        RowSeeds(
            labels[config], config.method, tuple(sorted(mine)), tuple(mine[seed].test.accuracy for seed in sorted(mine))
        )
        for config, mine in runs.items()
    )


def row_differences(rows: tuple[RowSeeds, ...]) -> tuple[RowDifference, ...]:
    """Every two of the rows that have two seeds or more, smallest p first."""
    pairs = combinations([row for row in rows if len(row.seeds) > 1], 2)
    found = [(a, b, difference_of_means(a.accuracies, b.accuracies)) for a, b in pairs]
    adjusted = holm([1.0 if it.p is None else it.p for _, _, it in found])
    differences = [RowDifference(*it, p) for it, p in zip(found, adjusted, strict=True)]
    return tuple(sorted(differences, key=lambda it: it.difference.p or 0.0))
