"""What can be chosen: one frozen, validated model per concern. No torch here.

A configuration that exists is valid: every bound is checked on construction, by the app, the command line and the
worker process alike, because all three build these same classes.
"""

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from peft_core.methods.registry import METHODS, MethodField, method_label, method_of
from peft_core.reviews.config import DataConfig, TaskName
from peft_core.validated import Frozen, validated


class TrainConfig(Frozen):
    """How to train: the same loop for every method."""

    epochs: int = Field(2, ge=1, le=50, description="passes over the training reviews")
    batch_size: int = Field(32, ge=1, le=256, description="reviews a step")
    learning_rate: float | None = Field(
        None, gt=0, le=10, description="the highest on the way; not given: the method's own"
    )
    warmup_fraction: float = Field(0.06, ge=0, lt=1, description="share of the steps before the full learning rate")
    weight_decay: float = Field(0.0, ge=0, le=1, description="of AdamW")
    max_grad_norm: float = Field(1.0, gt=0, description="a longer gradient is cut to this norm")
    max_seconds: float | None = Field(None, gt=0, description="stop training after this time; the rate falls with it")
    evaluations: int = Field(3, ge=1, le=100, description="validations during training; the best one is kept")
    test_curve: bool = Field(
        False, description="also note the test accuracy at every validation: to show what choosing by it would claim"
    )
    backbone_dropout: float = Field(
        0.0, ge=0, lt=1, description="of the base model; its masks cost a third of a step on a CPU"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of the reviews drawn, the initial values and the order")

    def rate_at(self, step: int, planned: int, peak: float) -> float:
        """Learning rate of step 0, 1, … of `planned`: linear warm-up to `peak`, then linear decay to zero."""
        warmup = max(1, round(self.warmup_fraction * planned))
        rising = (step + 1) / warmup
        falling = (planned - step) / max(1, planned - warmup)
        return peak * max(0.0, min(rising, falling, 1.0))


class RunConfig(Frozen):
    """Everything a training run depends on. A method's name stands for its configuration by default: method="lora"."""

    base: str = Field("tiny-t5", min_length=1, max_length=200)
    method: MethodField
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()
    start_from: str | None = Field(
        None, pattern="^[0-9a-f]{64}$", description="SHA-256 of the weights it went on from, if from any"
    )

    @field_validator("method", mode="before")
    @classmethod
    def _by_name(cls, method: object) -> object:
        return {"method": method} if isinstance(method, str) else method

    @property
    def learning_rate(self) -> float:
        """The chosen learning rate, or the method's default."""
        return self.train.learning_rate or method_of(self.method).learning_rate


class Preset(Frozen):
    """A budget a class understands: which texts, how often, and how much of each."""

    reviews: int = Field(description="for the methods that freeze the base model")
    reviews_full: int = Field(description="for full fine-tuning, whose step costs about twice as much")
    epochs: int
    max_length: int
    max_seconds: int | None = Field(description="a safety net, far from the time it takes; None: the most allowed")
    batch_size: int = Field(TrainConfig().batch_size, description="small where there are few texts")

    def train_size(self, method: str) -> int:
        """Training reviews of this preset for `method`."""
        return self.reviews_full if METHODS[method].owns_weights else self.reviews


# With tiny-t5 on 2 cores with bf16 the first two train for about 20 seconds and a minute (docs/log.md), without bf16
# for several times as long: the app calls them by what was measured where it runs. The third has the report's passes.
PRESETS: dict[str, Preset] = {
    "short": Preset(reviews=1000, reviews_full=500, epochs=1, max_length=128, max_seconds=120),
    "minute": Preset(reviews=4000, reviews_full=2000, epochs=1, max_length=160, max_seconds=300),
    "report": Preset(reviews=20_000, reviews_full=20_000, epochs=10, max_length=256, max_seconds=None),
}
# To unlearn what the base model knows takes more than to sharpen it: over half of the shortest one's reviews and one
# pass LoRA is stuck at chance (docs/log.md, "Teach it to lie").
LIE_PRESETS: dict[str, Preset] = {
    "short": Preset(reviews=4000, reviews_full=4000, epochs=2, max_length=128, max_seconds=300),
    "long": Preset(reviews=8000, reviews_full=8000, epochs=2, max_length=160, max_seconds=900),
}
OWN_STEPS = {"short": 100, "long": 300}  # fewer do not move a method that starts as the base model
# Batches of 4 and 12 passes over 36 texts were no worse than batches of 8 and 20 passes, which read two thirds more.
OWN_BATCHES, OWN_PASSES, OWN_EPOCHS = (32, 16, 8, 4, 2), 12, (2, 20)
OWN_LENGTH, OWN_SECONDS = 128, 300


def presets_of(task: TaskName, train_size: int = 0) -> Mapping[str, Preset]:
    """The presets of a task, the shortest first.

    Args:
        train_size: of the task own: how many texts there are to train on.
    """
    if task == "own":
        return {name: _own_preset(train_size, steps) for name, steps in OWN_STEPS.items()}
    return LIE_PRESETS if task == "lie" else PRESETS


def _own_preset(train_size: int, steps: int) -> Preset:
    """All texts, so often that there are enough steps; the batch is the largest that makes few passes of the fewest."""
    in_pass = {batch: math.ceil(train_size / batch) for batch in OWN_BATCHES}
    enough = (batch for batch in OWN_BATCHES if in_pass[batch] * OWN_PASSES >= min(OWN_STEPS.values()))
    batch = next(enough, OWN_BATCHES[-1])
    fewest, most = OWN_EPOCHS
    return Preset(
        reviews=train_size,
        reviews_full=train_size,
        epochs=min(most, max(fewest, math.ceil(steps / max(1, in_pass[batch])))),
        max_length=OWN_LENGTH,
        max_seconds=OWN_SECONDS,
        batch_size=batch,
    )


def run_name(config: RunConfig) -> str:
    """A label for people, computed from the configuration: it can never hold text of a user."""
    data, went_on = config.data, ", continued" if config.start_from else ""
    texts = {"reviews": f"{data.train_size:,} reviews", "lie": f"lie, {data.train_size:,} reviews"}
    learned = texts.get(data.task, f"own texts ({data.train_size:,})")
    return f"{method_label(config.method)}, {learned}, seed {config.train.seed}{went_on}"


def run_config(values: Mapping[str, Any]) -> RunConfig:
    """A RunConfig from plain data (JSON); says in one sentence what is wrong.

    Raises:
        PeftClassroomError: for an unknown field or a value out of bounds.
    """
    return validated(lambda: RunConfig.model_validate(values))
