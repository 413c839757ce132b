"""numpy's matrix products and decompositions in one thread. No torch here.

OpenBLAS, which numpy brings along, starts a thread a core, and they wait for one another spinning. While other
processes had the second core, the SVD of a 256 × 256 matrix took 1.36 s so, and 0.013 s in one thread; with both cores
free two threads took 0.020 s.
"""

from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def numpy_in_one_thread() -> None:
    """From now on, for the whole process. Torch has a library of its own and keeps its threads."""
    ThreadpoolController().select(internal_api="openblas").limit(limits=1)
