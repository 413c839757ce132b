"""What training compares with the label: the decoder's one step, start token → a probability for every word.

loss = −ln p(label word | review)        softmax over the whole vocabulary, as in training/loop/trainer.py
∂loss / ∂z = p − 1 for the label word's logit z, and p for every other
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from peft_core.analysis.walkthrough.tokens import MAX_TOKENS, read_words
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.t5.backbone import Backbone, first_step_hidden


@dataclass(frozen=True)
class DecoderStep:
    """The likeliest words, and the label words whatever their probability."""

    start: str  # the token that the decoder reads
    vocabulary: int
    likeliest: tuple[tuple[str, float], ...]  # (word, p), in falling order
    labels: tuple[float, ...]  # p of each label word, in the order of LABEL_WORDS

    def loss(self, label: int) -> float:
        """Cross-entropy in nats, if this is the true label."""
        return -math.log(max(self.labels[label], 1e-45))


@torch.inference_mode()
def decoder_step(
    backbone: Backbone, model: nn.Module, text: str, max_length: int = MAX_TOKENS, shown: int = 5
) -> DecoderStep:
    """Ask `model` for the first word of its answer to `text`; the `shown` likeliest words.

    Raises:
        PeftClassroomError: if the text is empty or far too long.
    """
    reading = read_words(backbone, text, max_length)
    ids = torch.tensor([reading.ids])
    logits, _ = first_step_hidden(model, ids, torch.ones_like(ids))
    p = logits[0].double().softmax(-1)
    best = p.topk(shown)
    words = backbone.tokenizer.convert_ids_to_tokens(best.indices.tolist())
    labels = dict(zip(LABEL_WORDS, backbone.label_ids, strict=True))
    return DecoderStep(
        start=reading.start.piece,
        vocabulary=len(p),
        likeliest=tuple(zip(words, best.values.tolist(), strict=True)),
        labels=tuple(p[labels[word]].item() for word in LABEL_WORDS),
    )
