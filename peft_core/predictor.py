"""Classify texts with many checkpoints over one backbone.

The backbone's weights are in memory once; each checkpoint adds its own tensors and a tree of modules around the shared
ones (full fine-tuning: a model of its own). A loaded checkpoint is never changed afterwards, and nothing is switched
on or off for a request, so two sessions cannot see each other's method.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from peft_core.backbone import Backbone
from peft_core.batches import encode, fixed_widths, make_batches
from peft_core.checkpoint import load_checkpoint
from peft_core.configs import DataConfig
from peft_core.data import LABEL_WORDS, clean
from peft_core.errors import PeftClassroomError
from peft_core.evaluation import probabilities
from peft_core.records import RECORD

MAX_CHARACTERS = 20_000
MAX_TEXTS = 1_000
BATCH_ROWS = 16
UNFAMILIAR_PIECES_PER_WORD = 2.0  # English reviews need about 1.2 pieces a word; other languages fall apart


@dataclass(frozen=True)
class Prediction:
    """One text, one checkpoint. `notes` are sentences a reader should know before trusting the number."""

    label: str
    probability_positive: float
    tokens: int
    notes: tuple[str, ...]
    seconds: float


class Predictor:
    """Holds one backbone and the most recently used checkpoints. Safe to call from several threads."""

    def __init__(self, backbone: Backbone, max_checkpoints: int = 16) -> None:
        self.backbone = backbone
        self.max_checkpoints = max_checkpoints
        self._loaded: OrderedDict[tuple[Path, int], tuple[nn.Module, int]] = OrderedDict()
        self._lock = threading.Lock()

    def classify(self, texts: Sequence[str], checkpoint: Path | None) -> list[Prediction]:
        """One prediction a text, in order. Without a checkpoint: the base model's own, untrained answer.

        Raises:
            PeftClassroomError: for no text, an empty or far too long one, or a checkpoint that cannot be loaded.
        """
        cleaned = [check_text(text) for text in check_number(texts)]
        model, max_length = self.model(checkpoint)
        started = time.perf_counter()
        backbone = self.backbone
        encoded = encode(backbone.tokenizer, cleaned, backbone.base.prefix, max_length)
        rows = min(BATCH_ROWS, len(encoded))
        batches = make_batches(encoded, rows, fixed_widths(max_length), backbone.tokenizer.pad_token_id)
        positive = probabilities(model, batches, backbone.label_ids, torch.device("cpu"))
        seconds = (time.perf_counter() - started) / len(texts)
        return [
            self._prediction(text, float(p), max_length, seconds) for text, p in zip(cleaned, positive, strict=True)
        ]

    def model(self, checkpoint: Path | None) -> tuple[nn.Module, int]:
        """The model (None: the base model) and its maximum length. Shared by all: it is read, never changed.

        The key holds the record's time of change: a replaced file is reloaded.
        """
        if checkpoint is None:
            return self.backbone.model, DataConfig().max_length
        path = checkpoint.resolve()
        record = path / RECORD
        key = (path, record.stat().st_mtime_ns if record.exists() else 0)
        with self._lock:
            if key not in self._loaded:
                model, loaded = load_checkpoint(path, self.backbone)
                self._loaded[key] = (model, loaded.config.data.max_length)
                while len(self._loaded) > self.max_checkpoints:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(key)
            return self._loaded[key]

    def _prediction(self, text: str, positive: float, max_length: int, seconds: float) -> Prediction:
        pieces = self.backbone.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return Prediction(
            label=LABEL_WORDS[positive > 0.5],
            probability_positive=positive,
            tokens=len(pieces),
            notes=tuple(self._notes(text, pieces, max_length)),
            seconds=seconds,
        )

    def _notes(self, text: str, pieces: list[int], max_length: int) -> list[str]:
        notes = []
        prefix = len(self.backbone.tokenizer(self.backbone.base.prefix, add_special_tokens=False)["input_ids"])
        room = max_length - prefix - 1
        if len(pieces) > room:
            notes.append(
                f"This review has {len(pieces):,} tokens; the model reads the first {room // 4} and the last "
                f"{room - room // 4} of them."
            )
        unknown = pieces.count(self.backbone.tokenizer.unk_token_id) / max(len(pieces), 1)
        per_word = len(pieces) / max(len(text.split()), 1)
        if not any(character.isalpha() for character in text):
            notes.append("There are no words in this text, so the answer means nothing.")
        elif unknown > 0.2 or per_word > UNFAMILIAR_PIECES_PER_WORD:
            notes.append(
                "This does not look like English, all that these models have learned: do not trust the answer."
            )
        return notes


def check_number(texts: Sequence[str]) -> Sequence[str]:
    """Raises PeftClassroomError unless there are 1 to 1,000 texts."""
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise PeftClassroomError(f"Give 1 to {MAX_TEXTS:,} reviews at a time, not {len(texts):,}.")
    return texts


def check_text(text: str) -> str:
    """The text with white space folded and control characters gone.

    Raises:
        PeftClassroomError: if nothing is left, or it is longer than 20,000 characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise PeftClassroomError(f"The review has {len(text):,} characters; paste at most {MAX_CHARACTERS:,}.")
    printable = "".join(c if c.isprintable() or c.isspace() else " " for c in text)
    cleaned = clean(printable)
    if not cleaned:
        raise PeftClassroomError("The review is empty: type at least one word.")
    return cleaned
