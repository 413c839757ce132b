"""Which words speak for the verdict? Two answers for one text and one model, in units of the logit difference.

    d(text) = logit("positive") − logit("negative")        log-odds: p("positive") = 1 / (1 + exp(−d))

A positive score speaks for "positive". Both methods compare the text with a text that says nothing, and in both the
prefix ("sentiment: "), a soft prompt and the end mark stay as they are.

Occlusion (leave one out; Zeiler & Fergus 2014, section 2.2, in words):

    score(word) = d(text) − d(text without the word)

The word is removed, not masked, so a score is exactly what deleting the word does. The scores need not add up to
d(text) − d(no words): two words that say the same thing each look superfluous.

Integrated gradients (Sundararajan et al. 2017, equation 1), with e the input embeddings (T, d_model) and e' the same
with one row, the baseline's, in the place of every piece of the review:

    score(piece) = Σ_dims (e − e') · ∫₀¹ ∂d/∂e at e' + a·(e − e')  da

The integral is a sum over the midpoints of n equal steps (their equation 3, which takes right ends). Completeness
(their proposition 1): the scores add up to d(e) − d(e'). How far the sum is from that is what the steps cost: n is
tripled until the gap is small, and because the midpoints of n steps are among those of 3n, nothing is computed twice.

No baseline says nothing to every model: one may call the padding text 99% positive, and the scores then tell what moves
the answer from there. So there are several, each result says what its model calls all of them, and the average of the
scores over all is complete as well: it adds up to d(e) − the mean of d(e').
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import nn

from peft_core.analysis.explain.edits import delete_word
from peft_core.checkpoints.asking import passes
from peft_core.checkpoints.asking.passes import Row
from peft_core.errors import PeftClassroomError
from peft_core.methods.common import InFront
from peft_core.reviews.batches import collate, encode, fixed_widths, text_pieces
from peft_core.reviews.word_tokens import Reading, read
from peft_core.t5.backbone import Backbone, logits_of_hidden

ROWS_OF_PATH = 9  # 27, 54 and 162 points are whole batches of one shape
FIRST_STEPS = 27
MAX_STEPS = 243
MAX_POSITIONS = 16_384  # steps × tokens, unless the first steps are more: seconds on one core for the bundled base
TOLERANCE = 0.01  # a gap of 1% of what is to be explained, or of 0.01 log-odds (a quarter of a point of probability)

OPPOSITE = 0.1  # log-odds, at most 2.5 points of probability: smaller scores have no sign worth comparing

BASELINES = ("padding", "mean", "full_stop")  # the padding token, the mean of the vocabulary, "."
AVERAGE = "average"  # of the scores from each of them

Method = Literal["occlusion", "integrated_gradients"]
Progress = Callable[[int, int], None]  # told how many texts, or points on the path, are done, and of how many


def silent(done: int, of: int) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Attribution:
    """Scores in log-odds of "positive". Plain data, small enough to be kept.

    `scores` has one number a word, None where the model read nothing of it (the middle of a long review). `rest` is
    the share of what is no word: prefix and end mark. `steps` counts texts (occlusion) or points on the path
    (integrated gradients). `starts` has d of every baseline that integrated gradients can begin with, by its name.
    """

    method: Method
    words: tuple[str, ...]
    scores: tuple[float | None, ...]
    rest: float
    whole: float  # d of the text
    baseline: float  # d of the text that says nothing
    steps: int
    seconds: float
    starts: tuple[tuple[str, float], ...] = ()

    @property
    def probability(self) -> float:
        """p("positive") of the text."""
        return probability(self.whole)

    def probability_without(self, index: int) -> float:
        """p("positive") if the score of this word left with it; for occlusion, of the text without the word."""
        return probability(self.whole - self.scores[index])

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


def opposite(first: Attribution, second: Attribution) -> list[int]:
    """Words to which two results for one text give opposite signs, neither of them small; the clearest first."""
    pairs = [
        (index, pair) for index, pair in enumerate(zip(first.scores, second.scores, strict=True)) if None not in pair
    ]
    clear = [(min(map(abs, pair)), index) for index, pair in pairs if pair[0] * pair[1] < 0]
    return [index for least, index in sorted(clear, reverse=True) if least >= OPPOSITE]


def probability(d: float) -> float:
    """p("positive") of a logit difference."""
    return 1 / (1 + math.exp(-d)) if d > 0 else math.exp(d) / (1 + math.exp(d))  # no overflow at either end


def logit_differences(
    backbone: Backbone, model: nn.Module, texts: Sequence[str], max_length: int, progress: Progress = silent
) -> np.ndarray:
    """d of every text, shape (texts,). A text may be empty."""
    encoded = encode(backbone.tokenizer, texts, backbone.base.prefix, max_length)
    rows = [Row(model, ids) for ids in encoded]
    negative, positive = passes.label_logits(rows, backbone.label_ids, lambda done: progress(done, len(rows))).T
    return (positive - negative).numpy()


def occlusion(
    backbone: Backbone, model: nn.Module, text: str, max_length: int, progress: Progress = silent
) -> Attribution:
    """What each word's removal changes. `text` is as `checks.check_text` gives it.

    The model reads the shorter text as it reads any: in a long review, a word that was cut off may move in.

    Raises:
        PeftClassroomError: see `reading.read`.
    """
    started = time.perf_counter()
    reading = read(backbone.tokenizer, backbone.base.prefix, text, max_length)
    left_out = sorted(reading.read)
    texts = [text, "", *(delete_word(text, index).text for index in left_out)]
    whole, baseline, *without = map(float, logit_differences(backbone, model, texts, max_length, progress))
    scores: list[float | None] = [None] * len(reading.words)
    for index, value in zip(left_out, without, strict=True):
        scores[index] = whole - value
    seconds = time.perf_counter() - started
    return Attribution("occlusion", reading.words, tuple(scores), 0.0, whole, baseline, len(texts), seconds)


def integrated_gradients(
    backbone: Backbone,
    model: nn.Module,
    text: str,
    max_length: int,
    baseline: str = BASELINES[0],
    progress: Progress = silent,
) -> Attribution:
    """Gradients along the straight path from a baseline to the review. `text` is as `checks.check_text` gives it.

    The gradient is asked for with respect to the embeddings alone: no parameter is touched, whatever its requires_grad.

    Raises:
        PeftClassroomError: see `reading.read`, and for a baseline that is not one of `BASELINES` or AVERAGE.
    """
    if baseline == AVERAGE:
        return _average([integrated_gradients(backbone, model, text, max_length, one, progress) for one in BASELINES])
    if baseline not in BASELINES:
        raise PeftClassroomError(f"Unknown baseline {baseline!r}. Choose one of: {', '.join((*BASELINES, AVERAGE))}.")
    started = time.perf_counter()
    reading = read(backbone.tokenizer, backbone.base.prefix, text, max_length)
    end, starts, mask = _ends_of_path(backbone, model, reading, max_length)
    start = starts[baseline]
    difference = end - start  # (1, width, d_model); zero wherever there is no piece of the review
    with torch.inference_mode():
        ends = torch.cat([end, *starts.values()])
        whole, *of_starts = _logit_difference(model, ends, mask.expand(len(ends), -1), backbone.label_ids).tolist()
    called = dict(zip(starts, of_starts, strict=True))

    def gradients(points: list[float], before: int) -> torch.Tensor:
        """The sum over these places on the path, 0 to 1, of ∂d/∂e: (1, width, d_model); `before` of all are done."""
        total = torch.zeros_like(difference)
        for first in range(0, len(points), ROWS_OF_PATH):
            places = torch.tensor(points[first : first + ROWS_OF_PATH])[:, None, None]
            embeddings = (start + places * difference).requires_grad_(True)
            d = _logit_difference(model, embeddings, mask.expand(len(embeddings), -1), backbone.label_ids)
            (gradient,) = torch.autograd.grad(d.sum(), embeddings)
            total += gradient.sum(0, keepdim=True)
            progress(before + first + len(embeddings), before + len(points))
        return total

    steps, total = FIRST_STEPS, gradients(_midpoints(FIRST_STEPS), 0)
    most = min(MAX_STEPS, MAX_POSITIONS // mask.shape[1])
    while True:
        of_positions = (difference * total).sum(-1)[0] / steps
        scores, rest = _by_word(of_positions.tolist(), reading)
        result = Attribution(
            "integrated_gradients", reading.words, scores, rest, whole, called[baseline], steps,
            time.perf_counter() - started, tuple(called.items()),
        )  # fmt: skip
        if result.complete or 3 * steps > most:
            return result
        steps *= 3
        total += gradients([point for j, point in enumerate(_midpoints(steps)) if j % 3 != 1], steps // 3)


def _average(results: Sequence[Attribution]) -> Attribution:
    """The mean over baselines: what each adds up to is linear in the scores, so the mean adds up to the mean."""

    def mean(values: Sequence[float]) -> float:
        return sum(values) / len(results)

    return replace(
        results[0],
        scores=tuple(
            None if None in of_word else mean(of_word)
            for of_word in zip(*(result.scores for result in results), strict=True)
        ),
        rest=mean([result.rest for result in results]),
        baseline=mean([result.baseline for result in results]),
        steps=sum(result.steps for result in results),
        seconds=sum(result.seconds for result in results),
    )


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
) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
    """Embeddings of the review and of each baseline, all (1, width, d_model), and their mask (1, width)."""
    width = next(width for width in fixed_widths(max_length) if width >= len(reading.ids))
    batch = collate([reading.ids], np.array([0]), width, backbone.tokenizer.pad_token_id)
    end = model.shared(torch.from_numpy(batch.input_ids))
    of_review = [position for position, word in enumerate(reading.word_of) if word is not None]
    starts = {}
    for name in BASELINES:
        starts[name] = end.clone()
        starts[name][0, of_review] = _row(name, backbone, model)
    return end, starts, torch.from_numpy(batch.attention_mask)


def _row(baseline: str, backbone: Backbone, model: nn.Module) -> torch.Tensor:
    """What a baseline puts in the place of every piece: (d_model,)."""
    table, tokenizer = model.shared.weight, backbone.tokenizer
    if baseline == "mean":
        return table.mean(0)
    return table[tokenizer.pad_token_id if baseline == "padding" else text_pieces(tokenizer, ["."])[0][-1]]


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
