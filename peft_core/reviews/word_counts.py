"""Word counts and logistic regression: what can be learned from texts without a language model. No torch here.

TF-IDF of words and pairs of words, 1 + log(count) in place of counts (Salton & Buckley 1988), then logistic
regression; its C is chosen on validation, and the test split is read once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from peft_core.errors import PeftClassroomError
from peft_core.reviews.tasks import Split
from peft_core.statistics.intervals import Accuracy, wilson

C_VALUES = (0.3, 1.0, 3.0, 10.0, 30.0)  # inverse strength of the penalty
MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class WordCounts:
    """What was found. `tried` has every C with its validation accuracy; `right` a bool for each test text."""

    features: int
    c: float
    tried: tuple[tuple[float, Accuracy], ...]
    validation: Accuracy
    test: Accuracy
    right: np.ndarray


def count_words(
    splits: Mapping[str, Split],
    at_least: int = 2,
    report: Callable[[float, Accuracy], None] = lambda c, validation: None,
) -> WordCounts:
    """Fit with every C, keep the best on validation (the smallest of equals), test it once.

    Raises:
        PeftClassroomError: if no word occurs in so many texts.

    Args:
        at_least: in how many training texts a word has to occur; 1 where there are few texts.
        report: called with each C and its validation accuracy.
    """
    labels = {name: np.array(split["label"][:]) for name, split in splits.items()}
    vectorizer, train = _count(splits["train"]["text"][:], at_least)
    validation = vectorizer.transform(splits["validation"]["text"][:])
    tried = []
    for c, model in _fits(train, labels["train"]):
        measured = _accuracy(model.predict(validation) == labels["validation"])
        tried.append((c, measured, model))
        report(c, measured)
    c, best, model = max(tried, key=lambda item: item[1].accuracy)
    right = model.predict(vectorizer.transform(splits["test"]["text"][:])) == labels["test"]
    every = tuple((c, measured) for c, measured, _ in tried)
    return WordCounts(train.shape[1], c, every, best, _accuracy(right), right)


def _count(texts: Sequence[str], at_least: int):
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=at_least)
    try:
        return vectorizer, vectorizer.fit_transform(texts)
    except ValueError as error:  # no word is left
        raise PeftClassroomError(f"No word occurs in {at_least} of these texts, so none can be counted.") from error


def _fits(features, labels: np.ndarray) -> Iterator:
    """(C, fitted model), one C after another."""
    from sklearn.linear_model import LogisticRegression

    for c in C_VALUES:
        yield c, LogisticRegression(C=c, max_iter=MAX_ITERATIONS).fit(features, labels)


def _accuracy(right: np.ndarray) -> Accuracy:
    return wilson(int(right.sum()), len(right))
