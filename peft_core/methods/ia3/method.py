"""(IA)³: what can be counted and stored; nothing can be chosen. No torch here."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from peft_core.methods.method import CountLine, Look, Method, MethodConfig, blocks
from peft_core.methods.reading import OF_ANY_PEFT_FILE, Reading, check_reached, check_settings
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place, matrices
from peft_core.t5.parts import Part

RESCALED = ("k", "v", "wo")  # keys, values, and what goes into the last layer of the feed-forward sub-layer


class Ia3Config(MethodConfig):
    """(IA)³ (Liu et al. 2022): learned vectors rescale keys, values and the inner activations of the feed-forward."""

    method: Literal["ia3"] = "ia3"


class Ia3(Method):
    """Stored as a Hugging Face PEFT folder."""

    config = Ia3Config
    examples: ClassVar = {"": Ia3Config()}
    position = 4
    look = Look("#009E73", "#2FC79A", "square")
    learning_rate = 0.1
    weights_file = "adapter_model.safetensors"

    def label(self, config: Ia3Config) -> str:
        return "(IA)³"

    def added(self, architecture: Architecture, config: Ia3Config) -> Iterator[CountLine]:
        """One number for each key and value, one for each inner activation (Liu et al. 2022, section 3.3)."""
        a = architecture
        for part, number, names, size in (
            (Part("self-attention", "encoder"), a.encoder_layers, ("k", "v"), a.inner_dim),
            (Part("feed-forward", "encoder"), a.encoder_layers, ("wo",), a.d_ff),
            (Part("self-attention", "decoder"), a.decoder_layers, ("k", "v"), a.inner_dim),
            (Part("cross-attention", "decoder"), a.decoder_layers, ("k", "v"), a.inner_dim),
            (Part("feed-forward", "decoder"), a.decoder_layers, ("wo",), a.d_ff),
        ):
            product = f"{blocks(number)} × {len(names)} ({', '.join(names)}) × {size:,}"
            yield CountLine(part, product, number * len(names) * size)

    def places(self, architecture: Architecture, config: Ia3Config) -> Iterator[Place]:
        yield from matrices(architecture, RESCALED)

    def stored_name(self, name: str) -> str:
        """….SelfAttention.k.ia3_l → base_model.model.….SelfAttention.k.ia3_l"""
        return f"base_model.model.{name}"

    def stored_shape(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """peft keeps a vector on outputs as a column and one on inputs as a row."""
        return (1, *shape) if name.endswith(".wo.ia3_l") else (*shape, 1)

    def description(self, config: Ia3Config, architecture: Architecture, base: str) -> dict:
        return {
            "peft_type": "IA3",
            "task_type": "SEQ_2_SEQ_LM",
            "base_model_name_or_path": base,
            "revision": None,
            "target_modules": list(RESCALED),
            "feedforward_modules": ["wo"],
            "fan_in_fan_out": False,
            "inference_mode": True,
            "init_ia3_weights": True,
            "modules_to_save": None,
        }

    def recognises(self, description: Mapping[str, Any]) -> bool:
        return description.get("peft_type") == "IA3"

    def read(self, description: Mapping[str, Any], architecture: Architecture) -> Reading:
        """Keys, values and wo, however they are named, with the vector of wo on its inputs."""
        anything = ("target_modules", "feedforward_modules", "init_ia3_weights", "fan_in_fan_out")
        known = OF_ANY_PEFT_FILE | dict.fromkeys(anything) | {"task_type": (None, "SEQ_2_SEQ_LM")}
        check_settings(description, known, "peft")
        rescaled = [place.name for place in matrices(architecture, RESCALED)]
        others = {"lm_head", "shared", *(place.name for place in matrices(architecture))}
        check_reached(description, "target_modules", RESCALED, rescaled, others)
        on_inputs = [name for name in rescaled if name.endswith(".wo")]
        check_reached(description, "feedforward_modules", ("wo",), on_inputs, rescaled)
        return Reading(Ia3Config())


METHOD = Ia3()
