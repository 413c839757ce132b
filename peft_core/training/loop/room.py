"""How many rows of a batch there is memory for on a device that says how much it has.

Worked out from shapes before anything is computed, on the safe side, so that two runs share a GPU without one taking
what the other is about to need. No GPU has been measured: what is wrong here an out-of-memory error puts right
(`Stepper._gradients`, `measuring.asking`).

    of each row, width w, in each block that keeps its activations
        w · (6 fp32 copies of d, 4 of heads · d_kv, 3 of d_ff)    + heads · w² · (bias, weights)    + the vocabulary's
"""

import torch
from torch import nn

from peft_core.training.device import kind

SHARE = 0.8  # of what is free; another run may start
ADAM = 3 * 4  # bytes of a number that trains: its gradient, AdamW's two means


def parts_for(model: nn.Module, device: torch.device, batch_size: int, width: int) -> int:
    """In how many parts a training batch is computed: 1 where it fits, or nobody says how much memory there is."""
    fit = rows_that_fit(model, device, width, training=True)
    return 1 if fit is None else -(-batch_size // max(1, min(fit, batch_size)))


def evaluation_batch(model: nn.Module, device: torch.device, width: int) -> int:
    """Reviews that are measured at a time: the device's usual number, or the power of two there is memory for."""
    usual, fit = kind(device).evaluation_rows, rows_that_fit(model, device, width, training=False)
    return usual if fit is None or fit >= usual else 1 << max(0, fit.bit_length() - 1)


def rows_that_fit(model: nn.Module, device: torch.device, width: int, training: bool) -> int | None:
    """How many rows of `width` tokens; None where nobody says how much memory there is."""
    free = kind(device).free_bytes(device)
    if free is None:
        return None
    if training:
        free -= ADAM * sum(p.numel() for p in model.parameters() if p.requires_grad)
    return max(0, int(SHARE * free) // row_bytes(model, width, training))


def row_bytes(model: nn.Module, width: int, training: bool) -> int:
    """What one row takes."""
    config, size = model.config, model.shared.weight.element_size()
    heads, inner = config.num_heads, config.num_heads * config.d_kv
    block = width * (6 * 4 * config.d_model + size * (4 * inner + 3 * config.d_ff)) + heads * width**2 * (size + 4)
    kept = config.num_layers if training else 2  # one is being computed, one is handed on
    return kept * block + 3 * 4 * config.vocab_size
