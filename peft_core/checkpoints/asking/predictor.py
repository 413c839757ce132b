"""Classify texts with many checkpoints over one backbone.

The backbone's weights are in memory once; each checkpoint adds its own tensors and a tree of modules around the shared
ones (full fine-tuning: a model of its own). A loaded checkpoint is never changed afterwards, and nothing is switched
on or off for a request, so two sessions cannot see each other's method. Rows of checkpoints that share the backbone are
computed together: see `packed_pass.py`.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from torch import nn

from peft_core.checkpoints.asking.packed_pass import can_share
from peft_core.checkpoints.asking.passes import NOT_FINITE, Row, label_logits
from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.located import located
from peft_core.checkpoints.run_json import RECORD
from peft_core.errors import PeftClassroomError
from peft_core.reviews.batches import framed, prefix_pieces, room_for_text, text_pieces
from peft_core.reviews.checks import check_number, check_text
from peft_core.reviews.config import REVIEWS, DataConfig, Learned
from peft_core.reviews.notes import Note, notes_on
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.t5.backbone import Backbone

MANY_UNKNOWN = 0.2  # share of a text's pieces


@dataclass(frozen=True)
class Prediction:
    """One text, one checkpoint. `notes` are sentences a reader should know before trusting the number.

    `label` is the class's name, and `labels` has both: the first is that of label 0, "negative" in the reviews. What
    is called positive here is label 1.

    `doubtful`: one of them says that the answer means nothing.
    `seconds`: wall time of the batch this answer was computed in; `together`: answers in that batch. One answer's share
    cannot be separated.
    """

    label: str
    probability_positive: float
    tokens: int
    notes: tuple[str, ...]
    seconds: float
    together: int
    labels: tuple[str, str] = LABEL_WORDS
    doubtful: bool = False


@dataclass(frozen=True)
class _Loaded:
    """A checkpoint in memory, and what it has learned; `shared`: it computes with the backbone's own weights."""

    model: nn.Module
    max_length: int
    shared: bool
    learned: Learned = REVIEWS


@dataclass(frozen=True)
class _Text:
    """A text as token ids, and what is to be said of it whatever model reads it."""

    pieces: list[int]
    notes: tuple[Note, ...]


