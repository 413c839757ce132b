"""A T5 in another precision, on another device, and its dropout."""

import torch
from torch import nn


def cast(model: nn.Module, dtype: torch.dtype, device: torch.device | None = None) -> None:
    """Keep weights in `dtype`, once, instead of casting them in every step, and on `device` (None: where they are).

    What a method has added trains in fp32; full fine-tuning, where nothing is frozen, computes in `dtype` throughout.
    The weights are new ones: a backbone that shares the old ones with the model keeps them.
    """
    full = all(p.requires_grad for p in model.parameters())
    done: dict[nn.Parameter, nn.Parameter] = {}  # tied weights stay tied
    for module in model.modules():
        for name, old in module.named_parameters(recurse=False, remove_duplicate=False):
            wanted = dtype if full or not old.requires_grad else old.dtype
            if old.dtype != wanted or old.device != (device or old.device):
                if old not in done:
                    done[old] = nn.Parameter(old.detach().to(device, wanted), requires_grad=old.requires_grad)
                setattr(module, name, done[old])


def set_backbone_dropout(model: nn.Module, p: float) -> None:
    """Set T5's dropout everywhere. Call it before a method adds modules of its own.

    Drawing dropout masks is single-threaded on the CPU and costs a third of a step: off by default.
    """
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = p
        elif isinstance(getattr(module, "dropout", None), float):  # T5Attention keeps a number
            module.dropout = p
