"""The validation reviews of a run, asked once more at moments between its validations.

The model is what the snapshot holds, in the precision that a run on this processor trains in; reviews and their order
are the run's own. So at a step that the run validated it comes to what the run measured.
"""

import numpy as np
import torch

from peft_core.analysis.inside.reel import Reel
from peft_core.analysis.walkthrough.forward import untrained_model
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.reviews.draws import SHARED_SEED
from peft_core.reviews.own.stored import StoredTexts
from peft_core.training.device import compute_dtype, place
from peft_core.training.measuring import MeasuredSplit, Rows, load_rows

AT_A_TIME = 32  # reviews: between two such passes whoever else asks a model is served


class AskedLater:
    """The validation split of one run, and its model as it was. Not for two threads at once."""

    def __init__(self, reel: Reel, texts: StoredTexts | None = None) -> None:
        """
        Args:
            texts: of the task own.

        Raises:
            PeftClassroomError: if the run's snapshots hold no weights, or its own texts are gone.
        """
        if reel.form != "tensors":
            raise PeftClassroomError("Of this run the weights themselves were not kept, so its model cannot be asked.")
        data, cpu = reel.found.moments[0].config.data, torch.device("cpu")
        backbone = reel.backbone.answering(data.words)
        rows = load_rows(backbone, data, "validation", data.validation_size, SHARED_SEED, texts)
        order = sorted(range(len(rows.labels)), key=lambda row: len(rows.encoded[row]))  # little filler in a pass
        self._reel = reel
        self._parts = [
            MeasuredSplit(_those(rows, order[first : first + AT_A_TIME]), backbone, cpu)
            for first in range(0, len(order), AT_A_TIME)
        ]
        self._model = untrained_model(backbone, reel.config)
        place(self._model, cpu, compute_dtype(cpu))

    def __len__(self) -> int:
        """Parts of the split, each of at most `AT_A_TIME` reviews."""
        return len(self._parts)

    def right(self, step: int, part: int) -> tuple[int, int]:
        """(reviews answered right, of how many) in one part, by the model of this step.

        Raises:
            PeftClassroomError: if the snapshot is missing or damaged.
        """
        self._reel.look_again()
        now = self._reel.tensors(step)
        with torch.no_grad():
            for name, parameter in trainable_tensors(self._model).items():
                parameter.copy_(now[name])
        measured = self._parts[part]
        said = measured.probabilities(self._model) > 0.5
        return int((said == measured.rows.labels.astype(bool)).sum()), len(said)


def _those(rows: Rows, chosen: list[int]) -> Rows:
    encoded = [rows.encoded[row] for row in chosen]
    return Rows(lambda: encoded, np.array(rows.labels)[chosen], rows.fingerprint, rows.max_length)
