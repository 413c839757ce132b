"""Does ΔW repeat what W₀ does already? ΔW's own directions, looked at in W₀ (Hu et al. 2021, section 7.3). NumPy only.

    ‖U_kᵀ·W₀·V_k‖_F        U_k, V_k: the first k left and right singular vectors of ΔW; how much of W₀ lies there

beside the most that any k directions hold, those of W₀ itself, √(σ₁² + … + σ_k²), and beside what random ones hold. The
norm of ΔW_k, the first k terms of ΔW, divided by it is the amplification: how many times what W₀ had there was added.

By chance: of independent uniformly random U_k and V_k, every (uᵀ·W₀·v)² is ‖W₀‖²/(m·n) on average, and there are k² of
them, so the root mean square of ‖U_kᵀ·W₀·V_k‖_F is k·‖W₀‖_F/√(m·n).
"""

from dataclasses import dataclass

import numpy as np

from peft_core.analysis.spectra.delta import Delta, svd
from peft_core.analysis.spectra.one_thread import numpy_in_one_thread
from peft_core.errors import PeftClassroomError
from peft_core.t5.names import Place


@dataclass(frozen=True, eq=False)
class AgainstBase:
    """Norms for k = 1 … n directions, each array (n,): entry [k − 1].

    `update` of ΔW_k; of W₀: `there` in ΔW's directions, `own` in its own first ones, `chance` in random ones.
    """

    name: Place
    update: np.ndarray
    there: np.ndarray
    own: np.ndarray
    chance: np.ndarray

    @property
    def amplification(self) -> np.ndarray:
        """‖ΔW_k‖ / ‖U_kᵀ·W₀·V_k‖"""
        return self.update / self.there


def against_base(delta: Delta, weight: np.ndarray) -> AgainstBase:
    """The directions of ΔW in `weight`, the W₀ (out, in) that it was added to.

    Raises:
        PeftClassroomError: if ΔW is zero.
    """
    numpy_in_one_thread()
    u, sigmas, vt = delta.svd
    if not sigmas.any():
        raise PeftClassroomError(f"Training has left {delta.name.key} as it was. Choose another matrix.")
    weight = np.asarray(weight, dtype=np.float64)
    (rows, columns), n = weight.shape, len(sigmas)
    seen = u.T @ weight @ vt.T  # (n, n): uᵢᵀ·W₀·vⱼ
    return AgainstBase(
        delta.name,
        update=_norms(sigmas),
        there=np.sqrt((seen**2).cumsum(0).cumsum(1).diagonal()),
        own=_norms(svd(weight).sigmas[:n]),
        chance=np.arange(1, n + 1) * np.linalg.norm(weight) / (rows * columns) ** 0.5,
    )


def _norms(sigmas: np.ndarray) -> np.ndarray:
    """√(σ₁² + … + σ_k²) for every k."""
    return np.sqrt((sigmas**2).cumsum())
