"""The rows of a checkpoint in front of a review: as trained, and as they were before the first step."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from peft_core.analysis.nearest_words.nearest import by_distance
from peft_core.analysis.walkthrough.forward import untrained_model
from peft_core.checkpoints.files import load_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.common import InFront
from peft_core.t5.backbone import Backbone


@dataclass(frozen=True, eq=False)
class FrontRows:
    """`trained` and `start` are (n, d), `table` is (V, d): the embeddings of the base model's vocabulary.

    `start_ids`: for each row the word whose embedding it was before the first step; None where it was no word's.
    """

    trained: np.ndarray
    start: np.ndarray
    table: np.ndarray
    start_ids: tuple[int | None, ...]


def load_rows(folder: Path, backbone: Backbone) -> FrontRows:
    """Read the rows of the checkpoint in `folder`, and draw again with its seed what it started from.

    Raises:
        PeftClassroomError: if its method puts nothing in front, it is damaged, or made for another base model.
    """
    model, record = load_checkpoint(folder, backbone)
    if not isinstance(model, InFront):
        raise PeftClassroomError(f"{folder.name} puts no rows in front of a review. Choose a soft prompt.")
    config = record.config
    untrained = untrained_model(backbone, config.method, config.train.seed)
    assert isinstance(untrained, InFront)
    return of_models(model, untrained, backbone)


def of_models(trained: InFront, untrained: InFront, backbone: Backbone) -> FrontRows:
    """The same of two models in memory."""
    start, table = _numpy(untrained.rows), _numpy(backbone.model.shared.weight)
    nearest = by_distance(start, table, 1)
    same = zip(nearest.ids[:, 0].tolist(), nearest.values[:, 0], strict=True)
    ids = tuple(word if distance == 0 else None for word, distance in same)
    return FrontRows(_numpy(trained.rows), start, table, ids)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
