"""loralib's state dict: A and B of each layer, and nothing else; alpha is not in it. No torch here.

h = W₀·x + (alpha / r)·B·A·x      keys MODULE.lora_A (r, in), MODULE.lora_B (out, r)
"""

from collections import Counter
from collections.abc import Mapping

from peft_core.checkpoints.exchange.forms import lora
from peft_core.checkpoints.exchange.forms.native import Native, Tensors
from peft_core.errors import PeftClassroomError

PARTS = ("lora_A", "lora_B")


def translate(shapes: Mapping[str, tuple[int, ...]], alpha: float | None) -> Native:
    """peft's description of the same LoRA.

    Raises:
        PeftClassroomError: without an alpha, or if the file holds anything beside A and B.
    """
    if alpha is None:
        raise PeftClassroomError(
            "A loralib file does not hold alpha, which scales every update by alpha / r: give the one it was trained "
            "with (--alpha; loralib's own default is 1)."
        )
    modules = lora.modules_of(shapes, ".lora_A")
    lora.check_pairs(shapes, (f"{module}.{part}" for module in modules for part in PARTS), "loralib")
    ranks = {module: shapes[f"{module}.lora_A"][0] for module in modules}
    (usual, _), *_ = Counter(ranks.values()).most_common(1)
    others = {module: rank for module, rank in ranks.items() if rank != usual}

    def convert(tensors: Tensors) -> Tensors:
        return {lora.stored(*name.rsplit(".", 1)): tensor for name, tensor in tensors.items()}

    note = f"alpha = {alpha:g} was given; the file does not hold it."
    return Native(lora.description(modules, usual, alpha, ranks=others), convert, (note,))
