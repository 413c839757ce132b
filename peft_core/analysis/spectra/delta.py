"""ΔW, what training has added to one weight matrix, and its singular values. NumPy only.

    LoRA               ΔW = (alpha / r)·B·A    B (out, r), A (r, in)      kept as its two factors
    full fine-tuning   ΔW = W − W₀             (out, in)                  kept as the matrix it is

The SVD of B·A needs no (out, in) matrix. With thin QR decompositions B = Q_B·R_B and Aᵀ = Q_A·R_A,

    B·A = Q_B·(R_B·R_Aᵀ)·Q_Aᵀ

and the matrix in the middle is r × r. Its singular values are those of B·A: Q_B and Q_A have orthonormal columns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from peft_core.analysis.spectra.one_thread import numpy_in_one_thread
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import METHODS, method_label, method_of
from peft_core.t5.names import Place

NO_A = "Only LoRA has a factor A, full fine-tuning has none. Compare the directions of ΔW instead (dW)."


def check_method(method: MethodConfig, name: str) -> None:
    """Refuse the methods that add nothing to a weight matrix.

    Raises:
        PeftClassroomError: for a soft prompt or an adapter.
    """
    if not method_of(method).changes_matrices:
        have = " or ".join(other.label(other.config()) for other in METHODS.values() if other.changes_matrices)
        raise PeftClassroomError(
            f"{name} ({method_label(method)}) adds nothing to a weight matrix, so it has no ΔW. Choose a checkpoint of "
            f"another method, such as {have}."
        )


class Svd(NamedTuple):
    """A thin SVD, M = u·diag(sigmas)·vt: u (out, n), sigmas (n,) falling, vt (n, in)."""

    u: np.ndarray
    sigmas: np.ndarray
    vt: np.ndarray


def svd(matrix: np.ndarray) -> Svd:
    """The thin SVD in double precision, without the sign convention of `spectrum.svd_terms`.

    Raises:
        PeftClassroomError: if some number is not finite.
    """
    return Svd(*np.linalg.svd(_for_svd(matrix), full_matrices=False))


def _for_svd(matrix: np.ndarray) -> np.ndarray:
    numpy_in_one_thread()
    if not np.isfinite(matrix).all():
        raise PeftClassroomError("An SVD needs finite numbers; this update holds NaN or infinity. Train it again.")
    return np.asarray(matrix, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class DenseDelta:
    """An update that is kept as a matrix, (out, in).

    `rounding` is the Frobenius norm that the rounding of the stored weights adds to it, as expected, and `floor` the
    largest singular value that rounding has by itself: σ below it are the file's, not the training's.
    """

    name: Place
    matrix: np.ndarray
    rounding: float = 0.0
    floor: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in)"""
        return self.matrix.shape

    @property
    def max_rank(self) -> int:
        """No update of this form can have a higher rank: min(out, in)."""
        return min(self.shape)

    @cached_property
    def svd(self) -> Svd:
        """With `max_rank` singular values."""
        return svd(self.matrix)

    @cached_property
    def sigmas(self) -> np.ndarray:
        """The `max_rank` singular values, falling: a third of the work where no directions are asked for.

        Raises:
            PeftClassroomError: as `svd`.
        """
        return np.linalg.svd(_for_svd(self.matrix), compute_uv=False)

    @cached_property
    def norm(self) -> float:
        """Frobenius norm."""
        return float(np.linalg.norm(self.matrix.astype(np.float64)))


@dataclass(frozen=True, eq=False)
class LowRankDelta:
    """An update that is kept as factors, scaling·B·A: `b` (out, r), `a` (r, in)."""

    name: Place
    b: np.ndarray
    a: np.ndarray
    scaling: float
    rounding = floor = 0.0  # stored in fp32

    @property
    def shape(self) -> tuple[int, int]:
        """(out, in)"""
        return self.b.shape[0], self.a.shape[1]

    @property
    def max_rank(self) -> int:
        """No update of this form can have a higher rank: min(r, out, in)."""
        return min(*self.b.shape, self.a.shape[1])

    @property
    def matrix(self) -> np.ndarray:
        """scaling·B·A, (out, in). Nothing here needs it: it is for whoever wants to look at it."""
        return self.scaling * (self.b.astype(np.float64) @ self.a.astype(np.float64))

    @cached_property
    def svd(self) -> Svd:
        """By thin QR of both factors, with `max_rank` singular values."""
        numpy_in_one_thread()
        q_b, r_b = np.linalg.qr(self.b.astype(np.float64))
        q_a, r_a = np.linalg.qr(self.a.astype(np.float64).T)
        u, sigmas, vt = svd(self.scaling * r_b @ r_a.T)
        return Svd(q_b @ u, sigmas, vt @ q_a.T)

    @property
    def sigmas(self) -> np.ndarray:
        """The `max_rank` singular values, falling."""
        return self.svd.sigmas

    @cached_property
    def norm(self) -> float:
        """Frobenius norm."""
        return float(np.linalg.norm(self.sigmas))


Delta = DenseDelta | LowRankDelta


def random_like(delta: Delta, seed: int) -> Delta:
    """A matrix that has learnt nothing: same shape, same highest rank, same Frobenius norm, Gaussian numbers.

    Of low rank: the product of two factors, as in LoRA. Of full rank: independent entries.
    """
    rng = np.random.default_rng(seed)
    rows, columns = delta.shape
    if isinstance(delta, DenseDelta):
        drawn: Delta = DenseDelta(delta.name, rng.standard_normal((rows, columns)))
        return DenseDelta(delta.name, drawn.matrix * (delta.norm / drawn.norm))
    rank = delta.a.shape[0]
    drawn = LowRankDelta(delta.name, rng.standard_normal((rows, rank)), rng.standard_normal((rank, columns)), 1.0)
    return LowRankDelta(delta.name, drawn.b, drawn.a, delta.norm / drawn.norm)


def kept_energy(deltas: Iterable[Delta], k: int) -> float:
    """Share of the squared norm of all matrices together that the first k singular values of each hold, 0 … 1."""
    squares = [delta.sigmas**2 for delta in deltas]
    total = sum(float(s.sum()) for s in squares)
    return sum(float(s[:k].sum()) for s in squares) / total if total else 1.0
