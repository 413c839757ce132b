"""A device that is not there: its values lie in the CPU's memory, and it refuses what a GPU would refuse or wait for.

    left behind    an operation on tensors of the device and of the CPU, 0-dimensional ones left out, as with CUDA
    waiting        .item(), .cpu(), .tolist(), bool(), a shape that depends on values, a copy that is not from pinned
                   memory, `wait`; allowed but where `hurried` holds

To torch it is a meta device with a number, which nothing else has: a device that is not the CPU, and needs no driver.
"""

import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch.optim import optimizer
from torch.utils import _pytree as trees
from torch.utils._python_dispatch import TorchDispatchMode

from peft_core.training.device import KINDS, Accelerator

DEVICE = torch.device("meta", 0)
aten = torch.ops.aten
COPIES = (aten._to_copy.default, aten.copy_.default)
READS_VALUES = (
    aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten.equal, aten.repeat_interleave, aten.unique_dim,
    aten._unique2, aten.unique_consecutive, aten.bincount, aten.is_nonzero,
)  # fmt: skip
INDEXING = (aten.index, aten.index_put, aten.index_put_)


class LeftBehindError(Exception):
    """A tensor of the CPU met one of the device."""


class WaitingError(Exception):
    """Something waited for the device where nothing may."""


class Device:
    """What is known of the stand-in in this process."""

    def __init__(self) -> None:
        self.hurry = False
        self.pinned: dict[int, weakref.ref] = {}
        self.waits: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()

    def waits_for(self, what: str) -> None:
        self.waits[what] += 1
        if self.hurry:
            raise WaitingError(f"{what} waits for the device.")

    def pin(self, values: torch.Tensor) -> torch.Tensor:
        copied = values.clone()
        self.pinned[id(copied)] = weakref.ref(copied)
        return copied

    def is_pinned(self, values: torch.Tensor) -> bool:
        reference = self.pinned.get(id(values))
        return reference is not None and reference() is values


STAND_IN = Device()


class There(torch.Tensor):
    """A tensor of the device; `held` has its values."""

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "There":
        return torch.Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )

    def __init__(self, held: torch.Tensor) -> None:
        self.held = held

    def __repr__(self, **_) -> str:
        return f"There({tuple(self.shape)})"

    def tolist(self) -> list:
        STAND_IN.waits_for("tolist")  # torch has none for tensors of a class of their own
        return self.held.tolist()

    @classmethod
    def __torch_dispatch__(cls, operation, types, arguments=(), named=None):
        return computed(operation, arguments, named or {})


class Watch(TorchDispatchMode):
    """Sees what makes a tensor out of nothing, too."""

    def __torch_dispatch__(self, operation, types, arguments=(), named=None):
        return computed(operation, arguments, named or {})


def computed(operation, arguments, named):
    """The operation, by the CPU, on what the tensors hold."""
    tensors = [x for x in trees.tree_leaves((arguments, named)) if isinstance(x, torch.Tensor)]
    of_device = [x for x in tensors if isinstance(x, There)]
    asked = named.get("device")
    to_device = asked is not None and torch.device(asked) == DEVICE
    if not of_device and not to_device:
        return operation(*arguments, **named)
    STAND_IN.operations[operation.name()] += 1
    if operation in COPIES:
        _check_copy(operation, arguments, named)
    else:
        _check(operation, arguments, tensors, of_device)
    named = (
        named
        | ({} if asked is None else {"device": torch.device("cpu")})
        | ({"pin_memory": None} if named.get("pin_memory") else {})
    )
    held = trees.tree_map_only(There, lambda x: x.held, (arguments, named))
    done = operation(*held[0], **held[1])
    writes = [x.is_out or (x.alias_info is not None and x.alias_info.is_write) for x in operation._schema.arguments]
    if any(writes):
        if "out" in named:
            return named["out"]
        return arguments[writes.index(True)] if operation._schema.returns else None
    leaves_device = operation is COPIES[0] and asked is not None and not to_device
    if leaves_device:
        return done
    views = any(x.alias_info is not None for x in operation._schema.arguments)
    with torch.inference_mode(torch.is_inference_mode_enabled() and not views):  # a view is what it is a view of
        return trees.tree_map_only(torch.Tensor, There, done)


def _check_copy(operation, arguments, named) -> None:
    if operation is COPIES[0]:
        source, asked = arguments[0], named.get("device")
        there = isinstance(source, There) if asked is None else torch.device(asked) == DEVICE
    else:
        there, source = isinstance(arguments[0], There), arguments[1]
    if there and not isinstance(source, There):
        at_once = named.get("non_blocking") or (len(arguments) > 2 and arguments[2])
        if not (at_once and STAND_IN.is_pinned(source)):
            STAND_IN.waits_for("a copy from memory that is not pinned")
    elif not there:
        STAND_IN.waits_for("a copy to the CPU")


def _check(operation, arguments, tensors, of_device) -> None:
    left = [x for x in tensors if not isinstance(x, There) and x.dim() > 0]
    if left and of_device:
        raise LeftBehindError(f"{operation.name()} of {[tuple(x.shape) for x in left]}, which lie on the CPU.")
    packet = operation.overloadpacket
    by_mask = packet in INDEXING and any(x is not None and x.dtype == torch.bool for x in arguments[1])
    if packet in READS_VALUES or by_mask:
        STAND_IN.waits_for(operation.name())


class Kind(Accelerator):
    """As a GPU is: memory of its own, and numbers that are waited for."""

    def number(self) -> int:
        return 1

    def words(self, device: torch.device) -> str:
        return "GPU: a stand-in"

    def dtype(self, device: torch.device) -> torch.dtype:
        return torch.float32  # to be held beside the CPU's

    def there(self, values: torch.Tensor, device: torch.device) -> torch.Tensor:
        return STAND_IN.pin(values).to(device, non_blocking=True)

    def wait(self, device: torch.device) -> None:
        STAND_IN.waits_for("wait")

    def free_bytes(self, device: torch.device) -> int:
        return 10**9

    def peak_bytes(self, device: torch.device) -> int:
        return 12_345


@contextmanager
def there(kind: Accelerator | None = None) -> Iterator[torch.device]:
    """The device, as long as this lasts: `KINDS` knows it, and every operation is looked at."""
    STAND_IN.waits.clear()
    STAND_IN.operations.clear()
    fused, autocast = optimizer._get_fused_kernels_supported_devices, torch.autocast
    with pytest.MonkeyPatch.context() as patched, Watch():
        patched.setitem(KINDS, DEVICE.type, kind or Kind())
        patched.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: [*fused(), DEVICE.type])
        patched.setattr(
            torch, "autocast", lambda of, *rest, **n: nullcontext() if of == DEVICE.type else autocast(of, *rest, **n)
        )
        yield DEVICE


@contextmanager
def hurried() -> Iterator[None]:
    """Nothing may wait for the device."""
    STAND_IN.hurry = True
    try:
        yield
    finally:
        STAND_IN.hurry = False
