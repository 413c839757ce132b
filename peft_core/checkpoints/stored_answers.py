"""The answers on the test reviews that a record holds, beside the true labels. No torch here."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from peft_core.checkpoints.record import RunRecord
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import method_of
from peft_core.reviews.draws import draw, drawn_fingerprints, run_fingerprint
from peft_core.reviews.own.stored import check_texts, texts_beside
from peft_core.reviews.splits import load_splits
from peft_core.reviews.tasks import Split
from peft_core.statistics.intervals import Accuracy, wilson


def splits_of(record: RunRecord, folder: Path | None) -> Mapping[str, Split]:
    """The texts that a run drew from: the reviews, or the own ones, which lie in the run's folder and nowhere else.

    Args:
        folder: of its checkpoint, if that is here.

    Raises:
        PeftClassroomError: if own texts are not there, or are others than it has learned.
    """
    data = record.config.data
    if data.own is None:
        return load_splits(data.source)
    texts = folder and texts_beside(folder, data)
    check_texts(data, texts)
    return texts.splits()


def decimals(probabilities: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    """For `run.json`: each as the shortest decimal number that is read back as the same fp32 number."""
    return tuple(float(str(p)) for p in np.asarray(probabilities, dtype=np.float32))


def stored_test(record: RunRecord, splits: Mapping[str, Split]) -> tuple[np.ndarray, np.ndarray]:
    """The stored probabilities of "positive" and the true labels (0 or 1) of the test rows, both of shape (n,).

    Args:
        splits: of `splits_of(record, …)`.

    Raises:
        PeftClassroomError: if the record has no probabilities, was made with other reviews, or if the probabilities
            do not give the accuracy it states.
    """
    if record.test_probabilities is None:
        raise PeftClassroomError(
            "This checkpoint's record has no test predictions. `python -m peft_core evaluate CHECKPOINT --store` "
            "measures the test split again and adds them."
        )
    data, seed = record.config.data, record.config.train.seed
    if run_fingerprint([*drawn_fingerprints(data, seed, splits).values()]) != record.data_fingerprint:
        raise PeftClassroomError(
            "This checkpoint was trained and tested on other reviews than those installed here, so its predictions "
            "cannot be compared with their labels. Install the pinned requirements, or train again."
        )
    (test,) = draw(data, seed, splits, names=("test",)).values()
    positive, truth = np.array(record.test_probabilities), np.array(test["label"][:])
    if ((positive > 0.5) == truth).mean() != record.test.accuracy:
        raise PeftClassroomError(
            "The stored test predictions do not give the accuracy in the same record. Restore run.json, or measure "
            "again with `python -m peft_core evaluate CHECKPOINT --store`."
        )
    return positive, truth


def untrained_test(records: Iterable[RunRecord]) -> Accuracy | None:
    """The base model's own test accuracy, as runs have noted it: on their curve, if their method starts as the base, or
    on the same reviews as their own.

    Args:
        records: of runs on one base model.

    Returns:
        What was measured on the most reviews, read the farthest; of several the first, for other machines round
        differently. None: no run here has noted it.
    """
    records = tuple(records)
    noted = [
        (record.test.n, record.config.data.max_length, curve[0][1])
        for record in records
        if (curve := record.test_curve) and curve[0][0] == 0
        if method_of(record.config.method).starts_as_base(record.config.method)
    ]
    noted += [
        (record.test.n, record.config.data.max_length, record.untrained_test.accuracy)
        for record in records
        if record.untrained_test and not record.config.start_from
    ]
    if not noted:
        return None
    n, _, accuracy = max(noted, key=lambda it: it[:2])
    return wilson(accuracy * n, n)
