"""What a model reads of a text: its tokens, and the word that each of them comes from. No torch here.

A tokenizer cuts rare words into pieces, and a long review loses its middle: whoever speaks of words has to know which
pieces are whose, and which words were never read.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peft_core.errors import PeftClassroomError
from peft_core.reviews.batches import truncate
from peft_core.reviews.words import split_words

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Reading:
    """What the model reads of a text: token ids, and for each the number of its word (None: prefix or end mark)."""

    ids: list[int]
    word_of: list[int | None]
    words: tuple[str, ...]

    @property
    def read(self) -> set[int]:
        return {word for word in self.word_of if word is not None}


def read(tokenizer: "PreTrainedTokenizerBase", prefix: str, text: str, max_length: int) -> Reading:
    """The ids that `batches.encode` gives, each with its word. A piece that begins between two words is the next one's.

    Raises:
        PeftClassroomError: if there are no words, or the tokenizer cannot say where its pieces come from.
    """
    words = split_words(text)
    if not words:
        raise PeftClassroomError("The review is empty: type at least one word.")
    if not tokenizer.is_fast:
        raise PeftClassroomError(
            "The tokenizer of this base model does not say which characters a token comes from, so words cannot be "
            "told apart. Choose another base model."
        )
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False)
    before = tokenizer(prefix, add_special_tokens=False)["input_ids"] if prefix else []
    kept = truncate(list(range(len(encoded["input_ids"]))), max_length - len(before) - 1)
    ends = [word.end for word in words]
    starts = [encoded["offset_mapping"][piece][0] for piece in kept]
    word_of = [min(bisect_right(ends, start), len(words) - 1) for start in starts]
    return Reading(
        ids=[*before, *(encoded["input_ids"][piece] for piece in kept), tokenizer.eos_token_id],
        word_of=[*(None for _ in before), *word_of, None],
        words=tuple(word.text for word in words),
    )
