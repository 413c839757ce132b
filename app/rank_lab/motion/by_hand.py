"""The SVD of a 2×2 matrix without an algorithm: two lengths and two angles, in closed form. No NumPy.

    M = [[a, b], [c, d]] = R(α) · diag(σ₁, ±σ₂) · R(−β)        R(φ) turns the plane by φ

    p = √((a+d)² + (c−b)²) / 2    the part of M that turns and scales
    q = √((a−d)² + (b+c)²) / 2    the part that turns, scales and mirrors
    σ₁ = p + q,  σ₂ = |p − q|     the sign of p − q is that of the determinant

`np.linalg.svd` goes another way; the page shows both.
"""

from dataclasses import dataclass
from math import atan2, degrees, hypot


@dataclass(frozen=True)
class Turned:
    """What happens to the plane: turned by −beta, stretched, turned by alpha; angles in degrees."""

    p: float
    q: float
    alpha: float
    beta: float

    @property
    def sigmas(self) -> tuple[float, float]:
        """σ₁ ≥ σ₂ ≥ 0."""
        return self.p + self.q, abs(self.p - self.q)

    @property
    def mirrored(self) -> bool:
        """Whether the plane is turned over: the determinant is negative."""
        return self.p < self.q

    @property
    def energy(self) -> float:
        """The share of the first term: σ₁² / (σ₁² + σ₂²). Of the zero matrix 1, as everywhere."""
        first, second = (sigma**2 for sigma in self.sigmas)
        return first / (first + second) if first else 1.0


def turned(a: float, b: float, c: float, d: float) -> Turned:
    """The motion of the matrix with the rows (a, b) and (c, d)."""
    total, difference = atan2(c - b, a + d), atan2(b + c, a - d)
    p, q = hypot(a + d, c - b) / 2, hypot(a - d, b + c) / 2
    return Turned(p, q, degrees((total + difference) / 2), degrees((difference - total) / 2))
