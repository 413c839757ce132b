"""A soft prompt that is read, and the same behind an attention mask of 0.

The report's own code fills n positions in front of the review with the pad id, then replaces their embeddings by the
trained rows. A mask made from "which ids are no padding" is 0 at just these positions. T5 knows places by their
distance alone, so whatever is masked leaves no trace: the model answers as without a prompt, and P gets no gradient.

    E = [P ; E(x)]        mask = [1 … 1 ; mask of x]  the prompt is read
                          mask = [0 … 0 ; mask of x]  it is not
"""

from dataclasses import dataclass

import torch

from peft_core.methods.common import InFront
from peft_core.reviews.batches import framed, prefix_pieces, text_pieces
from peft_core.t5.backbone import Backbone, logits_of_hidden


@dataclass(frozen=True)
class MaskedReading:
    """p(positive), and the norm of the gradient of the log-odds by the prompt's rows."""

    probability: float
    gradient: float


def read_with_mask(backbone: Backbone, model: InFront, text: str, max_length: int, ones: bool) -> MaskedReading:
    """One text behind the prompt of `model`.

    Args:
        ones: whether the mask lets the prompt be read.
    """
    (pieces,) = text_pieces(backbone.tokenizer, [text])
    ids = framed(backbone.tokenizer, prefix_pieces(backbone.tokenizer, backbone.base.prefix), pieces, max_length)
    with torch.enable_grad():
        rows = model.rows.detach().clone().requires_grad_()  # (n, d)
        words = model.shared(torch.tensor(ids)).detach()  # (T, d)
        mask = torch.cat([torch.full((len(rows),), int(ones)), torch.ones(len(words), dtype=torch.long)])
        out = model.model(
            inputs_embeds=torch.cat([rows, words])[None],
            attention_mask=mask[None],
            decoder_input_ids=torch.full((1, 1), model.config.decoder_start_token_id),
            use_cache=False,
            output_hidden_states=True,
        )
        logits = logits_of_hidden(model.model, out.decoder_hidden_states[-1][:, 0], backbone.label_ids)  # (1, 2)
        (gradient,) = torch.autograd.grad(logits[0, 1] - logits[0, 0], rows)
    return MaskedReading(logits.softmax(-1)[0, 1].item(), gradient.norm().item())
