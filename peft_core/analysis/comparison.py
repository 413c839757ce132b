"""Two checkpoints on the same test reviews: counts, test, interval, where they disagree, and a careful sentence.

No torch here: the predictions are in `run.json`, the labels in the data set, or with own texts in the run's folder.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from peft_core.checkpoints.differences import differences
from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.stored_answers import splits_of, stored_test
from peft_core.config import TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import draw, drawn_fingerprints
from peft_core.reviews.own.stored import texts_beside
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.reviews.tasks import Split, check_one_task
from peft_core.statistics.formats import p_text, points
from peft_core.statistics.many_tests import PairOfMany, all_pairs
from peft_core.statistics.paired_test import LEVEL, PairedTest, paired_test

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Disagreement:
    """A test review that only one of the two has right. Probabilities are p("positive"); `row` counts from 0.

    `label`: the name of its class.
    """

    row: int
    text: str
    label: str
    first_positive: float
    second_positive: float
    first_right: bool


@dataclass(frozen=True)
class Comparison:
    """`different_settings`: setting → its value in the first and in the second, where they are not the same.

    `labels`: the names of the two classes. `own`: of own texts, not of film reviews.
    """

    first: str
    second: str
    test: PairedTest
    seeds: tuple[int, int]
    different_settings: dict[str, tuple[Any, Any]]
    disagreements: tuple[Disagreement, ...]
    labels: tuple[str, str] = LABEL_WORDS
    own: bool = False

    @property
    def sentence(self) -> str:
        """What may be said, and what may not."""
        measured = difference_sentence(self.first, self.second, self.test, "texts" if self.own else "reviews")
        return " ".join(
            filter(None, (measured, _settings_sentence(self.different_settings), _seeds_sentence(self.seeds)))
        )


class Tested(Protocol):
    """A `CheckpointInfo` of the list of checkpoints, or a `SeedRun` of the table."""

    @property
    def name(self) -> str: ...
    @property
    def record(self) -> RunRecord: ...
    @property
    def path(self) -> Path | None: ...


def compare(first: Tested, second: Tested, splits: Mapping[str, Split] | None = None) -> Comparison:
    """Compare two checkpoints by their stored test predictions.

    Args:
        splits: of `peft_core.reviews.splits.load_splits`, if they are at hand. Of own texts those of `StoredTexts`; not
            given, they are read from the folder of one of the two runs.

    Raises:
        PeftClassroomError: if they have learned different tasks or were measured on different test reviews, if one's
            predictions are not stored or do not belong to the reviews that are installed, or if own texts are gone.
    """
    splits, (answers_1, answers_2) = _answers([first, second], splits)
    data = first.record.config.data
    reviews = draw(data, first.record.config.train.seed, splits, names=("test",))["test"]
    texts, labels = reviews["text"][:], reviews["label"][:]
    (positive_1, right_1), (positive_2, right_2) = answers_1, answers_2
    rows = tuple(
        Disagreement(i, texts[i], data.labels[labels[i]], float(positive_1[i]), float(positive_2[i]), bool(right_1[i]))
        for i in map(int, (right_1 != right_2).nonzero()[0])
    )
    return Comparison(
        first=first.name,
        second=second.name,
        test=paired_test(right_1, right_2),
        seeds=(first.record.config.train.seed, second.record.config.train.seed),
        different_settings=differences([first.record, second.record]),
        disagreements=rows,
        labels=data.labels,
        own=data.own is not None,
    )


def compare_with(
    baseline: Tested, others: Iterable[Tested], splits: Mapping[str, Split] | None = None
) -> tuple[list[Comparison], dict[str, str]]:
    """Each of the others with one baseline; and, by name, why some could not be."""
    found, refused = [], {}
    for other in others:
        try:
            splits = splits if splits is not None else _splits([baseline, other])
            found.append(compare(other, baseline, splits))
        except PeftClassroomError as error:
            refused[other.name] = str(error)
    return found, refused


def compare_all(infos: Sequence[Tested], splits: Mapping[str, Split] | None = None) -> tuple[PairOfMany, ...]:
    """Every two of several checkpoints, with p-values corrected for so many pairs. Names must differ.

    Raises:
        PeftClassroomError: as `compare`, and if one of them is named twice.
    """
    if len({info.name for info in infos}) < len(infos):
        raise PeftClassroomError("A checkpoint is among them twice. Name each once.")
    _, answers = _answers(infos, splits)
    return all_pairs({info.name: right for info, (_, right) in zip(infos, answers, strict=True)})


Answers = tuple["np.ndarray", "np.ndarray"]  # p("positive") of every test review, and whether that is right


def _answers(infos: Sequence[Tested], splits: Mapping[str, Split] | None) -> tuple[Mapping[str, Split], list[Answers]]:
    """The splits, and the answers of each to the same test reviews; refused if they were asked others."""
    first, *others = infos
    check_one_task([info.record.learned for info in infos], [info.name for info in infos])
    for other in others:
        if _asked(other) != _asked(first):
            raise _different(first, other)
    splits = splits if splits is not None else _splits(infos)
    found, asked = [], set()
    for info in infos:
        positive, truth = stored_test(info.record, splits)
        found.append((positive, (positive > 0.5) == truth))
        asked.add(drawn_fingerprints(info.record.config.data, info.record.config.train.seed, splits)["test"])
        if len(asked) > 1:
            raise _different(first, info)
    return splits, found


def _splits(infos: Sequence[Tested]) -> Mapping[str, Split]:
    """The texts that all of them were tested on; own ones from the first folder that still has them."""
    for info in infos[:-1]:
        if not info.record.config.data.own or (info.path and texts_beside(info.path, info.record.config.data)):
            return splits_of(info.record, info.path)
    return splits_of(infos[-1].record, infos[-1].path)


def _asked(info: Tested) -> tuple[str, int]:
    return info.record.config.data.source, info.record.test.n


def _different(first: Tested, second: Tested) -> PeftClassroomError:
    told = [f"{i.name} on {i.record.test.n:,} ({i.record.config.data.source})" for i in (first, second)]
    return PeftClassroomError(
        f"{told[0]} and {told[1]} were measured on different test reviews, so their answers cannot be paired. Choose "
        "two that were tested on the same reviews, or train one again with the test size of the other."
    )


# ---------------------------------------------------------------------------------------------------------------------
# Words


def difference_sentence(first: str, second: str, test: PairedTest, what: str = "reviews") -> str:
    """What the test says of these two, without their seeds. `what`: of reviews, or of texts."""
    n = f"the same {test.n:,} test {what}"
    if not test.discordant:
        return f"On {n} {first} and {second} have the same ones right: nothing here tells them apart."
    ahead, behind = (first, second) if test.difference >= 0 else (second, first)
    sign = 1 if test.difference >= 0 else -1
    low, high = sorted((sign * test.low, sign * test.high))
    accuracies = sorted((test.first_accuracy, test.second_accuracy), reverse=True)
    more = max(test.only_first, test.only_second)
    interval = f"95% interval {points(low)} to {points(high)}"
    if test.difference:
        measured = f"On {n} {ahead} is {points(abs(test.difference), sign=False)} points ahead of {behind} "
        measured += f"({accuracies[0]:.1%} and {accuracies[1]:.1%}; {interval})."
        split = f"Of the {test.discordant:,} {what} that only one of them has right, {more:,} are {ahead}'s"
    else:
        measured = f"On {n} {first} and {second} have as many right ({accuracies[0]:.1%}; {interval})."
        split = f"Of the {test.discordant:,} {what} that only one of them has right, each has half"
    split += f": {p_text(test.p)} by the exact McNemar test."
    if test.told_apart:
        verdict = f"That is more than the choice of these {what} explains."
    else:
        verdict = f"The choice of these {what} can explain that. So they show neither that one is better nor that both "
        verdict += "are equal."
    return f"{measured} {split} {verdict}"


def all_pairs_sentence(pairs: Sequence[PairOfMany]) -> str:
    """What may be said of so many pairs at once."""
    alone = sum(pair.test.told_apart for pair in pairs)
    corrected = sum(pair.told_apart for pair in pairs)
    return (
        f"{len(pairs):,} pairs. If all were equally good, about {LEVEL * len(pairs):.2g} would still have p < "
        f"{LEVEL:g}: here {alone:,} have. With Holm's correction for so many pairs {corrected:,} are left. Each was "
        "trained once: how much another seed would change is not included."
    )


def _settings_sentence(different: Mapping[str, tuple[Any, Any]]) -> str:
    """What differs beside the methods and their options. The learning rate is one; a test curve changes nothing."""
    shared = {"base", *DataConfig.model_fields, *TrainConfig.model_fields} - {"seed", "learning_rate", "test_curve"}
    told = [f"{name} ({a} and {b})" for name, (a, b) in different.items() if name in shared]
    return f"They differ in more than the method: {', '.join(told)}." if told else ""


def _seeds_sentence(seeds: tuple[int, int]) -> str:
    told = f"seed {seeds[0]} each" if seeds[0] == seeds[1] else f"seeds {seeds[0]} and {seeds[1]}"
    return f"Each was trained once ({told}): how much another seed would change is not included."
