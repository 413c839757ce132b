"""ΔW of a few places as small pictures, for runs whose tensors are too many to be kept.

    image    (rows, columns)   at most 48 × 48: of each block of ΔW the number that is largest in size, with its sign
    sigmas   (k,)              its largest singular values, at most 16
    norm     ()                its Frobenius norm, of all of it
    shape    (2,)              (out, in)

The singular values are square roots of eigenvalues of ΔW·ΔWᵀ in fp32, on the shorter side: half the time of an SVD.
What is smaller than a thousandth of the largest is lost in rounding.
"""

from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional as F

from peft_core.methods.inside import At, Factors
from peft_core.t5.names import Place
from peft_core.training.snapshots.moments import CELLS, SIGMAS

PLACES = 3
PARTS = ("image", "sigmas", "norm", "shape")


def chosen(places: Sequence[Place], most: int = PLACES) -> list[Place]:
    """At most so many of the places, evenly spread from the first to the last."""
    if len(places) <= most:
        return list(places)
    return [places[round(number * (len(places) - 1) / (most - 1))] for number in range(most)]


def image(matrix: torch.Tensor, cells: int = CELLS) -> torch.Tensor:
    """(out, in) → at most (cells, cells): of each block the number that is largest in size, with its sign."""
    rows, columns = (min(size, cells) for size in matrix.shape)
    _, where = F.adaptive_max_pool2d(matrix.abs()[None], (rows, columns), return_indices=True)
    return matrix.flatten()[where.view(rows, columns)]


def sigmas(matrix: torch.Tensor, most: int = SIGMAS) -> torch.Tensor:
    """The largest singular values, falling."""
    short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    return torch.linalg.eigvalsh(short @ short.T).clamp(min=0).sqrt().flip(0)[:most]


def whole(update: Factors | torch.Tensor) -> torch.Tensor:
    """What a method's `update` gives, as one matrix (out, in) in fp32."""
    return (update.up @ update.down if isinstance(update, Factors) else update).float()


def rank_of(update: Factors | torch.Tensor) -> int:
    """The highest rank that an update of this form can have."""
    shapes = (*update.up.shape, update.down.shape[1]) if isinstance(update, Factors) else update.shape
    return min(shapes)


def picture(at: At, update: Factors | torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """The four parts by their names in a file."""
    matrix = whole(update)
    made = (image(matrix), sigmas(matrix)[: rank_of(update)], matrix.norm(), torch.tensor(matrix.shape))
    for part, tensor in zip(PARTS, made, strict=True):
        yield f"{at.place.name}.{part}", tensor.contiguous()
