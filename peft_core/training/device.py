"""Everything that differs by device: which one is used, its words, precision and memory, and how values get there.

Whoever trains or measures asks here, and nowhere else in the library is a kind of device told from another, but for the
fused modules, which are for a CPU (`methods/fast.py`).

    CPU     measured (docs/speed.md)                 bf16 where the processor says that it multiplies it natively
    CUDA    `auto` takes it where there is one       the fastest of bf16, fp16 and fp32, measured when a run starts
    MPS     when asked for; nobody has measured it   fp32

`PEFT_DEVICE` chooses the device, `PEFT_PRECISION` the precision (docs/gpu.md).
"""

import os
import platform
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from statistics import median

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from peft_core.errors import PeftClassroomError
from peft_core.methods.fast import fuse
from peft_core.reviews.batches import Batch
from peft_core.t5.precision import cast
from peft_core.validated import shortened

DEVICE, PRECISION = "PEFT_DEVICE", "PEFT_PRECISION"
HALVES = (torch.bfloat16, torch.float16)
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
PRODUCTS = 5  # that say how fast a precision is
PATIENCE = 0.1  # seconds of one product: a precision that takes longer is emulated, and is not asked again
PAYS = 1.25  # half precision has to be so many times as fast as fp32
SCALER_PAYS = 1.5  # and fp16, whose loss is scaled and whose steps may be lost, so many times as fast as bf16
# As powers of two they change no digit. A run of a class has a hundred steps: torch's 65,536 would lose the first few.
SCALE, SCALE_GROWS_AFTER = 2.0**14, 200


