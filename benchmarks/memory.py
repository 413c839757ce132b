"""Resident memory of this process, as the kernel counts it (Linux with glibc).

The kernel keeps the highest value by itself (VmHWM), so nothing between two samples is missed, and `clear_refs` sets it
back to the present value: proc(5). `getrusage` gives the same number but cannot be set back.

The C library keeps freed memory for reuse, in a training step hundreds of megabytes of it, which cannot be told from
memory in use. `give_back_at_once` makes it return every freed tensor, `keep_for_reuse` lets it keep them: mallopt(3).
"""

import ctypes
import re
from pathlib import Path

from peft_core.errors import PeftClassroomError

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_HIGHEST = "5"
# malloc.h; blocks of at least the mmap threshold are mappings of their own, unmapped when freed
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE_BLOCK = 1 << 18  # bytes; an activation of a training step is larger
MAX_MMAP_THRESHOLD = 1 << 25  # where glibc itself arrives after large blocks were freed


def resident_bytes() -> int:
    """Memory in use now.

    Raises:
        PeftClassroomError: on a system other than Linux.
    """
    return _read("VmRSS")


def highest_bytes() -> int:
    """The most memory in use since the start or the last `reset_highest()`.

    Raises:
        PeftClassroomError: on a system other than Linux.
    """
    return _read("VmHWM")


def reset_highest() -> None:
    """From now on the highest value starts at the present one.

    Raises:
        PeftClassroomError: on a system other than Linux, or where a process may not do so.
    """
    try:
        CLEAR.write_text(RESET_HIGHEST)
    except OSError as error:
        raise PeftClassroomError(f"Peak memory can be measured on Linux only: {CLEAR} cannot be written.") from error


def give_back_at_once() -> None:
    """From now on freed tensors go back to the system: for measuring memory. Slow. Call it before large allocations:
    what the library holds already, it uses again.

    Raises:
        PeftClassroomError: where the C library is not glibc.
    """
    _mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def give_back_now() -> None:
    """What was freed so far goes back to the system, small blocks too: malloc_trim(3).

    Raises:
        PeftClassroomError: where the C library is not glibc.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, TypeError, OSError) as error:
        raise PeftClassroomError("Memory in use can be measured on Linux with glibc only.") from error


def keep_for_reuse() -> None:
    """From now on freed tensors are kept for the next ones, as usual: for measuring time.

    Raises:
        PeftClassroomError: where the C library is not glibc.
    """
    _mallopt(M_MMAP_THRESHOLD, MAX_MMAP_THRESHOLD)
    _mallopt(M_TRIM_THRESHOLD, 2 * MAX_MMAP_THRESHOLD)


def _mallopt(parameter: int, value: int) -> None:
    try:
        ctypes.CDLL(None).mallopt(parameter, value)
    except (AttributeError, TypeError, OSError) as error:
        raise PeftClassroomError("Memory in use can be measured on Linux with glibc only.") from error


def _read(name: str) -> int:
    try:
        return 1024 * int(re.search(rf"^{name}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)[1])
    except (OSError, TypeError) as error:
        raise PeftClassroomError(f"Peak memory can be measured on Linux only: {STATUS} has no {name}.") from error
