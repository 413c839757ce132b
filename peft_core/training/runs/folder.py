"""The folder of one run: which file holds what, and how each is written so that a reader never sees half of it.

spec.json          what was asked (RunSpec), written once
owner              whose it is, should spec.json be damaged; written once
texts.json         the texts of somebody's own that it learns, if it does (reviews/own/stored.py), written once
status.json        what has become of it (RunStatus), replaced as a whole
metrics.jsonl      one line for each StepLog, appended; batches that are measured are in status.json alone
log.txt            what the worker printed
cancel.flag        exists: please stop
keep.flag          exists: please finish now, with the best weights so far
alive              touched every few seconds by the worker, whatever it is busy with (guard.py)
kept               exists: never to be collected (upkeep.py)
leaving            exists: it is going to be collected, and since when that has been said
state.safetensors  where a stopped training goes on; written by the experiment
snapshots/         what it looked like inside, moment by moment; written by the experiment
checkpoint/        the result; published by the experiment in one rename
checkpoint-last/   the last weights, where training made them worse than those of the start

Whatever lies there may have been written by a stranger: each file is validated where it is read, is of bounded size,
and is a file, no link and no pipe.
"""

import errno
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic, writing
from peft_core.training.loop.step_log import Amount, Count, StepLog, Word
from peft_core.training.runs import metrics
from peft_core.training.runs.metrics import Metrics
from peft_core.training.runs.spec import RunSpec
from peft_core.training.summary import check_summary
from peft_core.validated import Content, Frozen, open_regular, read_json, read_regular, shortened

RunState = Literal["queued", "starting", "running", "succeeded", "failed", "cancelled", "lost"]
Phase = Literal["loading", "validating", "training", "testing"]
MAX_BYTES = 200_000  # of spec.json and status.json
MAX_MESSAGE = 2_000  # characters
MAX_OWNER = 64  # of a name, as RunSpec has it
Time = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]  # unix time


class RunStatus(Frozen):
    """How far a run is. The server writes it until the worker has started, then the worker until it ends."""

    state: RunState
    phase: Phase = "loading"
    batch: Count = Field(0, description="of a validation or the test: how many are answered")
    batches: Count = Field(0, description="of how many; 0: nothing is being measured")
    step: Count = 0
    total_steps: Count = Field(0, description="planned now")
    full_steps: Count = Field(0, description="asked for: more than are planned, where a time limit does not allow them")
    seconds: Amount = 0.0
    remaining: Amount | None = Field(None, description="seconds to the end, every phase included; None: not known yet")
    heartbeat: Time = Field(default_factory=time.time, description="unix time of the last news; queued: since when")
    pid: int | None = Field(None, ge=1, lt=2**31)
    pid_created: Time | None = None
    job: Word | None = Field(None, description="name of its job on a cluster; only that job's worker may write here")
    interruptions: Count = Field(0, description="how often it went on elsewhere, its machine or the shared disk gone")
    device: Word | None = None
    message: str | None = Field(
        None, max_length=MAX_MESSAGE + 2, description="one sentence, for a run that ended without a result"
    )
    result: Annotated[dict[str, Any], AfterValidator(check_summary)] | None = None

    @property
    def queued(self) -> bool:
        """It waits for its turn."""
        return self.state == "queued"

    @property
    def active(self) -> bool:
        """It has a process, or had one a moment ago."""
        return self.state in ("starting", "running")

    @property
    def finished(self) -> bool:
        """Nothing more happens to it, unless somebody resumes it."""
        return not (self.queued or self.active)

    @property
    def resumable(self) -> bool:
        """It ended without a result and may be tried again."""
        return self.state in ("failed", "cancelled", "lost")

    def changed(self, **fields: Any) -> "RunStatus":
        """A copy with `fields` replaced and the heartbeat set to now."""
        if fields.get("message"):
            fields["message"] = shortened(fields["message"], MAX_MESSAGE)
        return self.model_copy(update={"heartbeat": time.time(), **fields})


