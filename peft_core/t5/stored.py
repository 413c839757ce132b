"""What the weights files of a model's folder hold, read from the heads of its safetensors files. No torch here.

    8 bytes    length of the head
    head       JSON: name of each tensor → dtype, shape, where its bytes lie
    bytes      of all tensors

A large model lies in several files, and an index says which tensor is in which. A `.bin` file is not looked into: its
names would have to be unpickled, and nothing here ever is.
"""

import json
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from peft_core.errors import PeftClassroomError
from peft_core.validated import shortened

OUTPUT = "lm_head.weight"
EMBEDDINGS = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight")  # one table, three names
CHUNK = 1 << 20  # bytes compared at a time: two different tables differ in the first of them
LONGEST_HEAD = 10_000_000  # bytes; the format allows ten times as much, the largest T5 has 200,000
MOST_SIDES, LONGEST_SIDE = 16, 2**48  # of a tensor


class StoredTensor(NamedTuple):
    """Where a tensor lies on disk, and as what."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def stored_output_is_the_embedding(folder: Path) -> bool | None:
    """Whether a T5 loaded from `folder` has one table for embedding and output layer. None: it has no safetensors.

    It has two where both are stored and differ, whatever `config.json` says: so does the library that loads it.

    Raises:
        PeftClassroomError: if a weights file is damaged.
    """
    tensors = stored_tensors(folder)
    if not tensors:
        return None
    output = tensors.get(OUTPUT)
    embedding = next((tensors[name] for name in EMBEDDINGS if name in tensors), None)
    return output is None or embedding is None or _same(output, embedding)


def stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """The tensors of the model in `folder` by name; none if it has no safetensors files.

    Raises:
        PeftClassroomError: if a weights file is damaged.
    """
    whole, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if whole.is_file():
        files = [whole]
    elif index.is_file():
        names = files_of(index)
        files = [file for name in sorted(names) if (file := folder / name).is_file()]
    else:
        files = []
    return {name: tensor for file in files for name, tensor in read_head(file).items()}


def files_of(index: Path) -> set[str]:
    """The names of the files in an index, of the folder that it lies in and of no other."""
    try:
        names = set(json.loads(index.read_bytes())["weight_map"].values())
        if any(Path(name).name != name for name in names):
            raise ValueError("it names files elsewhere")
        return names
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PeftClassroomError(f"{index} is damaged ({error}). Restore the file.") from error


def read_head(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file by name; no weight is read.

    Raises:
        PeftClassroomError: if its head is damaged.
    """
    with path.open("rb") as file:
        try:
            length = _length(file)
            head = json.loads(file.read(length))
            head.pop("__metadata__", None)
            return {name: _tensor(path, 8 + length, about) for name, about in head.items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise PeftClassroomError(f"{path} is damaged ({shortened(str(error))}). Restore the file.") from error


def check_head(path: Path) -> None:
    """Before another library reads the head of a safetensors file: it would keep whatever stands there in memory.

    Raises:
        PeftClassroomError: if it is longer than that of any model.
    """
    with path.open("rb") as file:
        try:
            _length(file)
        except ValueError as error:
            raise PeftClassroomError(f"{path} is damaged ({error}). Restore the file.") from error


def _length(file: BinaryIO) -> int:
    length = int.from_bytes(file.read(8), "little")
    if length > LONGEST_HEAD:
        raise ValueError("its head has no end")
    return length


def _tensor(file: Path, begin: int, about: dict[str, Any]) -> StoredTensor:
    """What a head says of one tensor; its places in the file are counted from `begin`."""
    shape, offsets = about["shape"], about["data_offsets"]
    sides = isinstance(shape, list) and len(shape) <= MOST_SIDES and all(map(_is_number, shape))
    if not (sides and isinstance(about["dtype"], str) and len(offsets) == 2 and all(map(_is_number, offsets))):
        raise ValueError("a tensor has a type, a shape or a place that is none")
    return StoredTensor(file, about["dtype"], tuple(shape), *(begin + n for n in offsets))


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value <= LONGEST_SIDE


def _same(one: StoredTensor, other: StoredTensor) -> bool:
    if (one.dtype, one.shape, one.end - one.start) != (other.dtype, other.shape, other.end - other.start):
        return False
    with one.file.open("rb") as first, other.file.open("rb") as second:
        first.seek(one.start)
        second.seek(other.start)
        for done in range(0, one.end - one.start, CHUNK):
            size = min(CHUNK, one.end - one.start - done)
            if first.read(size) != second.read(size):
                return False
    return True
