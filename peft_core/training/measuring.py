"""How good is a model, and how sure can one be of that number? A split's reviews, measured again and again."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.asking.passes import NOT_FINITE
from peft_core.errors import PeftClassroomError
from peft_core.reviews.batches import FILLER, Batch, encode, fixed_widths, make_batches
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import select
from peft_core.reviews.own.stored import StoredTexts
from peft_core.reviews.splits import data_fingerprint, load_splits
from peft_core.reviews.tasks import task_of
from peft_core.statistics.intervals import Accuracy, wilson
from peft_core.t5.backbone import Backbone, label_logits
from peft_core.training.device import describe, inputs, kind
from peft_core.training.loop.gradients import in_threads, sliced
from peft_core.training.loop.room import evaluation_batch

T = TypeVar("T")
Measuring = Generator[tuple[int, int], None, T]  # yields (batches done, of how many); may be closed on its way


def at_once(measuring: Measuring[T]) -> T:
    """What it comes to, for whoever does not look on."""
    while True:
        try:
            next(measuring)
        except StopIteration as end:
            return end.value


@dataclass(frozen=True)
class Rows:
    """Token ids, at most `max_length` of each, and labels of some reviews.

    `read` gives the ids; it is called when they are wanted first. A run knows how many test reviews there are, and
    which, from its beginning, and reads them at its end.
    """

    read: Callable[[], list[list[int]]]
    labels: np.ndarray
    fingerprint: str
    max_length: int

    @cached_property
    def encoded(self) -> list[list[int]]:
        """Token ids of each review."""
        return self.read()


def load_rows(
    backbone: Backbone, data: DataConfig, split: str, size: int | None, seed: int, texts: StoredTexts | None = None
) -> Rows:
    """`size` texts of a split, half of each label (None: all), as the backbone reads them.

    Args:
        texts: of the task own.

    Raises:
        PeftClassroomError: if own texts are not given, or are others than `data` names.
    """
    task = task_of(data, None if data.own else load_splits(data.source), texts)
    reviews = select(task.splits[split], size, seed)
    texts, labels = reviews["text"][:], reviews["label"][:]
    read = partial(encode, backbone.tokenizer, texts, backbone.base.prefix, data.max_length)
    return Rows(read, np.array(labels), data_fingerprint(texts, labels), data.max_length)


@dataclass(frozen=True)
class MeasuredSplit:
    """Reviews that models are measured on, in the precision that a model's weights are kept in."""

    rows: Rows
    backbone: Backbone
    device: torch.device

    def __len__(self) -> int:
        return len(self.rows.labels)

    @property
    def label_ids(self) -> tuple[int, int]:
        """Token ids of the two words that an answer is one of."""
        return self.backbone.label_ids

    def asking(self, model: nn.Module) -> Measuring[np.ndarray]:
        """p("positive") of every review, shape (rows,), batch by batch."""
        pad_id, widths = self.backbone.tokenizer.pad_token_id, fixed_widths(self.rows.max_length)
        at_a_time = evaluation_batch(model, self.device, self.rows.max_length)
        batches = make_batches(self.rows.encoded, at_a_time, widths, pad_id)
        return asking(model, batches, self.label_ids, self.device)

    def measuring(self, model: nn.Module) -> Measuring[Accuracy]:
        """The share of reviews that the model has right, batch by batch."""
        return accuracy((yield from self.asking(model)), self.rows.labels)

    def probabilities(self, model: nn.Module) -> np.ndarray:
        """p("positive") of every review, shape (rows,)."""
        return at_once(self.asking(model))

    def accuracy(self, model: nn.Module) -> Accuracy:
        """The share of reviews that the model has right."""
        return at_once(self.measuring(model))


def asking(
    model: nn.Module, batches: Sequence[Batch], label_ids: tuple[int, int], device: torch.device
) -> Measuring[np.ndarray]:
    """p("positive") of every row, in the order of row numbers, shape (rows,).

    Of the two label words alone: softmax over their logits after one decoder step. Closed on its way, it leaves the
    model as it was.

    Raises:
        PeftClassroomError: if an answer is no finite number, which is neither right nor wrong; or if the device has no
            memory for a single review.
    """

    @torch.inference_mode()
    def classify(batch: Batch) -> torch.Tensor:
        return label_logits(model, *inputs(batch, device), label_ids).softmax(-1)[:, 1]

    result = np.zeros(sum(int((b.rows != FILLER).sum()) for b in batches))
    was_training = model.training
    model.eval()
    try:
        yield 0, len(batches)
        with closing(_each(classify, batches, device)) as answers:
            for done, (batch, positive) in enumerate(zip(batches, answers, strict=True), start=1):
                real = batch.rows != FILLER
                result[batch.rows[real]] = positive.cpu().numpy()[real]
                yield done, len(batches)
    finally:
        model.train(was_training)
    if not np.isfinite(result).all():
        raise PeftClassroomError(NOT_FINITE[0].upper() + NOT_FINITE[1:])
    return result


def _each(
    classify: Callable[[Batch], torch.Tensor], batches: Sequence[Batch], device: torch.device
) -> Iterator[torch.Tensor]:
    """The answers of every batch, in order: on a CPU in threads; else a batch is asked before the last one is read."""
    if kind(device).threads_share:
        threads = min(torch.get_num_threads(), len(batches))
        yield from in_threads(classify, batches, threads) if threads > 1 else map(classify, batches)
        return
    asked: list[torch.Tensor] = []
    for batch in batches:
        asked.append(_fitting(classify, batch, device))
        if len(asked) > 1:
            yield asked.pop(0)
    yield from asked


def _fitting(classify: Callable[[Batch], torch.Tensor], batch: Batch, device: torch.device) -> torch.Tensor:
    """The answers of a batch, in halves where there is no memory for it at once."""
    try:
        return classify(batch)
    except RuntimeError as error:
        if not kind(device).lacks_memory(error):
            raise
    if len(batch.rows) == 1:
        raise PeftClassroomError(
            f"{describe(device)} has not enough free memory to measure a single review. Choose shorter reviews or a "
            "smaller base, or wait until other programs on it have ended."
        )
    kind(device).release(device)
    return torch.cat([_fitting(classify, half, device) for half in sliced(batch, 2)])


def probabilities(
    model: nn.Module, batches: Sequence[Batch], label_ids: tuple[int, int], device: torch.device
) -> np.ndarray:
    """The same in one go."""
    return at_once(asking(model, batches, label_ids, device))


def accuracy(probability_positive: np.ndarray, labels: Sequence[int]) -> Accuracy:
    """Accuracy at the threshold 0.5."""
    correct = (probability_positive > 0.5) == np.asarray(labels, dtype=bool)
    return wilson(int(correct.sum()), len(correct))
