"""torch.compile, where `PEFT_COMPILE=1` asks for it; where it fails, the run goes on without.

It takes a compiler and triton, which many computers lack, and about a minute. Whether that pays nobody has measured.
"""

import os
from collections.abc import Callable

from torch import device, nn

from peft_core.errors import PeftClassroomError
from peft_core.training.device import kind
from peft_core.validated import shortened

COMPILE = "PEFT_COMPILE"


def compile_if_asked(model: nn.Module, where: device, trial: Callable[[], object]) -> str | None:
    """Let torch.compile build the kernels of `model`, in place; returns a sentence if it was asked for and did not.

    Args:
        trial: computes with `model` as the run will; what cannot be compiled shows then.

    Raises:
        PeftClassroomError: if `PEFT_COMPILE` is neither 0 nor 1.
    """
    asked = os.environ.get(COMPILE, "").strip() or "0"
    if asked not in ("0", "1"):
        raise PeftClassroomError(f"{COMPILE} is {shortened(asked, 40)!r}. Choose 1, or 0 as without it.")
    if asked == "0":
        return None
    if kind(where).threads_share:
        return f"{COMPILE}=1 is for a GPU: on a CPU what it would fuse is fused by hand. The run goes on without."
    try:
        model.compile()  # parameters keep their names
        trial()
    except Exception as error:  # whatever a compiler may raise: the model computes without it
        model._compiled_call_impl = None
        reason = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
        return f"torch.compile failed ({shortened(reason, 120)}). The run goes on without."
    return None
