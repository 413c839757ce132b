"""What the comparisons with Hugging Face's Trainer write down: `results/training_speed.json`, `time_to_accuracy.json`.

Every round is kept as its process measured it; medians, ranges, ratios are computed from them. No torch here.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import MethodConfig, MethodField
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance
from peft_core.statistics.intervals import Z
from peft_core.validated import read_json

TRAINING_SPEED, TIME_TO_ACCURACY = RESULTS / "training_speed.json", RESULTS / "time_to_accuracy.json"
TRAINER_TUNING = RESULTS / "trainer_tuning.json"
SETTLING_STEPS = 5  # steps that "settled" leaves out: kernels for new shapes are built in the first ones


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainerSettings(Part):
    """How a Seq2SeqTrainer is set up; the defaults are those of the libraries' own examples."""

    bf16: bool = Field(False, description="autocast in half precision, where that is fast: bf16, on some GPUs fp16")
    frozen_bf16: bool = Field(False, description="weights that do not train are loaded in bf16 as well")
    dropout: float | None = Field(None, description="None: as configured in the model, 0.1")
    attention: Literal["sdpa", "eager"] | None = Field(None, description="None: the library chooses")
    group_by_length: bool = False
    pad_to_multiple_of: int | None = None
    label_tokens: Literal[1, 2] = Field(2, description="2: the word and the end of the text, as the tokenizer gives it")
    keep_freed_memory: bool = Field(False, description="the C library keeps freed memory instead of returning it")
    torch_compile: bool = False


class Validation(Part):
    """One validation during training: after which step, how many right, how long it took."""

    step: int
    accuracy: float
    seconds: float


class SideRun(Part):
    """One training run of one side, as its process measured it. Loading and tokenising are in none of the seconds."""

    side: str
    config: RunConfig
    settings: TrainerSettings | None = Field(None, description="of the Trainer; none: this project")
    method_of: str = Field(description="whose modules are trained: peft_core, peft or transformers")
    trainable_parameters: int
    total_parameters: int
    data_fingerprint: str = Field(description="of the training reviews")
    mean_loss: float = Field(description="training loss, mean over the steps; the Trainer's is over all label tokens")
    step_seconds: tuple[float, ...] = Field(min_length=1, description="of every step, its batch included")
    validations: tuple[Validation, ...]
    right: str = Field(pattern="^[01]+$", description="validation reviews, with the last weights: 1 is a right answer")
    peak_bytes: int | None = Field(None, description="the most of a GPU's memory in use at once; none: a CPU")

    def reached(self, level: float) -> tuple[float, float] | None:
        """(seconds of training, the same with validations) until a validation was at least `level`; None: never."""
        for number, validation in enumerate(self.validations):
            if validation.accuracy >= level:
                training = sum(self.step_seconds[: validation.step])
                return training, training + sum(v.seconds for v in self.validations[: number + 1])
        return None


def as_digits(right: Iterable[bool]) -> str:
    """Answers as `SideRun.right` keeps them."""
    return "".join("01"[bool(r)] for r in right)


class SpeedRound(Part):
    """One process that trained `steps` steps; what of a SideRun says how fast."""

    shape: str
    method: MethodField
    side: str
    settings: TrainerSettings | None
    method_of: str
    batch: int
    steps: int
    max_length: int
    source: Literal["bundled", "hub"]
    trainable_parameters: int
    data_fingerprint: str
    seconds: float = Field(description="of training, the first steps included")
    settled_seconds: float = Field(description="of the steps after the first SETTLING_STEPS; 0 if there are none")
    peak_bytes: int | None = Field(None, description="the most of a GPU's memory in use at once; none: a CPU")

    @classmethod
    def of(cls, run: SideRun) -> Self:
        """What `run` says of speed."""
        return cls(
            shape=run.config.base,
            batch=run.config.train.batch_size,
            steps=len(run.step_seconds),
            max_length=run.config.data.max_length,
            source=run.config.data.source,
            seconds=sum(run.step_seconds),
            settled_seconds=sum(run.step_seconds[SETTLING_STEPS:]),
            method=run.config.method,
            **{name: getattr(run, name) for name in SPEED_FIELDS_OF_RUN},
        )

    @property
    def examples_per_second(self) -> float:
        """Over the whole training time."""
        return self.batch * self.steps / self.seconds

    @property
    def settled_examples_per_second(self) -> float | None:
        """After the first steps."""
        return self.batch * (self.steps - SETTLING_STEPS) / self.settled_seconds if self.settled_seconds else None


SPEED_FIELDS_OF_RUN = ("side", "settings", "method_of", "trainable_parameters", "data_fingerprint", "peak_bytes")


class SpeedReport(Part):
    """The content of `training_speed.json` and `trainer_tuning.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    rounds: tuple[SpeedRound, ...]

    def rounds_of(self, shape: str, method: MethodConfig, side: str) -> list[SpeedRound]:
        """In the order in which they were measured."""
        return [r for r in self.rounds if (r.shape, r.method, r.side) == (shape, method, side)]


class TimeReport(Part):
    """The content of `time_to_accuracy.json`: a run for each side and seed."""

    format: Literal[1] = 1
    provenance: Provenance
    rounds: tuple[SideRun, ...]


Report = TypeVar("Report", SpeedReport, TimeReport)


def read_report(path: Path, kind: type[Report]) -> Report:
    """The measurements in `path`.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return read_json(path, kind, "Measure again, without --add.")


def added(earlier: Report, later: Report) -> Report:
    """Both together: for measuring in pieces.

    Raises:
        PeftClassroomError: if they are not of one machine, with the same threads, precision and versions.
    """
    first, second = earlier.provenance, later.provenance
    for name in ("machine", "threads", "precision", "versions"):
        before, now = getattr(first, name), getattr(second, name)
        if before != now:
            raise PeftClassroomError(
                f"The rounds in the file have another {name}: {before}, here {now}. Start a new file."
            )
    command = "; ".join(dict.fromkeys([*first.command.split("; "), second.command]))
    return type(earlier)(
        provenance=first.model_copy(update={"command": command, "created": second.created}),
        rounds=(*earlier.rounds, *later.rounds),
    )


def paired_difference(first: str, second: str) -> tuple[float, float, float]:
    """How much larger the share of right answers is in `first` than in `second`, with its 95% interval.

    The adjusted Wald interval of Bonett and Price (2012): one more pair is imagined that only the first, and one that
    only the second has right, so that it is sensible for few differing pairs.

    Args:
        first, second: answers to the same questions in the same order, as in `SideRun.right`.

    Raises:
        ValueError: if the two are not of the same length.
    """
    pairs = list(zip(first, second, strict=True))
    only_first, only_second = pairs.count(("1", "0")), pairs.count(("0", "1"))
    n = len(pairs)
    a, b = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    half = Z * ((a + b - (a - b) ** 2) / (n + 2)) ** 0.5
    return (only_first - only_second) / n, a - b - half, a - b + half


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median and range, as in "34.7 (34.6 to 34.9)"."""
    middle, low, high = (f"{value:,.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})" if len(values) > 1 else middle


def ratios(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """first / second, round by round: the two of a round were measured one after the other."""
    return [a / b for a, b in zip(first, second, strict=False)]
