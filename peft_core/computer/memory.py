"""How much memory there is, and how much of it is free: of the computer or its container, and of its GPU."""

from contextlib import suppress
from pathlib import Path

import psutil

from peft_core.computer.finding import Finding
from peft_core.statistics.formats import bytes_text
from peft_core.training.runs.process import memory_of_machine

WORKER = 400_000_000  # bytes of a worker that has imported everything and trains nothing yet (docs/serving.md)
COMFORTABLE = (
    2_500_000_000  # resident: a server with two base models 0.9 GB, a run of LoRA on tiny-t5 1.3 (docs/log.md)
)
_GROUP = Path("/sys/fs/cgroup")


class Memory(Finding):
    """Of the computer, or of its GPU."""

    total_bytes: int
    free_bytes: int


def of_computer() -> Memory:
    """The computer's; of a container that may have less, the container's."""
    total, free = memory_of_machine(), psutil.virtual_memory().available
    with suppress(OSError, ValueError, KeyError):  # no container, or one without a limit
        limit = int((_GROUP / "memory.max").read_text())
        free = min(free, max(0, limit - _in_use()))
    return judged("memory", total, free)


def judged(name: str, total: int, free: int) -> Memory:
    """Whether so much is enough."""
    found = f"{bytes_text(free)} of {bytes_text(total)} free"
    figures = {"name": name, "total_bytes": total, "free_bytes": free, "found": found}
    if free < WORKER:
        then = f"A training run takes {bytes_text(WORKER)} before its first step: close other programs, or end a run."
        return Memory(**figures, state="wrong", then=then, public="too little is free for a run")
    if free < COMFORTABLE:
        then = "Close other programs; PEFT_SPARE_WORKER=0 keeps no worker ready and saves 0.4 GB."
        return Memory(**figures, state="note", then=then, public="little is free")
    return Memory(**figures, public="enough is free")


def of_gpu() -> Memory | None:
    """The card's, where a run would use one that says; it loads torch."""
    import torch

    from peft_core.training.device import pick_device

    device = pick_device()
    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    found = f"{bytes_text(free)} of {bytes_text(total)} free"
    if free < WORKER:
        then = "End what else computes on this GPU (nvidia-smi lists it), or set PEFT_DEVICE=cpu."
        return Memory(
            name="GPU memory", state="wrong", total_bytes=total, free_bytes=free, found=found, then=then,
            public="too little is free for a run",
        )  # fmt: skip
    return Memory(name="GPU memory", total_bytes=total, free_bytes=free, found=found, public="enough is free")


def _in_use() -> int:
    """Bytes that a container's processes hold; what it keeps of files could go at once."""
    held = int((_GROUP / "memory.current").read_text())
    kept = dict(line.split() for line in (_GROUP / "memory.stat").read_text().splitlines())
    return held - int(kept["inactive_file"])
