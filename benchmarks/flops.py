"""How many floating-point operations a training step needs, counted by torch.

Over the plain model: the library's T5 with its plain attention and the method's modules (of peft, where it has them;
see sides/hf.py), one decoder step, forward and backward. What a faster implementation computes twice, or leaves out,
does not change what the work is; so speeds of different implementations can be compared with one number. Counted are
matrix products (2·m·n·k each), which is what a GEMM peak speaks of. On the meta device: nothing is computed.
"""

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.sides.hf import with_method
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import Architecture
from peft_core.t5.backbone import hf_config, untrained_t5


def step_flops(architecture: Architecture, method: MethodConfig, batch: int, width: int, backward: bool = True) -> int:
    """FLOPs of one step on `batch` × `width` tokens without padding; without `backward`: of its forward pass."""
    with torch.device("meta"):
        config = hf_config(architecture, dropout_rate=0.0, attn_implementation="eager")
        base = untrained_t5(config, architecture.tied)
        model, _ = with_method(base, method)
        model.train()
        ids = torch.zeros(batch, width, dtype=torch.long)
        with FlopCounterMode(display=False) as counter:
            # no attention mask: there is no padding, and the library would look at its values, which do not exist
            out = model(input_ids=ids, decoder_input_ids=torch.zeros(batch, 1, dtype=torch.long), use_cache=False)
            loss = F.cross_entropy(out.logits[:, 0], torch.zeros(batch, dtype=torch.long))
            if backward:
                loss.backward()
    return counter.get_total_flops()
