"""What can be chosen: one frozen, validated model per concern. No torch here.

A configuration that exists is valid: every bound is checked on construction, by the app, the command line and the
worker process alike, because all three build these same classes.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from peft_core.errors import PeftClassroomError, UnknownMethodError

MethodName = Literal["full", "soft_prompt", "adapter", "lora"]
METHODS: tuple[MethodName, ...] = ("full", "soft_prompt", "adapter", "lora")
TARGET_MODULES = ("q", "k", "v", "o", "wi", "wo")


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FullConfig(Frozen):
    """Full fine-tuning: every weight of the backbone moves."""

    method: Literal["full"] = "full"


class SoftPromptConfig(Frozen):
    """Soft prompt (Lester et al. 2021): trainable rows in front of the encoder's input embeddings."""

    method: Literal["soft_prompt"] = "soft_prompt"
    num_virtual_tokens: int = Field(10, ge=1, le=200, description="rows of the prompt matrix, n")
    prompt_init: Literal["vocab", "random", "text"] = Field(
        "vocab", description="start from random rows of the vocabulary, from N(0, 1), or from the words of prompt_text"
    )
    prompt_text: str | None = Field(None, max_length=500, description="used by prompt_init 'text', repeated to n rows")


class AdapterConfig(Frozen):
    """Bottleneck adapter (Houlsby et al. 2019; Pfeiffer et al. 2021): down, non-linearity, up, residual."""

    method: Literal["adapter"] = "adapter"
    bottleneck_dim: int = Field(8, ge=1, le=4096, description="width of the bottleneck, m")
    placement: Literal["pfeiffer", "houlsby"] = Field(
        "pfeiffer", description="one adapter a block after the feed-forward sub-layer, or a second after self-attention"
    )
    non_linearity: Literal["relu", "gelu", "silu", "tanh"] = "relu"


class LoraConfig(Frozen):
    """LoRA (Hu et al. 2021): W₀x + (alpha / r)·B·A·x with A (r, in) and B (out, r)."""

    method: Literal["lora"] = "lora"
    r: int = Field(8, ge=1, le=1024, description="rank of the update")
    alpha: float = Field(16.0, gt=0, le=4096, description="scaling = alpha / r")
    dropout: float = Field(0.0, ge=0, lt=1, description="on the input of A only")
    target_modules: tuple[Literal["q", "k", "v", "o", "wi", "wo"], ...] = Field(
        ("q", "v"), min_length=1, description="which linear layers, in every attention including cross-attention"
    )

    @field_validator("target_modules", mode="after")
    @classmethod
    def _in_one_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in TARGET_MODULES if name in value)

    @property
    def scaling(self) -> float:
        """alpha / r, the factor in front of B·A·x."""
        return self.alpha / self.r


MethodConfig = FullConfig | SoftPromptConfig | AdapterConfig | LoraConfig
MethodField = Annotated[MethodConfig, Field(discriminator="method")]

# Chosen on validation reviews with tiny-t5: benchmarks/results/sweep-tiny-t5.json, docs/log.md.
DEFAULT_LEARNING_RATE: dict[str, float] = {"full": 4e-4, "soft_prompt": 0.3, "adapter": 4e-3, "lora": 2e-3}


class DataConfig(Frozen):
    """Which reviews, how many, and how long."""

    source: Literal["bundled", "hub"] = "bundled"
    train_size: int = Field(4000, ge=2, le=25_000, multiple_of=2, description="balanced subset of the training split")
    validation_size: int = Field(500, ge=2, le=2_000, multiple_of=2)
    test_size: int | None = Field(None, ge=2, le=25_000, multiple_of=2, description="None: the whole test split")
    max_length: int = Field(192, ge=16, le=512, multiple_of=16, description="tokens of a review that are read")


class TrainConfig(Frozen):
    """How to train: the same loop for every method."""

    epochs: int = Field(2, ge=1, le=50)
    batch_size: int = Field(32, ge=1, le=256)
    learning_rate: float | None = Field(None, gt=0, le=10, description="None: the method's own default")
    warmup_fraction: float = Field(0.06, ge=0, lt=1, description="share of the steps before the full learning rate")
    weight_decay: float = Field(0.0, ge=0, le=1)
    max_grad_norm: float = Field(1.0, gt=0)
    max_seconds: float | None = Field(None, gt=0, description="stop training after this time; the rate falls with it")
    evaluations: int = Field(3, ge=1, le=100, description="validations during training; the best one is kept")
    test_curve: bool = Field(
        False, description="also note the test accuracy at every validation: to show what choosing by it would claim"
    )
    backbone_dropout: float = Field(0.0, ge=0, lt=1, description="0: its masks cost a third of a step on a CPU")
    seed: int = Field(0, ge=0, le=2**31 - 1)


