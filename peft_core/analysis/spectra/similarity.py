"""Do two runs move in the same directions? Subspace similarity of Hu et al. 2021, section 7.2. NumPy only.

    φ(i, j) = ‖U_iᵀ·U_j‖²_F / min(i, j)        0: at right angles, 1: the smaller subspace lies in the larger

U_i (d, i) holds the first i right singular vectors of one matrix (v in `spectrum.py`, U in the paper), U_j (d, j) those
of the other. The paper takes LoRA's A (r, in), of rank 8 and of rank 64; ΔW itself has directions of the same kind, and
full fine-tuning has them, too.

By chance: if one subspace is uniformly random, every squared cosine ⟨u, w⟩² of two unit vectors is 1/d on average, so
E‖U_iᵀ·U_j‖² = i·j/d and E φ = max(i, j)/d. Where one of the two is a single direction, φ(1, j) and φ(j, 1) have the
distribution Beta(j/2, (d − j)/2).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from peft_core.analysis.spectra.delta import NO_A, Delta, LowRankDelta, svd
from peft_core.analysis.spectra.one_thread import numpy_in_one_thread
from peft_core.checkpoints.record import Record
from peft_core.errors import PeftClassroomError
from peft_core.reviews.tasks import check_one_task

Of = Literal["A", "dW"]
DRAWS, MIDDLE = 1000, (0.025, 0.975)  # of random subspaces, and the shares below the two limits
NOTHING = 1e-6  # of σ₁: a factor kept in fp32 has no direction below this, only rounding


def directions(delta: Delta, of: Of = "A") -> np.ndarray:
    """The right singular vectors of LoRA's A, as in the paper, or of ΔW: columns, (in, rank), the strongest first.

    Those with σ = 0 are no directions. A starts random: where ΔW is zero, nothing has moved it from there.

    Raises:
        PeftClassroomError: if there is no A, or the matrix is zero.
    """
    if of == "A" and not isinstance(delta, LowRankDelta):
        raise PeftClassroomError(NO_A)
    _, sigmas, vt = svd(delta.a) if of == "A" else delta.svd
    rank = int((sigmas > NOTHING * sigmas[0]).sum())
    if not rank:
        raise PeftClassroomError(
            f"Training has left {delta.name.key} as it was, so ΔW has no directions there. Choose another layer."
        )
    return vt[:rank].T


def check_comparable(first: Record, second: Record) -> None:
    """Refuse two checkpoints whose weights have different axes: a direction of one means nothing to the other.

    Raises:
        PeftClassroomError: if they were trained on two base models, or have learned different tasks.
    """
    if first.base_fingerprint != second.base_fingerprint:
        raise PeftClassroomError(
            f"{first.name} was trained on {first.base} and {second.name} on {second.base}, another base "
            "model: their directions cannot be compared. Choose two checkpoints on the same base model."
        )
    check_one_task([first.learned, second.learned], [first.name, second.name])


def subspace_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """φ(i, j) for i = 1 … I and j = 1 … J, shape (I, J): entry [i − 1, j − 1].

    Args:
        first, second: orthonormal columns, (d, I) and (d, J), as `directions` gives them.

    Raises:
        PeftClassroomError: if the two do not live in the same space.
    """
    if len(first) != len(second):
        raise PeftClassroomError(
            f"Directions of {len(first)} and of {len(second)} components cannot be compared. Choose two checkpoints on "
            "the same base model and the same layer of both."
        )
    overlap = ((first.T @ second) ** 2).cumsum(0).cumsum(1)  # ‖U_iᵀ·U_j‖²
    return np.minimum(overlap / smaller(*overlap.shape), 1.0)  # rounding stays out


def smaller(rows: int, columns: int) -> np.ndarray:
    """min(i, j) for i = 1 … rows and j = 1 … columns: what ‖U_iᵀ·U_j‖² is divided by."""
    return np.minimum.outer(np.arange(1, rows + 1), np.arange(1, columns + 1))


def expected_by_chance(dimension: int, rows: int, columns: int) -> np.ndarray:
    """E φ(i, j) = max(i, j) / d of a random subspace of `dimension` dimensions, shape (rows, columns)."""
    return np.maximum.outer(np.arange(1, rows + 1), np.arange(1, columns + 1)) / dimension


@dataclass(frozen=True, eq=False)
class Simulated:
    """φ of random subspaces, each array (rows, columns): the mean of the draws, and the range of the middle 95%.

    The range is exact in the first row and the first column, elsewhere that of the draws.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    draws: int


def simulated_by_chance(dimension: int, rows: int, columns: int, draws: int = DRAWS, seed: int = 0) -> Simulated:
    """φ of a fixed and a uniformly random subspace, drawn `draws` times.

    Which fixed one makes no difference, so it is spanned by the first coordinate axes.
    """
    numpy_in_one_thread()
    rng = np.random.default_rng(seed)
    axes = np.eye(dimension, rows)
    drawn = np.array(
        [subspace_similarity(axes, np.linalg.qr(rng.standard_normal((dimension, columns)))[0]) for _ in range(draws)]
    )
    limits = np.quantile(drawn, MIDDLE, axis=0)
    limits[:, 0, :], limits[:, :, 0] = _of_one(dimension, columns), _of_one(dimension, rows)
    return Simulated(drawn.mean(0), *limits, draws)


def _of_one(dimension: int, most: int) -> np.ndarray:
    """The limits of φ(1, j) for j = 1 … most, (2, most), by the Beta distribution; 1 for j = d, the whole space."""
    from scipy.special import betaincinv

    j = np.arange(1, most + 1)
    parts = j / 2, np.maximum(dimension - j, 1) / 2
    return np.where(j < dimension, [betaincinv(*parts, share) for share in MIDDLE], 1.0)
