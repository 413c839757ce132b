"""Keep freed memory for the next tensors. Importing this loads torch.

A pass over a few rows allocates and frees some 40 MB of hidden states. By default the C library gives much of that back
to the system each time, and the next pass pays for getting it again, page by page: 6,600 page faults, a sixth of its
time (docs/log.md).
"""

import torch

LARGE = (32 << 20) - (1 << 16)  # bytes; just below the largest block that glibc learns from


def keep_freed_memory() -> None:
    """From now on freed tensors of up to 32 MB stay with the process, 64 MB of them at most, and are used again.

    glibc raises its limits when it sees a large block freed: mallopt(3), M_MMAP_THRESHOLD. Elsewhere nothing changes.
    """
    torch.empty(LARGE, dtype=torch.uint8)
