"""A forward pass that has happened, and where to look at it: what the steps of a method are made from."""

from dataclasses import dataclass

from torch import nn

from peft_core.methods.method import MethodConfig
from peft_core.methods.recorder import Recorder
from peft_core.t5.names import Place

ENCODER_BLOCK = "encoder.block.0"  # its input is the encoder's input
ENCODER_OUT = "encoder.final_layer_norm"
DECODER_OUT = "decoder.final_layer_norm"


@dataclass(frozen=True)
class Passed:
    """`whole` is the model that ran, `model` the T5 in it (another one behind a prompt), `base` the T5 by itself."""

    whole: nn.Module
    model: nn.Module
    base: nn.Module
    config: MethodConfig
    place: Place
    token: int
    seen: Recorder
    seen_in_base: Recorder