@dataclass(frozen=True)
class RunFolder:
    """Reads and writes the files of one run. Makes no decisions: that is for the worker and the backends."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def alive_file(self) -> Path:
        return self.path / "alive"

    @property
    def kept_file(self) -> Path:
        return self.path / "kept"

    @property
    def leaving_file(self) -> Path:
        return self.path / "leaving"

    @property
    def cancel_flag(self) -> Path:
        return self.path / "cancel.flag"

    @property
    def keep_flag(self) -> Path:
        return self.path / "keep.flag"

    @property
    def resume_state(self) -> Path:
        return self.path / "state.safetensors"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    def spec(self) -> RunSpec:
        """What was asked.

        Raises:
            PeftClassroomError: if there is no such run, or its file cannot be used.
        """
        spec = self._read("spec.json", RunSpec)
        if spec.id != self.id:
            raise PeftClassroomError(f"The folder of run {self.id} holds another run, {spec.id}; delete the folder.")
        return spec

    def status(self) -> RunStatus:
        """How far it is.

        Raises:
            PeftClassroomError: if there is no such run, or its file cannot be used.
        """
        return self._read("status.json", RunStatus)

    def owner(self) -> str | None:
        """Whose the run is, by the file that says nothing else; None: damaged, too, or older than such files."""
        try:
            owner = read_regular(self.path / "owner", MAX_OWNER, follow=False).decode("ascii")
        except (OSError, UnicodeDecodeError):
            return None
        return owner if owner and owner.isprintable() else None

    def write_owner(self, owner: str) -> None:
        write_atomic(self.path / "owner", owner)

    def write_spec(self, spec: RunSpec) -> None:
        write_atomic(self.path / "spec.json", spec.model_dump_json(indent=2))

    def write_status(self, status: RunStatus) -> None:
        write_atomic(self.path / "status.json", status.model_dump_json(indent=2))

    def metrics(self) -> list[dict[str, Any]]:
        """Every whole line of metrics.jsonl that is one."""
        return self.read_metrics().rows

    def read_metrics(self) -> Metrics:
        """The same, and whether there was something else."""
        try:
            return metrics.parsed(read_regular(self.metrics_file, metrics.MAX_BYTES, follow=False))
        except FileNotFoundError:
            return Metrics()
        except OSError as error:
            return Metrics(unread=1, too_large=error.errno == errno.EFBIG)

    def append_metrics(self, log: StepLog) -> None:
        """Write what has happened as the next line."""
        with writing(self.path), open(self.metrics_file, "a", encoding="utf-8") as file:
            file.write(_line(asdict(log)))

    def restart_metrics(self, start: StepLog) -> None:
        """Write what has happened as the first line, or go on behind those that a saved state knows of."""
        rows = metrics.from_state(self.metrics(), start)
        write_atomic(self.metrics_file, "".join(map(_line, rows)))

    def log_tail(self, max_bytes: int = 16_384) -> str:
        """The last whole lines of log.txt, at most `max_bytes` of them."""
        try:
            with open_regular(self.log, follow=False) as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - max_bytes))
                tail = file.read(max_bytes)
        except OSError:
            return ""
        if size > max_bytes:
            tail = tail.partition(b"\n")[2]
        return tail.decode("utf-8", errors="replace")

    def request_cancel(self) -> None:
        """Leave the flag that the worker looks for; a second request keeps the time of the first."""
        with writing(self.path), suppress(FileExistsError):
            self.cancel_flag.touch(exist_ok=False)

    def request_keep(self) -> None:
        """Leave the flag that tells the worker to finish now. It stays: a run that is resumed finishes, too."""
        with writing(self.path):
            self.keep_flag.touch()

    def withdraw_cancel(self) -> None:
        """Take the flag away, so that the run may go on."""
        with writing(self.path):
            self.cancel_flag.unlink(missing_ok=True)

    def seen_alive(self) -> float | None:
        """When the worker last said that it lives, by the clock of the folder; None: it never has."""
        return _changed_at(self.alive_file)

    @property
    def kept(self) -> bool:
        """Whether somebody wants it never to be collected."""
        return self.kept_file.exists()

    @property
    def leaving(self) -> float | None:
        """Since when it is going to be collected; None: it is not."""
        return _changed_at(self.leaving_file)

    def seconds_since_cancel(self) -> float | None:
        """How long ago a stop was asked for; None if nobody asked."""
        asked = _changed_at(self.cancel_flag)
        return None if asked is None else time.time() - asked

    def _read(self, name: str, model: type[Content]) -> Content:
        if not self.path.is_dir():
            raise PeftClassroomError(f"There is no run {self.id}; it may have been deleted, choose another.")
        told = {"then": f"Delete run {self.id}.", "shown": f"{name} of run {self.id}"}
        return read_json(self.path / name, model, max_bytes=MAX_BYTES, follow=False, **told)


def _line(row: dict[str, Any]) -> str:
    return f"{json.dumps(row)}\n"


def _changed_at(path: Path) -> float | None:
    try:
        return path.lstat().st_mtime
    except OSError:
        return None
