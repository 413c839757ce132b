"""The library's reduction factor, and what becomes of it: it is divided, and rounded down."""

# 2ᵏ and 3·2ᵏ: with them m = 8 and m = 1 can be had at every d_model, 384 and 768 included
FACTORS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
LIBRARY_DEFAULT = 16  # SeqBnConfig().reduction_factor
KEY = "hub_factor"  # of the slider


def bottleneck(d_model: int, factor: float) -> int:
    """The width that the library makes of a factor: rounded down, at least 1."""
    return max(1, int(d_model // factor))


def one_too_small(d_model: int) -> tuple[int, ...]:
    """Widths m that come back as m − 1 when the factor is d_model / m: the quotient may be a little too large.

    Up to half of d_model: beyond it, no adapter saves anything.
    """
    return tuple(m for m in range(1, d_model // 2 + 1) if bottleneck(d_model, d_model / m) < m)
