"""Memory and time of many checkpoints over one base model, and of many reviews, in the process that answers.

The way is that of the Playground: `peft_core.checkpoints.asking.predictor.Predictor`, in fp32. Checkpoints are copies
of one trained checkpoint in folders of their own: the predictor cannot know that their numbers are the same.
"""

import gc
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from torch import nn

from benchmarks.memory import give_back_at_once, keep_for_reuse, resident_bytes
from benchmarks.random_model import seconds
from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.t5.backbone import load_backbone

REPEATS, MANY = 5, 20  # timed answers; those to more than 20 reviews are long enough for one, and for warming up


@dataclass(frozen=True)
class ServingRound:
    """What one process measured, in bytes and seconds; fields of `peft_core.report.costs.growth.ServingCost`."""

    checkpoints: int
    reviews: int
    tensor_bytes: int
    resident_bytes: int
    seconds: float


def ask_all(predictor: Predictor, reviews: Sequence[str], checkpoints: Sequence[Path]) -> None:
    """Every review, asked of every checkpoint: what is measured here. Another way to do it is put in this one place."""
    for checkpoint in checkpoints:
        predictor.classify(reviews, checkpoint)


def serving_round(base: str, checkpoint: Path, points: Sequence[tuple[int, Sequence[str]]]) -> list[ServingRound]:
    """Answer at each point, (number of checkpoints, reviews), one after another; the numbers may only grow.

    Raises:
        PeftClassroomError: where the system does not tell a process's memory, or the checkpoint cannot be loaded.
    """
    give_back_at_once()
    ask_all(Predictor(load_backbone(base)), points[0][1], [checkpoint])  # what libraries set up once is not counted
    gc.collect()
    before = resident_bytes()
    done = []
    with tempfile.TemporaryDirectory() as folder:
        predictor = Predictor(load_backbone(base), max_checkpoints=max(number for number, _ in points))
        copies: list[Path] = []
        for number, reviews in points:
            while len(copies) < number:
                copies.append(Path(shutil.copytree(checkpoint, Path(folder) / str(len(copies)))))
            give_back_at_once()
            ask_all(predictor, reviews[:: -(-len(reviews) // MANY)], copies)
            gc.collect()
            resident = resident_bytes() - before
            keep_for_reuse()
            repeats = 1 if len(reviews) > MANY else REPEATS
            clock = [seconds(lambda reviews=reviews: ask_all(predictor, reviews, copies)) for _ in range(repeats)]
            models = [predictor.backbone.model, *(predictor.model(copy)[0] for copy in copies)]
            done.append(ServingRound(number, len(reviews), tensor_bytes(models), resident, median(clock)))
    return done


def tensor_bytes(models: Sequence[nn.Module]) -> int:
    """Bytes of all parameters and buffers, those that models share once."""
    storages = {}
    for model in models:
        for tensor in (*model.parameters(), *model.buffers()):
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())
