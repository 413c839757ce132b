"""All methods: their names, their configurations, a label for each. No torch here."""

from typing import Annotated, Any, Literal

from pydantic import Field

from peft_core.errors import PeftClassroomError, UnknownMethodError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.validated import validated

MethodName = Literal["full", "soft_prompt", "adapter", "lora"]
METHODS: tuple[MethodName, ...] = ("full", "soft_prompt", "adapter", "lora")
CONFIGS = (FullConfig, SoftPromptConfig, AdapterConfig, LoraConfig)
MethodField = Annotated[FullConfig | SoftPromptConfig | AdapterConfig | LoraConfig, Field(discriminator="method")]


# Chosen on validation reviews with tiny-t5: benchmarks/results/sweep-tiny-t5.json, docs/log.md.
DEFAULT_LEARNING_RATE: dict[str, float] = {"full": 4e-4, "soft_prompt": 0.3, "adapter": 4e-3, "lora": 2e-3}


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


_CONFIGS: dict[str, type[MethodConfig]] = {kind.model_fields["method"].default: kind for kind in CONFIGS}


def method_config(method: str, **options: Any) -> MethodConfig:
    """The configuration of `method` with `options`; says in one sentence what is wrong.

    Raises:
        PeftClassroomError: for an unknown method, an unknown option, or a value out of bounds.
    """
    if method not in METHODS:
        raise PeftClassroomError(f"Unknown method {method!r}. Choose one of: {', '.join(METHODS)}.")
    return validated(lambda: _CONFIGS[method](**options))


def what_costs(config: MethodConfig) -> MethodConfig:
    """The configuration without what changes values only, never shapes or work: two that are equal here cost the same.

    That is LoRA's alpha, and where a soft prompt starts from.
    """
    free = {"alpha", "prompt_init", "prompt_text"} & set(type(config).model_fields)
    return config.model_copy(update={name: type(config).model_fields[name].default for name in free})
