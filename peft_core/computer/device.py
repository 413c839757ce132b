"""Which device a run here uses, and how fast it multiplies in each precision: measured, in less than a second."""

import shutil
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

from peft_core.computer.finding import Finding
from peft_core.errors import PeftClassroomError

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16", "float16")
INPUTS, OUTPUTS = 512, 2048  # the product of T5-small's feed-forward, of as many rows as there is time for
FEWEST_ROWS, MOST_ROWS = 8, 4096  # 4096: 32 reviews of 128 tokens
SECONDS = 0.25  # for one precision
LONG_ENOUGH = 0.02  # seconds of a product that are well above what the clock and a call take
REPEATS = 3


class Device(Finding):
    """What computes."""

    kind: str | None = None
    precision: str | None = None


class Speed(Finding):
    """How fast it multiplies in one precision; None: it cannot."""

    flops_per_second: float | None


def device() -> tuple[Device, tuple[Speed, ...]]:
    """What a run here would compute on, and its speeds. Loads torch.

    What is wrong with it is told, not raised.
    """
    try:
        import torch  # noqa: F401

        from peft_core.training.device import compute_dtype, describe, pick_device, precision_name

        chosen = pick_device()
        name, precision = describe(chosen), precision_name(compute_dtype(chosen))
    except (ImportError, OSError) as error:  # the latter: a library of the system that torch lacks
        then = "Run `make app` again. If that does not help, docs/serving.md says where the pinned torch exists."
        return _wrong(f"torch cannot be imported ({error})", then), ()
    except PeftClassroomError as error:  # which says what to do
        return _wrong(str(error), ""), ()
    except RuntimeError as error:
        return _wrong(str(error).strip().rstrip("."), "PEFT_DEVICE=cpu computes on the processor."), ()
    found, then = _passed_over(chosen)
    public = f"{name}; a run computes in {precision}"
    told = Device(
        name="device", kind=chosen.type, precision=precision, state="note" if then else "ok", found=public + found,
        then=then, public=public,
    )  # fmt: skip
    return told, tuple(_speed(chosen, each, used=each == precision) for each in PRECISIONS)


def _wrong(found: str, then: str) -> Device:
    return Device(name="device", state="wrong", found=found, then=then, public="it cannot be used")


def _passed_over(chosen: "torch.device") -> tuple[str, str]:
    """A GPU that is here and not used, and what would change that; empty without one."""
    import torch

    if chosen.type != "cpu":
        return "", ""
    if torch.cuda.is_available():
        return "; there is a GPU, which PEFT_DEVICE leaves alone", "PEFT_DEVICE=auto uses it."
    if torch.backends.mps.is_available():
        return "; there is an Apple GPU", "PEFT_DEVICE=mps tries it."
    if not shutil.which("nvidia-smi"):
        return "", ""
    if torch.version.cuda is None:
        then = "Install the build with CUDA, of the same version: pytorch.org/get-started says from where."
        return "; there is an NVIDIA driver, and this torch is a build without CUDA", then
    then = f"nvidia-smi says which CUDA the driver has; this torch wants {torch.version.cuda} or a newer driver."
    return "; there is an NVIDIA driver, and torch cannot use it", then


def _speed(chosen: "torch.device", precision: str, used: bool) -> Speed:
    found = flops_per_second(chosen, precision)
    if found is None:
        return Speed(name=precision, flops_per_second=None, found="cannot be multiplied here", public="not here")
    words = f"{found / 1e9:,.3g} GFLOP/s" if found < 1e12 else f"{found / 1e12:,.3g} TFLOP/s"
    words += ", what a run here computes in" if used else ""
    return Speed(name=precision, flops_per_second=found, found=words, public=words)


def flops_per_second(chosen: "torch.device", precision: str) -> float | None:
    """Of the product of T5-small's feed-forward; None: this device has none in this precision."""
    import torch
    from torch.nn.functional import linear

    dtype = getattr(torch, precision)
    weight = torch.randn(OUTPUTS, INPUTS).to(chosen, dtype)

    def product_of(rows: int) -> Callable[[], None]:
        inputs = torch.randn(rows, INPUTS).to(chosen, dtype)

        def product() -> None:
            float(linear(inputs, weight)[0, 0])  # reading a number waits for it, on any device

        return product

    try:
        product_of(FEWEST_ROWS)()  # the first one of all loads what it needs
        return _fastest(product_of)
    except RuntimeError:  # "not implemented for 'Half'", and the like
        return None


def _fastest(product_of: Callable[[int], Callable[[], None]]) -> float:
    """FLOPs a second of the largest product that there is time for."""
    until, rows = time.perf_counter() + SECONDS, FEWEST_ROWS
    while True:
        seconds = _seconds(product_of(rows), until)
        if seconds >= LONG_ENOUGH or rows == MOST_ROWS or time.perf_counter() > until:
            return 2 * rows * INPUTS * OUTPUTS / seconds
        rows = min(MOST_ROWS, 4 * rows)


def _seconds(product: Callable[[], None], until: float) -> float:
    """The median of a few, after one that does not count; of that one alone where time is up."""
    clock = []
    for _ in range(1 + REPEATS):
        began = time.perf_counter()
        product()
        clock.append(time.perf_counter() - began)
        if time.perf_counter() > until:
            break
    return median(clock[1:] or clock)
