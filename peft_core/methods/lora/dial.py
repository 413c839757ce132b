"""Dials on a trained LoRA: how loud ΔW = s·B·A speaks, and how many of its terms.

    ΔW = Σ σᵢ·uᵢ·vᵢᵀ        its singular value decomposition; the largest σ first

The first k terms are the nearest matrix of rank k (Eckart & Young 1936). With DoRA both dials turn s·B·A; the trained
lengths m go from those of W₀ in proportion to the factor, so that 0 is the base model and 1 is as trained.
"""

import torch
from torch import nn

from peft_core.methods.lora.layer import DoRALinear, lora_layers


@torch.no_grad()
def scale(model: nn.Module, factor: float) -> None:
    """s·B·A times `factor`."""
    for layer in lora_layers(model).values():
        layer.lora_B.mul_(factor)
        if isinstance(layer, DoRALinear):
            before = torch.linalg.vector_norm(layer.weight.float(), dim=1)
            layer.lora_magnitude_vector.copy_(before + factor * (layer.lora_magnitude_vector - before))


def terms(model: nn.Module) -> int:
    """How many terms there are at most in one layer: the rank r."""
    return max(len(layer.lora_A) for layer in lora_layers(model).values())


@torch.no_grad()
def order(model: nn.Module) -> None:
    """The same s·B·A, up to rounding, as its singular value decomposition: column i of B is σᵢ·uᵢ / s, row i of A vᵢᵀ.

    By the QR of the two factors, so that no (out, in) matrix is taken apart.
    """
    for layer in lora_layers(model).values():
        q_up, r_up = torch.linalg.qr(layer.lora_B.double())
        q_down, r_down = torch.linalg.qr(layer.lora_A.double().T)
        u, sigmas, vt = torch.linalg.svd(r_up @ r_down.T)
        u, vt = q_up @ (u * sigmas), vt @ q_down.T
        layer.lora_B.zero_()[:, : u.shape[1]] = u  # a rank above the size of the matrix: no more terms than that
        layer.lora_A.zero_()[: len(vt)] = vt


@torch.no_grad()
def keep_terms(model: nn.Module, k: int) -> None:
    """Of terms that are in order, the first k."""
    for layer in lora_layers(model).values():
        layer.lora_B[:, k:] = 0
