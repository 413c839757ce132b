"""The loss of a batch and its gradients; on a CPU one slice of the batch for each thread.

Kernels of a small T5 are short. Threads that share each of them wait for one another hundreds of times in a step;
threads that take a slice of the batch each meet once, at its end. On a GPU whose memory is too small for the batch the
slices come one after the other.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise

import torch
from torch import nn

from peft_core.reviews.batches import Batch
from peft_core.training.device import carried_autocast, kind, number

ROWS_PER_SLICE = 8  # fewer, and reading the weights costs more than the rows
Loss = Callable[[Batch], torch.Tensor]


def slices_for(model: nn.Module, device: torch.device, batch_size: int) -> int:
    """How many threads share a batch: 1 on a GPU, and where dropout draws random numbers from the one generator."""
    if not kind(device).threads_share or draws_random_numbers(model):
        return 1
    return max(1, min(torch.get_num_threads(), batch_size // ROWS_PER_SLICE))


def draws_random_numbers(model: nn.Module) -> bool:
    """Whether the model has dropout that is not zero."""
    return any(
        module.p > 0
        if isinstance(module, nn.Dropout)
        else isinstance(p := getattr(module, "dropout", 0), float) and p > 0
        for module in model.modules()
    )


def gradients(
    loss: Loss,
    parameters: Sequence[nn.Parameter],
    batch: Batch,
    slices: int,
    parts: int = 1,
    scale: Callable[[torch.Tensor], torch.Tensor] = lambda value: value,
) -> tuple[float | torch.Tensor, list[torch.Tensor]]:
    """(loss, gradients in fp32) of a batch. `loss` adds up over rows: that of a batch is the sum of its slices'.

    A parameter that the loss does not depend on has a gradient of zeros. The loss is a number where reading it waits
    for nothing, else a tensor.

    Args:
        slices: that threads compute at the same time.
        parts: that are computed one after the other, where there is no memory for all rows at once.
        scale: the gradients are those of the loss after this.
    """

    def work(part: Batch) -> tuple[float | torch.Tensor, Sequence[torch.Tensor]]:
        value = loss(part)
        return number(value), torch.autograd.grad(scale(value), parameters, materialize_grads=True)

    if slices > 1:
        done = list(in_threads(work, sliced(batch, slices), slices))
        return sum(value for value, _ in done), [sum_in_fp32(of) for of in zip(*(g for _, g in done), strict=True)]
    first, *rest = sliced(batch, parts) if parts > 1 else [batch]
    value, found = work(first)
    total = [grad.float() for grad in found]
    for part in rest:
        more, found = work(part)
        value, total = value + more, [sum_in_fp32(both) for both in zip(total, found, strict=True)]
    return value, total


def sum_in_fp32(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """The sum, in the order given."""
    total = parts[0].float()
    for part in parts[1:]:
        total = total + part
    return total


def sliced(batch: Batch, slices: int) -> list[Batch]:
    """The rows of a batch in `slices` batches, as equal as can be."""
    rows = len(batch.rows)
    cuts = [rows * i // slices for i in range(slices + 1)]
    return [Batch(batch.input_ids[a:b], batch.attention_mask[a:b], batch.rows[a:b]) for a, b in pairwise(cuts)]


def in_threads(work: Callable, items: Sequence, threads: int) -> Iterator:
    """`work(item)` of every item, in order, `threads` at a time, the kernels of each with its share of the cores.

    The caller's autocast holds in the threads, too.
    """
    autocast = carried_autocast()

    def work_there(item):
        with autocast():
            return work(item)

    with kernels_of(max(1, torch.get_num_threads() // threads)) as each:
        yield from _pool(threads, each, os.getpid()).map(work_there, items)


@lru_cache(maxsize=4)
def _pool(threads: int, each: int, process: int) -> ThreadPoolExecutor:
    """Threads that go on waiting for work. `process`: those of a parent do not exist in a forked child."""
    return ThreadPoolExecutor(threads, "slice", initializer=torch.set_num_threads, initargs=(each,))


@contextmanager
def kernels_of(threads: int) -> Iterator[int]:
    """Meanwhile every kernel has so many threads.

    OpenMP keeps a number of threads for each thread that calls it, MKL one for the process.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield threads
    finally:
        torch.set_num_threads(before)
