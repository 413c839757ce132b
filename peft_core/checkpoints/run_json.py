"""`run.json`: the file of a checkpoint's record. Reading and listing checkpoints needs no torch.

A figure in it is a figure of certain weights, so the file holds their digest. `read_record` gives a `RunRecord`
only if the weights beside it are those. Otherwise it gives an `AdoptedRecord`, which has no figure that was not
measured of the weights as they are. The file's last line is a digest of the rest of it, so that a figure or a setting
that somebody has changed by hand is no figure of these weights either.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from peft_core.checkpoints.record import FORMAT, AdoptedRecord, Record, RunRecord, adopted, only_runs
from peft_core.checkpoints.weights_file import checkpoint_weights
from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic
from peft_core.paths import display_path
from peft_core.validated import from_outside, read_json, shortened

RECORD = "run.json"
SEAL = "sha256_of_the_rest"
MAX_RECORD_BYTES = 1_000_000  # 25,000 probabilities, the largest test split, are about 300,000
THEN = "Restore the file or train again."
_ANY_OBJECT = TypeAdapter(dict[str, Any])


def read_record(folder: Path) -> Record:
    """The record of the checkpoint in `folder`: that of its run, if its weights are those that the run measured.

    Raises:
        PeftClassroomError: if the folder is no checkpoint, its record is damaged or of a later version, or there are no
            weights, or not as many as it says.
    """
    written = read_run_json(folder)
    weights = checkpoint_weights(folder, written.method)
    if written.weights_sha256 != weights.sha256:
        return adopted(written, "changed" if written.weights_sha256 else "unbound", weights)
    if weights.elements != written.trainable_parameters:
        raise PeftClassroomError(
            f"{folder.name}: its weights file holds {weights.elements:,} numbers, and its {RECORD} says "
            f"{written.trainable_parameters:,}. {THEN}"
        )
    return written


def read_run(folder: Path) -> RunRecord:
    """The record of the training run that left the checkpoint in `folder` as it is.

    Raises:
        PeftClassroomError: as `read_record`, and if no run here has left it like this.
    """
    return only_runs(read_record(folder), folder.name)


def read_run_json(folder: Path) -> Record:
    """What `run.json` says, whatever the weights beside it are.

    Raises:
        PeftClassroomError: if there is none, it is damaged, or of a later version.
    """
    path = folder / RECORD
    if not path.is_file():
        raise PeftClassroomError(
            f"{folder} is not a checkpoint: it has no {RECORD}. `checkpoints` lists all; `inspect` and `import` read "
            "those of other libraries."
        )
    head = read_json(path, _ANY_OBJECT, THEN, MAX_RECORD_BYTES)
    said = head.get("format")
    if isinstance(said, int) and said > FORMAT:
        raise PeftClassroomError(
            f"{display_path(path)} was written by a later version of this program (format {shortened(str(said), 20)}, "
            f"and this one reads up to {FORMAT}). Update this program."
        )
    if said == FORMAT and head.pop(SEAL, None) != seal_of(head):
        raise PeftClassroomError(f"{display_path(path)} was changed after it was written. {THEN}")
    kind = AdoptedRecord if "origin" in head else RunRecord
    return from_outside(lambda: kind.model_validate_json(json.dumps(head)), path, THEN)


def weights_digest(folder: Path) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of a checkpoint's weights: two equal runs have equal ones.

    Raises:
        PeftClassroomError: if there is no weights file.
    """
    return checkpoint_weights(folder, read_run_json(folder).method).sha256[:12]


def write_record(record: Record, folder: Path) -> None:
    """Write `run.json`, or replace it: a reader sees the old file or the new one. All probabilities are on one line."""
    data = record.model_dump(mode="json")
    seal = {SEAL: seal_of(data)} if record.format == FORMAT else {}
    probabilities = data.pop("test_probabilities", None)
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
    if probabilities is not None:
        text += f',\n  "test_probabilities": {json.dumps(probabilities)}'
    for name, digest in seal.items():
        text += f',\n  "{name}": "{digest}"'
    write_atomic(folder / RECORD, text + "\n}\n")


def seal_of(data: dict[str, Any]) -> str:
    """SHA-256, as hexadecimal digits, of a record's fields; one that is None counts as absent."""
    text = json.dumps({name: value for name, value in data.items() if value is not None}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
