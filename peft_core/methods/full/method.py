"""Full fine-tuning: nothing can be chosen. No torch here."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from peft_core.methods.method import CountLine, Look, Method, MethodConfig
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place, matrices


class FullConfig(MethodConfig):
    """Full fine-tuning: every weight of the backbone moves."""

    method: Literal["full"] = "full"


class FullFineTuning(Method):
    """The yardstick: nothing is added, nothing is frozen; a checkpoint is a Transformers folder."""

    config = FullConfig
    examples: ClassVar = {"": FullConfig()}
    position = 0
    look = Look("#595959", "#B4BAC2", "circle")
    learning_rate = 4e-4
    weights_file = "model.safetensors"
    owns_weights = True
    changes_matrices = True

    def label(self, config: FullConfig) -> str:
        return "Full fine-tuning"

    def added(self, architecture: Architecture, config: FullConfig) -> Iterator[CountLine]:
        yield from ()

    def places(self, architecture: Architecture, config: FullConfig) -> Iterator[Place]:
        yield from matrices(architecture)


METHOD = FullFineTuning()
