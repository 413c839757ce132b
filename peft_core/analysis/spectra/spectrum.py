"""A matrix as a sum of rank-one pieces: the singular value decomposition (SVD). NumPy only; no torch here.

    M = Σᵢ σᵢ·uᵢ·vᵢᵀ        σ₁ ≥ σ₂ ≥ … ≥ 0, the uᵢ orthonormal, the vᵢ orthonormal
    M·x = Σᵢ σᵢ·⟨vᵢ, x⟩·uᵢ

Of all matrices of rank k or less, the sum of the first k pieces is nearest to M in the Frobenius norm, and what is
missing has the norm √(σₖ₊₁² + σₖ₊₂² + …) (Eckart & Young 1936).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peft_core.errors import PeftClassroomError

TIED = 1e-9  # components closer than this to the largest one count as equally large


@dataclass(frozen=True, eq=False)
class Term:
    """One piece, σ·u·vᵀ: `sigma` ≥ 0, `u` (rows,) and `v` (columns,) of length 1."""

    sigma: float
    u: np.ndarray
    v: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """σ·u·vᵀ, shape (rows, columns)."""
        return self.sigma * np.outer(self.u, self.v)


def svd_terms(matrix: np.ndarray) -> tuple[Term, ...]:
    """The min(rows, columns) pieces of `matrix`, the largest σ first.

    u and v could both change sign: here the largest component of u is positive (of equally large ones the first).

    Raises:
        PeftClassroomError: if it is no matrix with rows and columns, or some of its numbers are not finite.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise PeftClassroomError(f"An SVD needs a matrix with rows and columns; this has the shape {matrix.shape}.")
    if not np.isfinite(matrix).all():
        raise PeftClassroomError("An SVD needs finite numbers; this matrix holds NaN or infinity.")
    left, sigmas, right = np.linalg.svd(matrix, full_matrices=False)
    terms = []
    for sigma, u, v in zip(sigmas, left.T, right, strict=True):
        sign = _sign(u)
        terms.append(Term(float(sigma), sign * u, sign * v))
    return tuple(terms)


def _sign(u: np.ndarray) -> float:
    size = np.abs(u)
    return 1.0 if u[np.argmax(size >= size.max() - TIED)] > 0 else -1.0


def partial_sum(terms: Sequence[Term], k: int) -> np.ndarray:
    """The sum of the first k pieces, shape (rows, columns): the best approximation of rank k."""
    zero = np.zeros((len(terms[0].u), len(terms[0].v)))
    return sum((term.matrix for term in terms[:k]), zero)


def residual_norm(terms: Sequence[Term], k: int) -> float:
    """Frobenius norm of what the first k pieces leave out: √(σₖ₊₁² + σₖ₊₂² + …)."""
    return float(np.sqrt(sum(term.sigma**2 for term in terms[k:])))


def energy(terms: Sequence[Term], k: int) -> float:
    """Share of the first k pieces in the squared Frobenius norm: Σ_{i ≤ k} σᵢ² / Σᵢ σᵢ². 1 for the zero matrix."""
    total = sum(term.sigma**2 for term in terms)
    return sum(term.sigma**2 for term in terms[:k]) / total if total else 1.0


# ---------------------------------------------------------------------------------------------------------------------
# Of the singular values alone: `sigmas` is (n,), ≥ 0, falling


def energy_curve(sigmas: np.ndarray) -> np.ndarray:
    """Σ_{i ≤ k} σᵢ² / Σᵢ σᵢ² for k = 0 … n, shape (n + 1,), from 0 to 1. Of the zero matrix: 1 throughout."""
    squares = np.asarray(sigmas, dtype=np.float64) ** 2
    if not squares.any():
        return np.ones(len(squares) + 1)
    sums = np.concatenate([[0.0], np.cumsum(squares)])
    return sums / sums[-1]


def effective_rank(sigmas: np.ndarray, floor: float = 0.0) -> float:
    """exp(−Σ pᵢ·ln pᵢ) with pᵢ = σᵢ / Σσ (Roy & Vetterli 2007, *The effective rank*, definition 1).

    Between 1, if one σ is all there is, and n, if all are equally large. 0 for the zero matrix.

    Args:
        floor: only σ above it count: the many small ones of rounding would add up to a rank of their own.
    """
    p = np.asarray(sigmas, dtype=np.float64)
    p = p[p > floor]
    p = p / p.sum()
    return float(np.exp(-(p * np.log(p)).sum())) if len(p) else 0.0


def stable_rank(sigmas: np.ndarray) -> float:
    """Σσ² / σ₁²: how many directions as strong as the first would have this norm. 0 for the zero matrix."""
    squares = np.asarray(sigmas, dtype=np.float64) ** 2
    return float(squares.sum() / squares.max()) if squares.any() else 0.0
