"""Full fine-tuning: nothing can be chosen. No torch here."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from peft_core.methods.method import CountLine, Look, Method, MethodConfig
from peft_core.methods.reading import Reading
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place, matrices
from peft_core.t5.stored import EMBEDDINGS, OUTPUT


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

    def recognises(self, description: Mapping[str, Any]) -> bool:
        """The `config.json` of a whole T5."""
        return description.get("model_type") == "t5" and "d_model" in description and "delta_type" not in description

    def read(self, description: Mapping[str, Any], architecture: Architecture) -> Reading:
        """Nothing can be chosen; that it is a model like its base, `checkpoints/agreement.py` holds."""
        return Reading(FullConfig())

    def adopt(self, tensors: Mapping[str, Any], config: FullConfig) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The token embedding once: older files hold it under each of the names that share it."""
        kept = dict(tensors)
        first = next((name for name in EMBEDDINGS if name in kept), None)
        if first is None:
            return kept, ()
        table = kept.pop(first)
        for name in (*EMBEDDINGS, OUTPUT):
            if name in kept and kept[name].shape == table.shape and bool((kept[name] == table).all()):
                del kept[name]
        return {EMBEDDINGS[0]: table, **kept}, ()


METHOD = FullFineTuning()
