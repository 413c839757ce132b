"""The folder of one run: which file holds what, and how each is written so that a reader never sees half of it.

spec.json          what was asked (RunSpec), written once
texts.json         the texts of somebody's own that it learns, if it does (reviews/own/stored.py), written once
status.json        what has become of it (RunStatus), replaced as a whole
metrics.jsonl      one line for each StepLog, appended; batches that are measured are in status.json alone
log.txt            what the worker printed
cancel.flag        exists: please stop
keep.flag          exists: please finish now, with the best weights so far
state.safetensors  where a stopped training goes on; written by the experiment
snapshots/         what it looked like inside, moment by moment; written by the experiment
checkpoint/        the result; published by the experiment in one rename
checkpoint-last/   the last weights, where training made them worse than those of the start
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic, writing
from peft_core.training.runs.spec import RunSpec
from peft_core.validated import Content, Frozen, read_json

RunState = Literal["queued", "starting", "running", "succeeded", "failed", "cancelled", "lost"]
Phase = Literal["loading", "validating", "training", "testing"]


class RunStatus(Frozen):
    """How far a run is. The server writes it until the worker has started, then the worker until it ends."""

    state: RunState = "queued"
    phase: Phase = "loading"
    batch: int = Field(0, description="of a validation or the test: how many are answered")
    batches: int = Field(0, description="of how many; 0: nothing is being measured")
    step: int = 0
    total_steps: int = Field(0, description="planned now")
    full_steps: int = Field(0, description="asked for: more than are planned, where a time limit does not allow them")
    seconds: float = 0.0
    remaining: float | None = Field(None, description="seconds to the end, every phase included; None: not known yet")
    heartbeat: float = Field(default_factory=time.time, description="unix time of the last news; queued: since when")
    pid: int | None = Field(None, ge=1)
    pid_created: float | None = None
    device: str | None = None
    message: str | None = Field(None, description="one sentence, for a run that ended without a result")
    result: dict[str, Any] | None = None

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

    def write_spec(self, spec: RunSpec) -> None:
        write_atomic(self.path / "spec.json", spec.model_dump_json(indent=2))

    def write_status(self, status: RunStatus) -> None:
        write_atomic(self.path / "status.json", status.model_dump_json(indent=2))

    def metrics(self) -> list[dict[str, Any]]:
        """Every whole line of metrics.jsonl; the last may be half written at this moment, or for ever after a crash."""
        try:
            lines = (self.path / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
        except OSError:
            return []
        rows = []
        for line in lines:
            with suppress(ValueError):  # bytes that a power cut left behind
                rows.append(json.loads(line))
        return [row for row in rows if isinstance(row, dict)]

    def append_metrics(self, row: dict[str, Any]) -> None:
        with writing(self.path), open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def rewind_metrics(self, step: int) -> None:
        """Forget the lines after `step`, where training (re)starts: they are about to be made again."""
        kept = [row for row in self.metrics() if step > 0 and row.get("step", step + 1) <= step]
        write_atomic(self.path / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in kept))

    def log_tail(self, max_bytes: int = 16_384) -> str:
        """The last whole lines of log.txt, at most `max_bytes` of them."""
        try:
            with open(self.log, "rb") as file:
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

    def seconds_since_cancel(self) -> float | None:
        """How long ago a stop was asked for; None if nobody asked."""
        try:
            return time.time() - self.cancel_flag.stat().st_mtime
        except OSError:
            return None

    def _read(self, name: str, model: type[Content]) -> Content:
        if not self.path.is_dir():
            raise PeftClassroomError(f"There is no run {self.id}; it may have been deleted, choose another.")
        return read_json(self.path / name, model, f"Delete the folder of run {self.id}.")
