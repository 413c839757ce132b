"""What is said of a checkpoint and how it was made, as values; `run_json.py` reads and writes them. No torch here.

A figure in a record is a figure of certain weights: a `RunRecord` is of weights that its run measured, an
`AdoptedRecord` of others, and has no figure that was not measured of the weights as they are.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic.dataclasses import dataclass

from peft_core.checkpoints.weights_file import CheckpointWeights
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import MethodField
from peft_core.reviews.config import Learned
from peft_core.statistics.intervals import Accuracy
from peft_core.statistics.paired_test import bootstrap_interval
from peft_core.validated import Frozen, Words

FORMAT = 2  # since 2 a record has the digests of weights, tokenizer and configuration

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Split = Literal["validation", "test"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Measured(Accuracy):
    """An accuracy on reviews of `split`."""

    split: Split

    @model_validator(mode="after")
    def _is_a_share(self) -> "Measured":
        if not (self.n >= 1 and 0 <= self.low <= self.accuracy <= self.high <= 1):  # NaN is refused, too
            raise PeftClassroomError(
                f"{self.accuracy} ({self.low} to {self.high}) of {self.n} {self.split} reviews is no accuracy."
            )
        return self

    @classmethod
    def of(cls, split: Split, measured: Accuracy) -> "Measured":
        return cls(**vars(measured), split=split)


class _Record(Frozen):
    """What both kinds have: which weights over which base model."""

    name: Words
    base_fingerprint: str = Field(description="of the base model's weights")
    tokenizer_fingerprint: Digest | None = None
    config_fingerprint: Digest | None = Field(None, description="of what a forward pass reads of the configuration")
    prefix: str | None = Field(None, max_length=200, description="the words put in front of a review")
    weights_sha256: Digest | None = Field(None, description="of the weights file that every figure here is of")
    trainable_parameters: Number
    total_parameters: Number
    created: Words

    @model_validator(mode="after")
    def _part_of_the_whole(self) -> "_Record":
        if self.trainable_parameters > self.total_parameters:
            raise PeftClassroomError(
                f"trainable_parameters {self.trainable_parameters:,} are more than total_parameters "
                f"{self.total_parameters:,}."
            )
        return self


class RunRecord(_Record):
    """The record of a training run. Everything in it was measured or chosen; nothing is estimated.

    `test_probabilities` is p("positive") of every test review, in the order of the split. Older records have none.
    `test_curve` has the test accuracy at the steps of `validations`, where a run was asked for it. It chose nothing.
    `untrained_test` is the accuracy on the same test reviews before training: of the base model, or of the checkpoint
    that the run went on from. `discordant`: how many of them only the trained model has right, and only the untrained.
    `measured_per_second`: reviews, by validations and test. Older records have none of the three.
    `peak_bytes`: the most memory of a GPU that the run had in use at once, test included; of a CPU nobody counts it.
    Records of format 1 have no digests.
    """

    format: Literal[1, 2] = FORMAT
    config: RunConfig
    learning_rate: float = Field(gt=0, allow_inf_nan=False)
    data_fingerprint: str
    split_sizes: dict[str, Number]
    steps: Number
    planned_steps: Number
    stopped_by: Literal["epochs", "max_seconds", "person"]
    best_step: Number
    untrained: Measured
    validation: Measured
    test: Measured
    untrained_test: Measured | None = None
    discordant: tuple[Number, Number] | None = None
    validations: tuple[tuple[Number, Probability], ...]
    test_curve: tuple[tuple[Number, Probability], ...] | None = None
    seconds: Seconds
    examples_per_second: Seconds | None
    measured_per_second: Seconds | None = None
    peak_bytes: Number | None = None
    device: str
    precision: Literal["float32", "bfloat16", "float16"]
    versions: dict[str, str]
    test_probabilities: tuple[Probability, ...] | None = None

    @model_validator(mode="after")
    def _tests_fit_together(self) -> "RunRecord":
        # not a ValueError: pydantic's message would repeat the whole record
        if self.test_probabilities is not None and len(self.test_probabilities) != self.test.n:
            raise PeftClassroomError(
                f"test_probabilities has {len(self.test_probabilities):,} values for {self.test.n:,} test reviews."
            )
        if self.test_curve is not None and [s for s, _ in self.test_curve] != [s for s, _ in self.validations]:
            raise PeftClassroomError("test_curve and validations were not measured at the same steps.")
        if (self.untrained_test is None) != (self.discordant is None) or (self.discordant and not self._add_up()):
            raise PeftClassroomError("test, untrained_test and discordant are not of the same answers.")
        return self

    def _add_up(self) -> bool:
        """Whether the reviews that only one of the two has right make the difference of their accuracies."""
        (gained, lost), n = self.discordant, self.test.n
        change = (self.test.accuracy - self.untrained_test.accuracy) * n
        return self.untrained_test.n == n >= gained + lost and abs(change - (gained - lost)) < 0.5

    @property
    def change(self) -> tuple[float, float, float] | None:
        """Test accuracy after training minus before, with its paired 95% interval: (difference, low, high)."""
        if self.discordant is None:
            return None
        gained, lost = self.discordant
        return (gained - lost) / self.test.n, *bootstrap_interval(gained, lost, self.test.n)

    @property
    def made_worse(self) -> bool:
        """Whether no point of the run was as good on validation as its start: its weights are those of the start."""
        return self.best_step == 0 < self.steps

    def unbound(self) -> "RunRecord":
        """The same without its digests, as a record of format 1: to compare with those that have none."""
        none = dict.fromkeys(("tokenizer_fingerprint", "config_fingerprint", "prefix", "weights_sha256"))
        return self.model_copy(update={"format": 1, **none})

    @property
    def base(self) -> str:
        return self.config.base

    @property
    def learned(self) -> Learned:
        return self.config.data

    @property
    def method(self) -> MethodConfig:
        return self.config.method

    @property
    def max_length(self) -> int:
        return self.config.data.max_length


class AdoptedRecord(_Record, Learned):
    """The record of weights that no run here has left as they are: made elsewhere, or changed since.

    `origin` says which. `test` is measured of these very weights (`evaluate --store`), or absent.
    """

    format: Literal[2] = FORMAT
    base: Words = Field(min_length=1, max_length=200)
    method: MethodField
    max_length: int = Field(ge=16, le=512, multiple_of=16, description="tokens of a review that are read")
    origin: Literal["imported", "merged", "own", "last", "changed", "unbound"]
    source: Words = Field("", max_length=300, description="where it comes from, in words")
    notes: tuple[Words, ...] = ()
    test: Measured | None = None

    @field_validator("notes")
    @classmethod
    def _short(cls, notes: tuple[str, ...]) -> tuple[str, ...]:
        if len(notes) > 20 or any(len(note) > 500 for note in notes):
            raise PeftClassroomError("The notes are longer than any that are written here.")
        return notes

    @property
    def learned(self) -> Learned:
        return self

    @property
    def why(self) -> str:
        """Why it has no record of a training run, in one sentence."""
        return {
            "imported": f"It was trained elsewhere ({self.source}).",
            "merged": f"It was put together from others ({self.source}).",
            "last": f"It is the end of a run ({self.source}) that kept its first weights: training made it worse.",
            "own": f"It was trained by {self.source}, on texts that are not known here.",
            "changed": "Its weights were changed after its run.json was written: what that says of them does not hold.",
            "unbound": "Its run.json is of an earlier version, which did not note what weights it was measured on.",
        }[self.origin]


Record = RunRecord | AdoptedRecord


def only_runs(record: Record, name: str) -> RunRecord:
    """`record`, if it is that of a run.

    Raises:
        PeftClassroomError: otherwise; it says why, and what to do.
    """
    if isinstance(record, AdoptedRecord):
        raise PeftClassroomError(
            f"{name} has no figures of a run. {record.why} `python -m peft_core evaluate {name} --store` measures it."
        )
    return record


def adopted(written: Record, origin: Literal["changed", "unbound"], weights: CheckpointWeights) -> AdoptedRecord:
    """What is still true of a checkpoint whose weights are not known to be those that its record was measured on.

    How many numbers it trains is read off the file.
    """
    frozen = written.total_parameters - written.trainable_parameters
    counted = {"trainable_parameters": weights.elements, "total_parameters": frozen + weights.elements}
    shared = {name: getattr(written, name) for name in _Record.model_fields}
    return AdoptedRecord(
        **shared | counted | {"weights_sha256": weights.sha256},
        task=written.learned.task,
        own=written.learned.own,
        base=written.base,
        method=written.method,
        max_length=written.max_length,
        origin=origin,
    )
