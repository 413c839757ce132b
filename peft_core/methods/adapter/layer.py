"""Bottleneck adapter: a small network with a residual after a sub-layer (Houlsby et al. 2019, section 2.1).

    U(h) = W_up · act(W_down·h + b_down) + b_up          A(h) = h + s·U(h)

    h       (…, d)          s   the scaling, 1 unless another is chosen
    W_down  (m, d), b_down (m)    trainable        W_up  (d, m), b_up (d)    trainable

Placements in a T5 block, where x is a sub-layer's input and f = Sublayer(LN(x)) its output before the residual:

    pfeiffer   A(x + f)    after the feed-forward sub-layer                        (Pfeiffer et al. 2021)
    houlsby    x + A(f)    after self-attention and after feed-forward; cross-attention has none, as in AdapterHub
    parallel   x + f + s·U(x)    beside the feed-forward sub-layer             (He et al. 2022; AdapterHub's ParBn)

In AdapterHub's library "parallel" reads x as it is; the layer norm inside the sub-layer is the sub-layer's alone.

W_up and b_up start at zero, so at step 0 every adapter is the identity and the model is exactly the base model. Three
other starts are only near it (`start`): those of Houlsby et al., of AdapterHub's library, and of nn.Linear itself.
"""

from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.common import BesideAdapter, WithAdapter, freeze, linear
from peft_core.t5.names import SUBLAYERS

HOULSBY_STD, BERT_STD = 0.01, 0.02
NON_LINEARITIES = {
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "gelu_new": partial(F.gelu, approximate="tanh"),
    "quick_gelu": lambda z: z * torch.sigmoid(1.702 * z),
    "leakyrelu": F.leaky_relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "mish": F.mish,
    "linear": lambda z: z,
}


class BottleneckAdapter(nn.Module):
    """Down to m, non-linearity, up to d, times the scaling; plus the input, unless it stands beside something."""

    def __init__(self, d_model: int, config: AdapterConfig, device: torch.device) -> None:
        super().__init__()
        self.adapter_down = nn.Linear(d_model, config.bottleneck_dim, device=device)
        self.adapter_up = nn.Linear(config.bottleneck_dim, d_model, device=device)
        self.non_linearity, self.scaling = config.non_linearity, config.adapter_scaling
        self.beside = config.placement == "parallel"
        start(self, config.adapter_init)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """h (…, d) → (…, d)"""
        act = NON_LINEARITIES[self.non_linearity]
        up = linear(self.adapter_up, act(linear(self.adapter_down, h)))
        if self.scaling != 1:
            up = up * self.scaling
        return up if self.beside else h + up

    def extra_repr(self) -> str:
        scaling = f", scaling={self.scaling:g}" if self.scaling != 1 else ""
        return f"non_linearity={self.non_linearity}{scaling}"


def start(adapter: BottleneckAdapter, init: str) -> None:
    """Initial values; what a start does not name stays as nn.Linear has drawn it.

    zero      W_up and b_up are 0 (He et al. 2022; "mam_adapter" in AdapterHub's library, where b_down is 0, too)
    houlsby   both matrices N(0, 0.01²), cut off at two standard deviations, biases 0 (Houlsby et al. 2019, section 3.6)
    bert      both matrices N(0, 0.02²), biases 0: the default of AdapterHub's library
    linear    nn.Linear's own: uniform up to 1/√in, that is 1/√m on the way up
    """
    down, up = adapter.adapter_down, adapter.adapter_up
    if init == "zero":
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
    elif init in ("houlsby", "bert"):
        for layer in (down, up):
            if init == "bert":
                nn.init.normal_(layer.weight, std=BERT_STD)
            else:
                nn.init.trunc_normal_(layer.weight, std=HOULSBY_STD, a=-2 * HOULSBY_STD, b=2 * HOULSBY_STD)
            nn.init.zeros_(layer.bias)


PACKED = (WithAdapter, BesideAdapter, BottleneckAdapter)


def apply(model: nn.Module, config: AdapterConfig, prompt_ids: list[int] | None = None) -> nn.Module:
    """Freeze the T5 `model` and insert its adapters; returns the same model.

    Raises:
        PeftClassroomError: if every block is left out.
    """
    freeze(model)
    device = model.shared.weight.device
    around = BesideAdapter if config.placement == "parallel" else WithAdapter
    first, found = 0, 0
    for stack, kinds in ((model.encoder, SUBLAYERS["encoder"]), (model.decoder, SUBLAYERS["decoder"])):
        for number, block in enumerate(stack.block, first):
            for place, kind in enumerate(kinds):
                if kind not in config.sublayers or number in config.leave_out:
                    continue
                found += 1
                adapter, sublayer = BottleneckAdapter(model.config.d_model, config, device), block.layer[place]
                if config.placement == "houlsby":  # a T5 sub-layer returns x + dropout(f): what follows dropout sees f
                    sublayer.dropout = WithAdapter(sublayer.dropout, adapter)
                else:
                    block.layer[place] = around(sublayer, adapter)
        first += len(stack.block)
    if not found:
        raise PeftClassroomError("Every block is left out: there is no adapter to train.")
    return model
