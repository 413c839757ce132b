"""Which words speak for the verdict? Two answers for one text and one model, in units of the logit difference.

    d(text) = logit("positive") − logit("negative")        log-odds: p("positive") = 1 / (1 + exp(−d))

A positive score speaks for "positive". Both methods compare the text with a text that says nothing, and in both the
prefix ("sentiment: "), a soft prompt and the end mark stay as they are.

Occlusion (leave one out; Zeiler & Fergus 2014, section 2.2, in words):

    score(word) = d(text) − d(text without the word)

The word is removed, not masked, so a score is exactly what deleting the word does. The scores need not add up to
d(text) − d(no words): two words that say the same thing each look superfluous.

Integrated gradients (Sundararajan et al. 2017, equation 1), with e the input embeddings (T, d_model) and e' the same
with the padding token in the place of every piece of the review:

    score(piece) = Σ_dims (e − e') · ∫₀¹ ∂d/∂e at e' + a·(e − e')  da

The integral is a sum over the midpoints of n equal steps (their equation 3, which takes right ends). Completeness
(their proposition 1): the scores add up to d(e) − d(e'). How far the sum is from that is what the steps cost: n is
tripled until the gap is small, and because the midpoints of n steps are among those of 3n, nothing is computed twice.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from peft_core.analysis.explain.edits import delete_word
from peft_core.checkpoints import passes
from peft_core.checkpoints.passes import Row
from peft_core.methods.common import InFront
from peft_core.reviews.batches import collate, encode, fixed_widths
from peft_core.reviews.word_tokens import Reading, read
from peft_core.t5.backbone import Backbone, logits_of_hidden

ROWS_OF_PATH = 9  # 27, 54 and 162 points are whole batches of one shape
FIRST_STEPS = 27
MAX_STEPS = 243
MAX_POSITIONS = 16_384  # steps × tokens, unless the first steps are more: seconds on one core for the bundled base
TOLERANCE = 0.01  # a gap of 1% of what is to be explained, or of 0.01 log-odds (a quarter of a point of probability)

Method = Literal["occlusion", "integrated_gradients"]


@dataclass(frozen=True)
class Attribution:
    """Scores in log-odds of "positive". Plain data, small enough to be kept.

    `scores` has one number a word, None where the model read nothing of it (the middle of a long review). `rest` is
    the share of what is no word: prefix and end mark. `steps` counts texts (occlusion) or points on the path
    (integrated gradients).
    """

    method: Method
    words: tuple[str, ...]
    scores: tuple[float | None, ...]
    rest: float
    whole: float  # d of the text
    baseline: float  # d of the text that says nothing
    steps: int
    seconds: float

    @property
    def probability(self) -> float:
        """p("positive") of the text."""
        return _probability(self.whole)

    def probability_without(self, index: int) -> float:
        """p("positive") if the score of this word left with it; for occlusion, of the text without the word."""
        return _probability(self.whole - self.scores[index])

    @property
    def total(self) -> float:
        return sum(score for score in self.scores if score is not None) + self.rest

    @property
    def explained(self) -> float:
        """What a complete attribution adds up to."""
        return self.whole - self.baseline

    @property
    def gap(self) -> float:
        return abs(self.total - self.explained)

    @property
    def complete(self) -> bool:
        return self.gap <= TOLERANCE * max(1.0, abs(self.explained))

    def most_influential(self, number: int) -> list[int]:
        """Word numbers, the largest absolute score first; words that were not read are left out."""
        scored = [index for index, score in enumerate(self.scores) if score is not None]
        return sorted(scored, key=lambda index: -abs(self.scores[index]))[:number]


def _probability(d: float) -> float:
    return 1 / (1 + math.exp(-d)) if d > 0 else math.exp(d) / (1 + math.exp(d))  # no overflow at either end


def logit_differences(backbone: Backbone, model: nn.Module, texts: Sequence[str], max_length: int) -> np.ndarray:
    """d of every text, shape (texts,). A text may be empty."""
    encoded = encode(backbone.tokenizer, texts, backbone.base.prefix, max_length)
    negative, positive = passes.label_logits([Row(model, ids) for ids in encoded], backbone.label_ids).T
    return (positive - negative).numpy()


def occlusion(backbone: Backbone, model: nn.Module, text: str, max_length: int) -> Attribution:
    """What each word's removal changes. `text` is as `checks.check_text` gives it.

    The model reads the shorter text as it reads any: in a long review, a word that was cut off may move in.

    Raises:
        PeftClassroomError: see `reading.read`.
    """
    started = time.perf_counter()
    reading = read(backbone.tokenizer, backbone.base.prefix, text, max_length)
    left_out = sorted(reading.read)
    texts = [text, "", *(delete_word(text, index).text for index in left_out)]
    whole, baseline, *without = map(float, logit_differences(backbone, model, texts, max_length))
    scores: list[float | None] = [None] * len(reading.words)
    for index, value in zip(left_out, without, strict=True):
        scores[index] = whole - value
    seconds = time.perf_counter() - started
    return Attribution("occlusion", reading.words, tuple(scores), 0.0, whole, baseline, len(texts), seconds)


def integrated_gradients(backbone: Backbone, model: nn.Module, text: str, max_length: int) -> Attribution:
    """Gradients along the straight path from padding to the review. `text` is as `checks.check_text` gives it.

    The gradient is asked for with respect to the embeddings alone: no parameter is touched, whatever its requires_grad.

    Raises:
        PeftClassroomError: see `reading.read`.
    """
    started = time.perf_counter()
    reading = read(backbone.tokenizer, backbone.base.prefix, text, max_length)
    end, start, mask = _ends_of_path(backbone, model, reading, max_length)
    difference = end - start  # (1, width, d_model); zero wherever there is no piece of the review
    with torch.inference_mode():
        ends = _logit_difference(model, torch.cat([end, start]), mask.expand(2, -1), backbone.label_ids)
    whole, baseline = ends.tolist()

    def gradients(points: list[float]) -> torch.Tensor:
        """The sum over these places on the path, 0 to 1, of ∂d/∂e: (1, width, d_model)."""
        total = torch.zeros_like(difference)
        for first in range(0, len(points), ROWS_OF_PATH):
            places = torch.tensor(points[first : first + ROWS_OF_PATH])[:, None, None]
            embeddings = (start + places * difference).requires_grad_(True)
            d = _logit_difference(model, embeddings, mask.expand(len(embeddings), -1), backbone.label_ids)
            (gradient,) = torch.autograd.grad(d.sum(), embeddings)
            total += gradient.sum(0, keepdim=True)
        return total

    steps, total = FIRST_STEPS, gradients(_midpoints(FIRST_STEPS))
    most = min(MAX_STEPS, MAX_POSITIONS // mask.shape[1])
    while True:
        of_positions = (difference * total).sum(-1)[0] / steps
        scores, rest = _by_word(of_positions.tolist(), reading)
        seconds = time.perf_counter() - started
        result = Attribution("integrated_gradients", reading.words, scores, rest, whole, baseline, steps, seconds)
        if result.complete or 3 * steps > most:
            return result
        steps *= 3
        total += gradients([point for j, point in enumerate(_midpoints(steps)) if j % 3 != 1])


METHODS = {"occlusion": occlusion, "integrated_gradients": integrated_gradients}


def _midpoints(steps: int) -> list[float]:
    return [(j + 0.5) / steps for j in range(steps)]


def _by_word(of_positions: list[float], reading: Reading) -> tuple[tuple[float | None, ...], float]:
    """Scores of the words, None for those not read, and the share of what is no word."""
    read_words = reading.read
    scores: list[float | None] = [0.0 if index in read_words else None for index in range(len(reading.words))]
    rest = 0.0
    for position, score in enumerate(of_positions):
        word = reading.word_of[position] if position < len(reading.word_of) else None  # beyond: filled up, masked
        if word is None:
            rest += score
        else:
            scores[word] += score
    return tuple(scores), rest


@torch.no_grad()
def _ends_of_path(
    backbone: Backbone, model: nn.Module, reading: Reading, max_length: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Embeddings of the review and of the baseline, each (1, width, d_model), and their mask (1, width)."""
    pad_id = backbone.tokenizer.pad_token_id
    width = next(width for width in fixed_widths(max_length) if width >= len(reading.ids))
    batch = collate([reading.ids], np.array([0]), width, pad_id)
    ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
    of_review = [position for position, word in enumerate(reading.word_of) if word is not None]
    without = ids.clone()
    without[0, of_review] = pad_id
    return model.shared(ids), model.shared(without), mask


def _logit_difference(
    model: nn.Module, embeddings: torch.Tensor, mask: torch.Tensor, label_ids: tuple[int, int]
) -> torch.Tensor:
    """d, shape (batch,), of input embeddings (batch, T, d_model): `backbone.label_logits` from behind the lookup."""
    read = {"inputs_embeds": embeddings, "attention_mask": mask}
    if isinstance(model, InFront):
        model, read = model.model, model.with_rows(embeddings, mask)
    out = model(
        **read,
        decoder_input_ids=mask.new_full((len(mask), 1), model.config.decoder_start_token_id),
        use_cache=False,
        output_hidden_states=True,
    )
    negative, positive = logits_of_hidden(model, out.decoder_hidden_states[-1][:, 0], label_ids).T
    return positive - negative
