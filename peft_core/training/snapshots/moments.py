"""The moments of a run that were kept: which there are, and what each says of itself. No torch here.

A file is written beside its place and renamed: a reader finds all of it or nothing. Its header holds the moment as
JSON, so the list of them, and the accuracy at each, needs no tensor.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator
from safetensors import SafetensorError, safe_open

from peft_core.checkpoints.record import Measured
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.files import writing
from peft_core.paths import SHIPPED_CHECKPOINTS
from peft_core.validated import Frozen, from_outside, open_regular, shortened

FOLDER = "snapshots"
RECORDED = SHIPPED_CHECKPOINTS / "recorded"  # a folder of snapshots for each run that comes with the project
BUDGET = 20_000_000  # bytes of all snapshots of a run
POINTS = 10  # moments that every run has at least, its start and its end among them
CELLS, SIGMAS = 48, 16  # of a picture: rows and columns, singular values, at most
SAYS = "moment"  # in the header of a file
THEN = "Delete the file; the others are shown without it."

Step = Annotated[int, Field(ge=0)]
# tensors: all that trains. pictures: of some places what `pictures.py` makes of them. nothing: the accuracy alone
Form = Literal["tensors", "pictures", "nothing"]


class Moment(Frozen):
    """What was so at `step` of a run; `measured` on validation reviews at step `measured_at`, the latest until then."""

    format: Literal[1] = 1
    step: Step
    planned_steps: Step
    form: Form
    config: RunConfig
    measured_at: Step
    measured: Measured

    @model_validator(mode="after")
    def _in_order(self) -> "Moment":
        if self.measured_at > self.step:
            raise PeftClassroomError(f"measured_at {self.measured_at} is later than step {self.step}.")
        return self


@dataclass(frozen=True)
class Moments:
    """The moments of one run, in order, and a sentence for each file that cannot be used."""

    folder: Path
    moments: tuple[Moment, ...]
    damaged: tuple[str, ...] = ()

    def at(self, step: int) -> Moment:
        """The moment of this step.

        Raises:
            PeftClassroomError: if there is none.
        """
        found = next((moment for moment in self.moments if moment.step == step), None)
        if found is None:
            raise PeftClassroomError(f"No snapshot of step {step} was kept. Choose one of those listed.")
        return found


def file_of(folder: Path, step: int) -> Path:
    """Where the snapshot of a step lies."""
    return folder / f"{step:08}.safetensors"


def steps_in(folder: Path) -> list[int]:
    """The steps that have a file, in order; of those, only the files' names are looked at."""
    names = (path.stem for path in folder.glob("*.safetensors"))
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal() and len(name) == 8)


def list_moments(folder: Path) -> Moments:
    """Every moment that can be used, and why the others cannot. A folder that is not there has none."""
    found: list[Moment] = []
    damaged = []
    for step in steps_in(folder):
        try:
            moment = _read(file_of(folder, step))
            if found and moment.config != found[0].config:
                raise PeftClassroomError(f"{file_of(folder, step).name} is of another run. {THEN}")
            found.append(moment)
        except PeftClassroomError as error:
            damaged.append(str(error))
    return Moments(folder, tuple(found), tuple(damaged))


def _read(path: Path) -> Moment:
    try:
        open_regular(path).close()  # a pipe in its place would never end
        with safe_open(path, "numpy") as file:
            said = (file.metadata() or {}).get(SAYS, "")
    except (SafetensorError, OSError) as error:
        raise PeftClassroomError(f"Snapshot {path.name} is damaged ({shortened(str(error))}). {THEN}") from error
    moment = from_outside(lambda: Moment.model_validate_json(said), path, THEN)
    if file_of(path.parent, moment.step) != path:
        raise PeftClassroomError(f"Snapshot {path.name} says that it is of step {moment.step}. {THEN}")
    return moment


def write(folder: Path, step: int, content: bytes) -> None:
    """Put a snapshot in its place as a whole, and make room for it: `make_room`.

    Raises:
        PeftClassroomError: if the folder cannot be written, or the one that it lies in has gone.
    """
    with writing(folder):
        folder.mkdir(exist_ok=True)  # not the run's own: where that has gone, deleted or unmounted, nothing comes back
        file_of(folder, step).unlink(missing_ok=True)
        make_room(folder, step, len(content))
        new = folder / f".{step}.{os.getpid()}"
        try:
            new.write_bytes(content)
            new.replace(file_of(folder, step))
        finally:
            new.unlink(missing_ok=True)


def make_room(folder: Path, step: int, needed: int, budget: int = BUDGET) -> None:
    """Where `needed` more bytes at `step` would be over the budget, moments go whose neighbours stand nearest together.

    The first one stays, and the rest stay spread over the run.
    """
    while (kept := steps_in(folder)) and sum(file_of(folder, k).stat().st_size for k in kept) + needed > budget:
        if len(kept) == 1:
            return
        after = (*kept[2:], step)
        gaps = [end - start for start, end in zip(kept, after, strict=False)]  # around the second, the third, …
        file_of(folder, kept[1 + gaps.index(min(gaps))]).unlink()


def rewind(folder: Path, step: int | None) -> None:
    """Forget the moments after `step`, where training goes on; None: all of them, for it begins anew."""
    with writing(folder):
        for kept in steps_in(folder):
            if step is None or kept > step:
                with suppress(FileNotFoundError):
                    file_of(folder, kept).unlink()
