"""What a checkpoint's weights file holds, read from its header, and the digest of its bytes. No torch here."""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError, safe_open

from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.t5.stored import check_head
from peft_core.validated import shortened


@dataclass(frozen=True)
class WeightsFile:
    """Elements of all tensors (a tied tensor is stored, and counts, once), and bytes on disk, header included."""

    elements: int
    bytes: int


@dataclass(frozen=True)
class CheckpointWeights(WeightsFile):
    """The same of a checkpoint's one file, with the SHA-256 of its bytes as hexadecimal digits."""

    sha256: str


def checkpoint_weights(folder: Path, config: MethodConfig) -> CheckpointWeights:
    """The weights file of the checkpoint in `folder`, which is of the method `config`. A file is read once.

    Raises:
        PeftClassroomError: if it is missing or damaged.
    """
    path = folder / method_of(config).weights_file
    if not path.is_file():
        raise PeftClassroomError(f"{folder.name} has no {path.name}. Restore the file or train again.")
    stat = path.stat()
    return _read(path.resolve(), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=512)  # a list of checkpoints is read every few seconds; another file has another time or size
def _read(path: Path, mtime_ns: int, size: int) -> CheckpointWeights:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return CheckpointWeights(_elements(path), size, digest)


def weights_file(folder: Path) -> WeightsFile:
    """The safetensors file of the checkpoint or base model in `folder`; of a large base model, all of its parts.

    Raises:
        PeftClassroomError: if there is none, more than one without an index of parts, or if one is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))
    in_parts = (folder / "model.safetensors.index.json").is_file()
    if not files or (len(files) > 1 and not in_parts):
        raise PeftClassroomError(
            f"{folder.name} has {len(files) or 'no'} weights files instead of one. Restore the folder or train again."
        )
    return WeightsFile(sum(map(_elements, files)), sum(file.stat().st_size for file in files))


def _elements(path: Path) -> int:
    check_head(path)
    try:
        with safe_open(path, "numpy") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())
    except (SafetensorError, OSError) as error:
        raise PeftClassroomError(
            f"{path.parent.name}/{path.name} is damaged ({shortened(str(error))}). Restore the file or train again."
        ) from error
