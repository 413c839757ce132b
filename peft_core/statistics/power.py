"""How small a difference can n reviews see at all? No torch here.

Two models on the same n reviews disagree on a share ψ of them; only these tell the two apart. With accuracies d apart
the McNemar test says p < 0.05 with the wanted power if (R. J. Connor, *Sample size for testing differences in
proportions for the paired-sample design*, Biometrics 43, 1987)

    n = (z₀.₉₇₅·√ψ + z_power·√(ψ − d²))² / d²

Solved for d this is a quadratic equation.
"""

from statistics import NormalDist

from peft_core.statistics.intervals import Z

POWER = 0.8


def visible_difference(n: int, disagreement: float, power: float = POWER) -> float:
    """The difference of two accuracies that n reviews find with this power, as a share; never above `disagreement`.

    Args:
        disagreement: the share of the reviews that exactly one of the two has right.

    Raises:
        ValueError: without reviews, or if a share is not within 0…1.
    """
    if n < 1 or not 0 <= disagreement <= 1 or not 0.5 <= power < 1:
        raise ValueError(f"{n} reviews, {disagreement} of them different answers, power {power}")
    a, z = Z * disagreement**0.5, NormalDist().inv_cdf(power)
    whole = n + z**2  # (d·√n − a)² = z²·(ψ − d²)
    root = a**2 * n - whole * (a**2 - z**2 * disagreement)
    return min(disagreement, (a * n**0.5 + max(0.0, root) ** 0.5) / whole)