class RunConfig(Frozen):
    """Everything a training run depends on."""

    base: str = Field("tiny-t5", min_length=1, max_length=200)
    method: MethodField
    data: DataConfig = DataConfig()
    train: TrainConfig = TrainConfig()

    @property
    def learning_rate(self) -> float:
        """The chosen learning rate, or the method's default."""
        return self.train.learning_rate or DEFAULT_LEARNING_RATE[self.method.method]


class Preset(Frozen):
    """A budget a class understands: which reviews, how often, and how much of each."""

    reviews: int = Field(description="for the methods that freeze the base model")
    reviews_full: int = Field(description="for full fine-tuning, whose step costs about twice as much")
    epochs: int
    max_length: int
    max_seconds: int | None = Field(description="a safety net, far from the time it takes; None: the most allowed")

    def train_size(self, method: str) -> int:
        """Training reviews of this preset for `method`."""
        return self.reviews_full if method == "full" else self.reviews


# Measured with tiny-t5 on 2 cores with bf16, validations included (docs/log.md); without bf16 they take several times
# as long. The third has the report's passes over all reviews.
PRESETS_TIMED_WITH, PRESETS_TIMED_IN = "tiny-t5", "bfloat16"
PRESETS: dict[str, Preset] = {
    "short": Preset(reviews=1000, reviews_full=500, epochs=1, max_length=128, max_seconds=120),
    "minute": Preset(reviews=4000, reviews_full=2000, epochs=1, max_length=160, max_seconds=300),
    "report": Preset(reviews=20_000, reviews_full=20_000, epochs=10, max_length=256, max_seconds=None),
}


def method_label(method: MethodConfig) -> str:
    """The method with its one decisive number, as in "LoRA r=8"."""
    match method:
        case SoftPromptConfig():
            return f"Soft prompt n={method.num_virtual_tokens}"
        case AdapterConfig():
            return f"Adapter m={method.bottleneck_dim}, {method.placement.capitalize()}"
        case LoraConfig():
            return f"LoRA r={method.r}"
        case FullConfig():
            return "Full fine-tuning"
    raise UnknownMethodError(method, "method_label")


def run_name(config: RunConfig) -> str:
    """A label for people, computed from the configuration: it can never hold text of a user."""
    return f"{method_label(config.method)}, {config.data.train_size:,} reviews, seed {config.train.seed}"


_METHOD = TypeAdapter(MethodField)


def method_config(method: str, **options: Any) -> MethodConfig:
    """The configuration of `method` with `options`; says in one sentence what is wrong.

    Raises:
        PeftClassroomError: for an unknown method, an unknown option, or a value out of bounds.
    """
    if method not in METHODS:
        raise PeftClassroomError(f"Unknown method {method!r}. Choose one of: {', '.join(METHODS)}.")
    return _validated(lambda: _METHOD.validate_python({"method": method, **options}))


def run_config(values: Mapping[str, Any]) -> RunConfig:
    """A RunConfig from plain data (JSON); says in one sentence what is wrong.

    Raises:
        PeftClassroomError: for an unknown field or a value out of bounds.
    """
    return _validated(lambda: RunConfig.model_validate(values))


def _validated(build):
    try:
        return build()
    except ValidationError as error:
        raise PeftClassroomError(sentence(error)) from error


def sentence(error: ValidationError) -> str:
    """A pydantic error as one line for people: which setting, what is wrong, what was given."""
    parts = []
    for item in error.errors(include_url=False, include_context=False):
        where = ".".join(str(p) for p in item["loc"] if p not in METHODS) or "settings"
        message = item["msg"][0].lower() + item["msg"][1:]
        given = "" if item["type"] in ("missing", "extra_forbidden") else f" (given: {item['input']!r})"
        parts.append(f"{where}: {message}{given}")
    return "; ".join(parts) + "."
