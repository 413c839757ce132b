"""What training holds in memory beside activations, worked out from the counts alone. No torch.

    each weight of the base model, in bf16                                    2 bytes
    each number that trains: in fp32, its gradient, AdamW's two means         4 + 4 + 8 bytes

A weight of the base model that trains is held twice, 6 bytes: the bf16 copy computes, the fp32 copy is what AdamW moves
(`training/loop/masters.py`). What a method adds trains in fp32 and has no second copy.
"""

from dataclasses import dataclass

from peft_core.counting.by_hand import base_lines, count
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import Architecture

BF16, FP32 = 2, 4  # bytes of a number
MEANS = 2  # AdamW's, of the gradient and of its square


@dataclass(frozen=True)
class TrainingBytes:
    """Bytes by what they are for."""

    base: int  # every weight of the base model, in the precision that computes
    trained: int  # what trains, in fp32
    gradients: int
    optimizer: int

    @property
    def weights(self) -> int:
        """All weights, in either precision."""
        return self.base + self.trained

    @property
    def total(self) -> int:
        """Everything but activations and workspace."""
        return self.weights + self.gradients + self.optimizer


def training_bytes(architecture: Architecture, config: MethodConfig) -> TrainingBytes:
    """What training `config` on a T5 of these shapes holds in bf16 with fp32 copies of what moves."""
    trains = count(architecture, config).trainable_parameters
    of_base = sum(line.value for line in base_lines(architecture))
    return TrainingBytes(BF16 * of_base, FP32 * trains, FP32 * trains, MEANS * FP32 * trains)
