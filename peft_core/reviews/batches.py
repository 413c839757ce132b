"""From review texts to token batches of a few fixed widths. No torch here.

Every new tensor shape costs the CPU a one-off kernel build, so rows are padded to one of a few widths and every batch
has the same number of rows; filler rows (row number −1) complete a batch and count for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WIDTH_STEP = 64
FILLER = -1


@dataclass(frozen=True)
class Batch:
    """`input_ids` and `attention_mask` (batch, width) int64; `rows` (batch,) row numbers, −1 for filler."""

    input_ids: np.ndarray
    attention_mask: np.ndarray
    rows: np.ndarray


def truncate(ids: list[int], room: int) -> list[int]:
    """Keep the first quarter and the last three quarters of `room` tokens: a review's end often carries its verdict."""
    if len(ids) <= room:
        return ids
    head = room // 4
    return ids[:head] + ids[len(ids) - (room - head) :]


def encode(tokenizer, texts: Sequence[str], prefix: str, max_length: int) -> list[list[int]]:
    """Token ids of `prefix` + text + end of sequence, at most `max_length` long."""
    before = prefix_pieces(tokenizer, prefix)
    return [framed(tokenizer, before, ids, max_length) for ids in text_pieces(tokenizer, texts)]


def text_pieces(tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """All token ids of each text, by itself."""
    return tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)["input_ids"]


def prefix_pieces(tokenizer, prefix: str) -> list[int]:
    """Token ids of what stands before every text."""
    return tokenizer(prefix, add_special_tokens=False)["input_ids"] if prefix else []


def framed(tokenizer, before: list[int], pieces: list[int], max_length: int) -> list[int]:
    """`before` + what there is room for of a text + end of sequence: what a model reads."""
    return before + truncate(pieces, room_for_text(before, max_length)) + [tokenizer.eos_token_id]


def room_for_text(before: list[int], max_length: int) -> int:
    """How many tokens of a text are read."""
    return max_length - len(before) - 1


def fixed_widths(max_length: int) -> tuple[int, ...]:
    """The widths that batches may have: multiples of 64, and `max_length` itself."""
    return (*range(WIDTH_STEP, max_length, WIDTH_STEP), max_length)


def make_batches(
    encoded: Sequence[Sequence[int]],
    batch_size: int,
    widths: Sequence[int],
    pad_id: int,
    seed: Sequence[int] | None = None,
) -> list[Batch]:
    """All rows once, grouped by length into `widths`, every batch of `batch_size` rows.

    What does not fill a batch moves on to the next wider one; the last batch is completed with filler rows.

    Args:
        seed: numbers that fix the shuffling of rows and batches, for example (seed, epoch). None: order of length.
    """
    generator = None if seed is None else np.random.default_rng(list(seed))
    lengths = np.array([len(ids) for ids in encoded], dtype=np.int64)
    order = np.argsort(lengths, kind="stable") if generator is None else generator.permutation(len(encoded))
    batches: list[Batch] = []
    waiting = np.array([], dtype=np.int64)
    narrower = 0
    for width in widths:
        lengths_here = lengths[order]
        here = np.concatenate([waiting, order[(lengths_here > narrower) & (lengths_here <= width)]])
        narrower = width
        full = len(here) // batch_size * batch_size
        if width == widths[-1] and full < len(here):
            here = np.concatenate([here, np.full(full + batch_size - len(here), FILLER)])
            full = len(here)
        batches += [collate(encoded, here[i : i + batch_size], width, pad_id) for i in range(0, full, batch_size)]
        waiting = here[full:]
    if generator is not None:
        generator.shuffle(batches)
    return batches


def collate(encoded: Sequence[Sequence[int]], rows: np.ndarray, width: int, pad_id: int) -> Batch:
    """Pad the given rows to `width`. A filler row is padding with its first position unmasked (softmax needs one)."""
    input_ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    attention_mask = np.zeros((len(rows), width), dtype=np.int64)
    for position, row in enumerate(rows):
        ids = [pad_id] if row == FILLER else encoded[row]
        input_ids[position, : len(ids)] = ids
        attention_mask[position, : len(ids)] = 1
    return Batch(input_ids, attention_mask, rows)
