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
class Question:
    """Texts, and the checkpoints that are asked about each of them; None: the base model itself.

    `untrained`: the task in whose words the base model is to answer, where it is among them.
    """

    texts: str | Sequence[str]
    checkpoints: Sequence[str | Path | None]
    untrained: Learned = REVIEWS


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
        (found,) = self.answer([Question(texts, checkpoints, untrained)])
        if isinstance(found, PeftClassroomError):
            raise found
        return found

    def answer(
        self, questions: Sequence[Question]
    ) -> list[list[list[Prediction] | PeftClassroomError] | PeftClassroomError]:
        """Several questions in as few passes as one; of each what `classify_with_each` says, or what it would raise."""
        found: list[list[list[Prediction] | PeftClassroomError] | PeftClassroomError] = []
        loaded: list[tuple[int, int, Sequence[_Text], _Loaded]] = []  # whose question, which checkpoint of it
        for number, question in enumerate(questions):
            try:
                read = self._read(question.texts)
            except PeftClassroomError as error:
                found.append(error)
                continue
            answers: list[list[Prediction] | PeftClassroomError] = [[] for _ in question.checkpoints]
            found.append(answers)
            for place, checkpoint in enumerate(question.checkpoints):
                try:
                    loaded.append((number, place, read, self._load(checkpoint, question.untrained)))
                except PeftClassroomError as error:
                    answers[place] = error
        for together in _shareable([one for *_, one in loaded]):
            asked = [loaded[index] for index in together]
            for (number, place, *_), said in zip(asked, self._predict([one[2:] for one in asked]), strict=True):
                finite = all(isfinite(one.probability_positive) for one in said)
                checkpoint = questions[number].checkpoints[place]
                found[number][place] = said if finite else PeftClassroomError(self._not_finite(checkpoint))
        return found

    def classify_with_model(
        self, texts: str | Sequence[str], model: nn.Module, max_length: int, learned: Learned = REVIEWS
    ) -> list[Prediction]:
        """The same of a model that is no checkpoint: a method on this backbone, trained by whoever asks.

        Raises:
            PeftClassroomError: for no text, an empty or far too long one, or answers that are no finite numbers.
        """
        (found,) = self._predict([(self._read(texts), _Loaded(model, max_length, False, learned))])
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

    def _predict(self, group: Sequence[tuple[Sequence[_Text], _Loaded]]) -> list[list[Prediction]]:
        """Predictions of texts by checkpoints that may be computed together: for each of the group, one a text."""
        started = time.perf_counter()
        asked = [self.backbone.answering(loaded.learned.words).label_ids for _, loaded in group]
        # a text by all who are asked about it, then the next one: a pass reads its words once
        order = sorted((row, member) for member, (texts, _) in enumerate(group) for row in range(len(texts)))
        rows = []
        for row, member in order:
            texts, loaded = group[member]
            ids = framed(self.backbone.tokenizer, self._before, texts[row].pieces, loaded.max_length)
            rows.append(Row(loaded.model, ids, asked[member]))
        positive = label_logits(rows, self.backbone.label_ids).softmax(-1)[:, 1].tolist()
        seconds = time.perf_counter() - started
        said: list[list[Prediction]] = [[] for _ in group]
        for (row, member), p in zip(order, positive, strict=True):
            texts, loaded = group[member]
            said[member].append(self._said(texts[row], loaded, p, seconds, len(rows)))
        return said

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


def _shareable(loaded: Sequence[_Loaded]) -> list[list[int]]:
    """The places of what goes through the backbone together; a model with weights of its own goes by itself."""
    alone: dict[int, list[int]] = {}
    for place, one in enumerate(loaded):
        alone.setdefault(0 if one.shared else id(one.model), []).append(place)
    return list(alone.values())