class Predictor:
    """Holds one backbone and the most recently used checkpoints. Safe to call from several threads."""

    def __init__(self, backbone: Backbone, max_checkpoints: int = 16) -> None:
        self.backbone = backbone
        self.max_checkpoints = max_checkpoints
        self._loaded: OrderedDict[tuple[Path, int], _Loaded] = OrderedDict()
        self._lock = threading.Lock()
        self._before = prefix_pieces(backbone.tokenizer, backbone.base.prefix)

    def classify(self, texts: str | Sequence[str], checkpoint: str | Path | None = None) -> list[Prediction]:
        """One prediction a text, in order. Without a checkpoint: the base model's own, untrained answer.

        Args:
            texts: several, or one.
            checkpoint: its folder, or its name as in "lora-8".

        Raises:
            PeftClassroomError: for no text, an empty or far too long one, or a checkpoint that cannot be loaded.
        """
        (answers,) = self.classify_with_each(texts, [checkpoint])
        if isinstance(answers, PeftClassroomError):
            raise answers
        return answers

    def classify_with_each(
        self, texts: str | Sequence[str], checkpoints: Sequence[str | Path | None], untrained: Learned = REVIEWS
    ) -> list[list[Prediction] | PeftClassroomError]:
        """For each checkpoint, in order, its predictions as `classify` gives them, or why it cannot be loaded.

        Args:
            untrained: the task in whose words the base model is to answer, where it is among them.

        Raises:
            PeftClassroomError: for no text, or an empty or far too long one.
        """
        read = self._read(texts)
        answers: list[list[Prediction] | PeftClassroomError] = [[] for _ in checkpoints]
        loaded: dict[int, _Loaded] = {}
        for place, checkpoint in enumerate(checkpoints):
            try:
                loaded[place] = self._load(checkpoint, untrained)
            except PeftClassroomError as error:
                answers[place] = error
        shared = [place for place, found in loaded.items() if found.shared]
        alone = [[place] for place, found in loaded.items() if not found.shared]
        for places in filter(None, (shared, *alone)):
            predictions = self._predict(read, [loaded[place] for place in places])
            for place, of_checkpoint in zip(places, predictions, strict=True):
                finite = all(isfinite(one.probability_positive) for one in of_checkpoint)
                answers[place] = of_checkpoint if finite else PeftClassroomError(self._not_finite(checkpoints[place]))
        return answers

    def classify_with_model(
        self, texts: str | Sequence[str], model: nn.Module, max_length: int, learned: Learned = REVIEWS
    ) -> list[Prediction]:
        """The same of a model that is no checkpoint: a method on this backbone, trained by whoever asks.

        Raises:
            PeftClassroomError: for no text, an empty or far too long one, or answers that are no finite numbers.
        """
        (found,) = self._predict(self._read(texts), [_Loaded(model, max_length, False, learned)])
        if not all(isfinite(one.probability_positive) for one in found):
            raise PeftClassroomError(NOT_FINITE[0].upper() + NOT_FINITE[1:])
        return found

    def _read(self, texts: str | Sequence[str]) -> list[_Text]:
        texts = [texts] if isinstance(texts, str) else texts
        cleaned = [check_text(text) for text in check_number(texts)]
        pieces = text_pieces(self.backbone.tokenizer, cleaned)
        return [_Text(ids, self._notes(*each, ids)) for *each, ids in zip(texts, cleaned, pieces, strict=True)]

    def model(self, checkpoint: str | Path | None) -> tuple[nn.Module, int]:
        """The model (None: the base model) and its maximum length. Shared by all: it is read, never changed.

        Raises:
            PeftClassroomError: if the checkpoint cannot be loaded.
        """
        loaded = self._load(checkpoint)
        return loaded.model, loaded.max_length

    def _load(self, checkpoint: str | Path | None, untrained: Learned = REVIEWS) -> _Loaded:
        """From memory if it is there. The key holds the record's time of change: a replaced file is reloaded."""
        if checkpoint is None:
            return _Loaded(self.backbone.model, DataConfig().max_length, True, untrained)
        path = located(checkpoint).resolve()
        record = path / RECORD
        key = (path, record.stat().st_mtime_ns if record.exists() else 0)
        with self._lock:
            if key not in self._loaded:
                model, found = load_checkpoint(path, self.backbone)
                shared = can_share(model, self.backbone)
                self._loaded[key] = _Loaded(model, found.max_length, shared, found.learned)
                while len(self._loaded) > self.max_checkpoints:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(key)
            return self._loaded[key]

    def _predict(self, texts: Sequence[_Text], group: Sequence[_Loaded]) -> list[list[Prediction]]:
        """Predictions of checkpoints that may be computed together: a list each, with one a text."""
        started = time.perf_counter()
        asked = [self.backbone.answering(loaded.learned.words).label_ids for loaded in group]
        rows = [
            Row(loaded.model, framed(self.backbone.tokenizer, self._before, text.pieces, loaded.max_length), ids)
            for text in texts
            for loaded, ids in zip(group, asked, strict=True)
        ]
        positive = label_logits(rows, self.backbone.label_ids).softmax(-1)[:, 1].view(len(texts), len(group))
        seconds = time.perf_counter() - started
        return [
            [self._said(text, loaded, p, seconds, len(rows)) for text, p in zip(texts, column.tolist(), strict=True)]
            for loaded, column in zip(group, positive.T, strict=True)
        ]

    def _said(self, text: _Text, loaded: _Loaded, p: float, seconds: float, together: int) -> Prediction:
        """A probability with what it is of, and what is to be known of the text before it is trusted."""
        notes = [note for note in text.notes if note.concerns(loaded.learned)]
        return Prediction(
            label=loaded.learned.labels[p > 0.5],
            probability_positive=p,
            tokens=len(text.pieces),
            notes=(*self._cut(text.pieces, loaded.max_length), *(note.words for note in notes)),
            seconds=seconds,
            together=together,
            labels=loaded.learned.labels,
            doubtful=any(note.doubtful for note in notes),
        )

    def _not_finite(self, checkpoint: str | Path | None) -> str:
        return f"{self.backbone.base.name if checkpoint is None else Path(checkpoint).name}: {NOT_FINITE}"

    def _cut(self, pieces: list[int], max_length: int) -> list[str]:
        """What a model of this length leaves out."""
        room = room_for_text(self._before, max_length)
        if len(pieces) <= room:
            return []
        return [
            f"This review has {len(pieces):,} tokens; the model reads the first {room // 4} and the last "
            f"{room - room // 4} of them."
        ]

    def _notes(self, text: str, cleaned: str, pieces: list[int]) -> tuple[Note, ...]:
        """What was done to a text, and why its answer may mean nothing."""
        notes = notes_on(text, cleaned)
        unknown = pieces.count(self.backbone.tokenizer.unk_token_id)
        if unknown <= MANY_UNKNOWN * len(pieces):
            return notes
        words = (
            f"{unknown:,} of this text's {len(pieces):,} tokens stand for signs that the model does not know, all "
            "of them the same to it."
        )
        return (*notes, Note(words))
