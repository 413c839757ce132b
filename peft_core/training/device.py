"""Which device a run uses, in words and in precision."""

import os
import platform

import torch
from torch import nn

COMPILE_FROM_STEPS = 2_000  # a guess, to be measured on a GPU: compiling takes about a minute, which steps must earn


def pick_device() -> torch.device:
    """A CUDA GPU when there is one, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def describe(device: torch.device) -> str:
    """For people: the GPU's name, or the CPU's with its number of cores."""
    if device.type == "cuda":
        return f"GPU: {torch.cuda.get_device_name(device)}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU: {_cpu_name()}, {cores} core{'s' if cores != 1 else ''}"


def _cpu_name() -> str:
    return torch.cpu.get_capabilities().get("cpu_name") or platform.processor() or platform.machine()


def compute_dtype(device: torch.device) -> torch.dtype:
    """bf16 where the hardware multiplies it natively (2 to 4 times faster), fp32 elsewhere."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capabilities = torch.cpu.get_capabilities()
    native = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "sve_bf16", "bf16"))
    return torch.bfloat16 if native else torch.float32


def precision_name(dtype: torch.dtype) -> str:
    """The name that records have: "bfloat16", "float32"."""
    return str(dtype).removeprefix("torch.")


def evaluation_batch(device: torch.device) -> int:
    """Reviews that are measured at a time. On a CPU 64 are slower than 32 (docs/log.md)."""
    return 256 if device.type == "cuda" else 32


def compile_if_it_pays(model: nn.Module, device: torch.device, steps: int) -> bool:
    """Let torch.compile build the kernels of a long run on a GPU; says whether it did.

    On a CPU it does not pay: what it would fuse is fused by hand (peft_core/t5/fused.py), and a class does not wait.
    """
    if device.type != "cuda" or steps < COMPILE_FROM_STEPS:
        return False
    model.compile()  # in place: parameters keep their names
    return True