class Kind:
    """A kind of device; what stands here is so on a CPU."""

    attention = "eager"  # torch's fused attention is slower for these shapes: 50 against 61 examples a second
    reading_waits = False  # whether to read a number is to wait for all that was asked of the device
    threads_share = True  # whether threads of this process share a batch
    evaluation_rows = 32  # that are measured at a time; 64 are slower (docs/log.md)
    side = 1024  # of the matrices whose product says how fast a precision is

    def number(self) -> int:
        """How many of them there are."""
        return 1

    def words(self, device: torch.device) -> str:
        """Its name, for people."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        name = torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine()
        return f"CPU: {name}, {cores} core{'s' if cores != 1 else ''}"

    def dtype(self, device: torch.device) -> torch.dtype:
        """bf16 where the processor says that it multiplies it natively (2 to 4 times as fast), fp32 elsewhere.

        Here the flags are right, and a measurement would not be: on cores that others use it falls out one way now and
        the other way later, and the same seed would no longer give the same run.
        """
        capabilities = torch.cpu.get_capabilities()
        native = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "sve_bf16", "bf16"))
        return torch.bfloat16 if native else torch.float32

    def there(self, values: torch.Tensor, device: torch.device) -> torch.Tensor:
        """The values on the device."""
        return values

    def wait(self, device: torch.device) -> None:
        """Until all that was asked of it is done."""

    def free_bytes(self, device: torch.device) -> int | None:
        """Memory that a run may still take; None: whatever the system gives."""

    def begin_peak(self, device: torch.device) -> None:
        """From now on `peak_bytes` counts anew."""

    def peak_bytes(self, device: torch.device) -> int | None:
        """The most memory of the device that this process has had in use; None where nobody counts it."""

    def release(self, device: torch.device) -> None:
        """Give back what is kept for reuse: another run on the device may need it."""

    def lacks_memory(self, error: BaseException) -> bool:
        """Whether the error says that the device has no memory left. On a CPU the run ends with it."""
        return False


class Accelerator(Kind):
    """Computes by itself while Python goes on: nothing may wait for it in every step."""

    attention = "sdpa"
    reading_waits = True
    threads_share = False
    evaluation_rows = 256
    side = 2048

    def there(self, values: torch.Tensor, device: torch.device) -> torch.Tensor:
        return values.to(device)

    def lacks_memory(self, error: BaseException) -> bool:
        words = ("out of memory", "ALLOC_FAILED")  # of MPS, and of CUDA's own libraries
        return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in words)


class Cuda(Accelerator):
    """A GPU of NVIDIA, or of AMD under ROCm."""

    def number(self) -> int:
        return torch.cuda.device_count() if torch.cuda.is_available() else 0

    def words(self, device: torch.device) -> str:
        return f"GPU: {torch.cuda.get_device_name(device)}"

    def dtype(self, device: torch.device) -> torch.dtype:
        """By what is fast there: `is_bf16_supported()` also says yes where bf16 is emulated."""
        try:
            return by_speed(speeds(device))
        except RuntimeError as error:
            raise PeftClassroomError(
                f"The {self.words(device)} cannot multiply with this torch ({shortened(str(error).splitlines()[0])}). "
                f"{DEVICE}=cpu trains on the processor."
            ) from error

    def there(self, values: torch.Tensor, device: torch.device) -> torch.Tensor:
        """From pinned memory, while it computes."""
        return values.pin_memory().to(device, non_blocking=True)

    def wait(self, device: torch.device) -> None:
        torch.cuda.synchronize(device)

    def free_bytes(self, device: torch.device) -> int | None:
        """What no process has, and what this one keeps for reuse."""
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)

    def begin_peak(self, device: torch.device) -> None:
        torch.cuda.init()  # before that there is nothing to count
        torch.cuda.reset_peak_memory_stats(device)

    def peak_bytes(self, device: torch.device) -> int | None:
        return torch.cuda.max_memory_allocated(device)

    def release(self, device: torch.device) -> None:
        torch.cuda.empty_cache()


class Mps(Accelerator):
    """The GPU of an Apple computer."""

    def number(self) -> int:
        return int(torch.backends.mps.is_available())

    def words(self, device: torch.device) -> str:
        return f"GPU: {platform.processor() or platform.machine()} (MPS)"

    def dtype(self, device: torch.device) -> torch.dtype:
        """Of the three only fp32 needs no measurement to be right."""
        return torch.float32

    def wait(self, device: torch.device) -> None:
        torch.mps.synchronize()

    def free_bytes(self, device: torch.device) -> int | None:
        return max(0, torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())

    def release(self, device: torch.device) -> None:
        torch.mps.empty_cache()


KINDS: dict[str, Kind] = {"cpu": Kind(), "cuda": Cuda(), "mps": Mps()}


def kind(device: torch.device) -> Kind:
    """What is so on this device."""
    return KINDS[device.type]


def pick_device() -> torch.device:
    """The device that `PEFT_DEVICE` names; "auto", as without it: a CUDA GPU where there is one, otherwise the CPU.

    Raises:
        PeftClassroomError: if it names none, or one that is not here.
    """
    asked = os.environ.get(DEVICE, "").strip().lower() or "auto"
    if asked == "auto":
        return torch.device("cuda" if KINDS["cuda"].number() else "cpu")
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", asked):
        raise PeftClassroomError(
            f"{DEVICE} is {shortened(asked, 40)!r}. Choose auto, cpu, cuda, cuda:1 (the second GPU) or mps."
        )
    device = torch.device(asked)
    if (device.index or 0) >= (there := kind(device).number()):
        of_kind = {0: "none", 1: "one"}.get(there, str(there))
        raise PeftClassroomError(
            f"{DEVICE} is {asked}, and torch finds {of_kind} of this kind here. {DEVICE}=auto takes what there is."
        )
    return device


def describe(device: torch.device) -> str:
    """For people: the GPU's name, or the CPU's with its number of cores."""
    return kind(device).words(device)


def compute_dtype(device: torch.device) -> torch.dtype:
    """The precision that a run there computes in: what `PEFT_PRECISION` names, else what is fast there.

    Raises:
        PeftClassroomError: if it names none.
    """
    asked = os.environ.get(PRECISION, "").strip().lower() or "auto"
    if asked == "auto":
        return kind(device).dtype(device)
    if asked not in PRECISIONS:
        raise PeftClassroomError(f"{PRECISION} is {shortened(asked, 40)!r}. Choose auto, {', '.join(PRECISIONS)}.")
    return PRECISIONS[asked]


def precision_name(dtype: torch.dtype) -> str:
    """The name that records have: "bfloat16", "float16", "float32"."""
    return str(dtype).removeprefix("torch.")


@lru_cache(maxsize=8)
def speeds(device: torch.device) -> dict[torch.dtype, float]:
    """FLOPs a second of a product of two square matrices in each precision: medians, the precisions in turn.

    Once in a process, and in a fraction of a second on a GPU. 0 for a half precision in which there is no product.
    """
    first = {dtype: _product(device, dtype) for dtype in PRECISIONS.values()}  # builds kernels, and does not count
    clock: dict[torch.dtype, list[float]] = {dtype: [] for dtype, took in first.items() if took is not None}
    for _ in range(PRODUCTS):
        for dtype, seconds in clock.items():
            if not seconds or seconds[0] < PATIENCE:
                seconds.append(_product(device, dtype))
    work = 2 * kind(device).side ** 3
    return {dtype: work / median(clock[dtype]) if dtype in clock else 0.0 for dtype in first}


def _product(device: torch.device, dtype: torch.dtype) -> float | None:
    """Seconds of one; None where there is none in this half precision. One in fp32 there is, or nothing works."""
    side = kind(device).side
    try:
        matrix = torch.ones(side, side, device=device, dtype=dtype)
        kind(device).wait(device)
        started = time.perf_counter()
        torch.mm(matrix, matrix)
        kind(device).wait(device)
    except RuntimeError:
        if dtype in HALVES:
            return None
        raise
    return time.perf_counter() - started


def by_speed(measured: Mapping[torch.dtype, float]) -> torch.dtype:
    """fp32, unless a half precision is clearly faster; of the two bf16, unless fp16 is clearly faster."""
    bf16, fp16 = (measured.get(dtype, 0.0) for dtype in HALVES)
    half, speed = (torch.float16, fp16) if fp16 > SCALER_PAYS * bf16 else (torch.bfloat16, bf16)
    return half if speed >= PAYS * measured[torch.float32] else torch.float32


def place(model: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """`model` where it will compute, in the form and precision that suit the device; returns the same model.

    In bf16 weights that are frozen are kept in bf16. fp16 has too small a range for that: weights stay in fp32, and
    autocast rounds what enters a product.
    """
    scaled = dtype == torch.float16
    cast(model, torch.float32 if scaled else dtype, device)
    model.to(device)  # what is no parameter
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and module.config._attn_implementation != kind(device).attention:
            module.set_attn_implementation(kind(device).attention)
    if not scaled:
        return fuse(model, device)
    model.forward = torch.autocast(device.type, dtype)(model.forward)  # which the fused modules know nothing of
    return model


def loss_scaler(device: torch.device, dtype: torch.dtype) -> torch.amp.GradScaler:
    """What keeps small gradients within the range of fp16; in another precision it leaves everything as it is."""
    scaled = dtype == torch.float16
    return torch.amp.GradScaler(device.type, init_scale=SCALE, growth_interval=SCALE_GROWS_AFTER, enabled=scaled)


def inputs(batch: Batch, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """(token ids, mask) of a batch on the device.

    The library looks at the values of a mask (batch, width), and waits for the device; a mask (batch, 1, 1, width) it
    takes as it is.
    """
    here = kind(device)
    mask = batch.attention_mask[:, None, None].astype(bool) if here.reading_waits else batch.attention_mask
    return on_device(batch.input_ids, device), on_device(mask, device)


def on_device(values: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """The values as a tensor on the device."""
    return kind(device).there(torch.as_tensor(values), device)


def number(value: torch.Tensor) -> float | torch.Tensor:
    """A tensor of one number as a number, where that waits for nothing; elsewhere the tensor."""
    return value.detach() if kind(value.device).reading_waits else value.item()


def carried_autocast() -> Callable[[], AbstractContextManager]:
    """What a thread enters to compute on the CPU as the caller does now: autocast is each thread's own."""
    enabled, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")
    return partial(torch.autocast, "cpu", dtype, enabled=enabled)
