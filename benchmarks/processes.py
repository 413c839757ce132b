"""What the benchmarks share: a fresh process for a measurement, and where a result comes from."""

import argparse
import multiprocessing
import shlex
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from typing import Any

from peft_core.report.costs.measured import Provenance

PACKAGES = ("torch", "transformers", "safetensors", "numpy")


def one_process_settings(threads: int) -> dict[str, str]:
    """Environment of a measuring process with `threads` threads; it has to be set before torch is imported."""
    number = str(threads)
    return {"OMP_NUM_THREADS": number, "MKL_NUM_THREADS": number, "OMP_WAIT_POLICY": "PASSIVE"}


def in_a_fresh_process(preload: Sequence[str], function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`, called in a process of its own.

    A server process imports the modules `preload` once and computes nothing; each measuring process is a fork of it.

    Raises:
        BrokenProcessPool: if the process dies, for want of memory for example.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def provenance(command: str, threads: int, peers: Sequence[str] = ()) -> Provenance:
    """Which machine, which versions (those of the packages `peers` as well), when."""
    from peft_core.training.device import compute_dtype, describe, pick_device

    device = pick_device()
    return Provenance(
        command=command,
        machine=describe(device),
        threads=threads,
        precision=str(compute_dtype(device)).removeprefix("torch."),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions={name: metadata.version(name) for name in (*PACKAGES, *peers)},
    )


def command_line(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str:
    """What to type to measure the same again: the options that are not the defaults, a flag (True) without a value."""
    words = [parser.prog]
    for name, value in vars(options).items():
        if value != parser.get_default(name) and name != "json":
            words.append("--" + name.replace("_", "-"))
            if value is not True:
                words += [shlex.quote(str(part)) for part in (value if isinstance(value, list) else [value])]
    return " ".join(words)
