"""What a snapshot holds, given back only if it is what it says: all tensors, the right shapes, finite numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from peft_core.checkpoints.files import NUMBERS
from peft_core.errors import PeftClassroomError
from peft_core.training.snapshots.moments import CELLS, SIGMAS, THEN, Moment, Moments, file_of
from peft_core.training.snapshots.pictures import PARTS
from peft_core.validated import shortened

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """ΔW of one place: `image` (at most 48 × 48), `sigmas` (k,) falling, `norm`, and the `shape` of the whole."""

    image: np.ndarray
    sigmas: np.ndarray
    norm: float
    shape: tuple[int, int]


def read_tensors(found: Moments, moment: Moment, shapes: Mapping[str, Shape]) -> dict[str, torch.Tensor]:
    """All that trains, in fp32, by its dotted name.

    Args:
        shapes: of every trainable tensor, as the method has them.

    Raises:
        PeftClassroomError: if the file is damaged or holds anything else.
    """
    stored = _load(found, moment)
    if missing := sorted(shapes.keys() ^ stored.keys()):
        raise _wrong(moment, f"{len(missing)} tensors are missing or too many, the first is {missing[0]}")
    for name, shape in shapes.items():
        if tuple(stored[name].shape) != shape:
            raise _wrong(moment, f"{name} has shape {tuple(stored[name].shape)}, not {shape}")
    return stored


def read_pictures(found: Moments, moment: Moment, shapes: Mapping[str, Shape]) -> dict[str, Picture]:
    """The pictures by the dotted name of their place.

    Args:
        shapes: (out, in) of every matrix that may have a picture, by its dotted name.

    Raises:
        PeftClassroomError: if the file is damaged or holds anything else.
    """
    stored = _load(found, moment)
    names = list(dict.fromkeys(name.rpartition(".")[0] for name in stored))
    if missing := sorted({f"{name}.{part}" for name in names for part in PARTS} ^ stored.keys()):
        raise _wrong(moment, f"{missing[0]} is missing or too many")
    made = {}
    for name in names:
        image, sigmas, norm, shape = (stored[f"{name}.{part}"].numpy() for part in PARTS)
        fits = name in shapes and tuple(shape.tolist()) == shapes[name]
        if not fits or image.shape != tuple(min(size, CELLS) for size in shapes[name]):
            raise _wrong(moment, f"the picture of {shortened(name)} does not fit the model")
        if norm.shape or sigmas.ndim != 1 or len(sigmas) > SIGMAS or (np.diff(sigmas) > 0).any():
            raise _wrong(moment, f"the singular values of {name} are none")
        made[name] = Picture(image, sigmas, float(norm), shapes[name])
    return made


def _load(found: Moments, moment: Moment) -> dict[str, torch.Tensor]:
    path = file_of(found.folder, moment.step)
    try:
        stored = load_file(path)
    except FileNotFoundError as error:
        raise PeftClassroomError(
            f"Snapshot {path.name} is gone: a longer run makes room, or it was deleted."
        ) from error
    except (SafetensorError, OSError, ValueError, KeyError, AttributeError) as error:
        raise _wrong(moment, shortened(str(error))) from error
    for name, tensor in stored.items():
        if tensor.dtype not in (*NUMBERS, torch.int64) or not torch.isfinite(tensor).all():
            raise _wrong(moment, f"{shortened(name)} holds values that are not finite numbers")
    return {name: tensor.float() for name, tensor in stored.items()}


def _wrong(moment: Moment, why: str) -> PeftClassroomError:
    return PeftClassroomError(f"The snapshot of step {moment.step} is damaged: {why}. {THEN}")
