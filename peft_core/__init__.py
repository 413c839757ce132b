"""peft_core: parameter-efficient fine-tuning of T5, written to be read.

This is the library's face: what a script, a notebook or a student imports. Each name is looked up when it is first
used, so importing the package loads neither torch nor streamlit, and counting by hand never does.

    peft_core.count(peft_core.base_model("t5-small").architecture, peft_core.LoraConfig(r=8)).trainable_parameters

docs/architecture.md shows the rooms behind it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peft_core.checkpoints.files import load_checkpoint
    from peft_core.checkpoints.listing import list_checkpoints
    from peft_core.checkpoints.predictor import Predictor
    from peft_core.config import RunConfig, TrainConfig
    from peft_core.counting.by_hand import count
    from peft_core.counting.by_numel import count_by_numel
    from peft_core.errors import PeftClassroomError
    from peft_core.methods import apply_method, trainable_tensors
    from peft_core.methods.adapter.method import AdapterConfig
    from peft_core.methods.full.method import FullConfig
    from peft_core.methods.lora.method import LoraConfig
    from peft_core.methods.soft_prompt.layer import prompt_ids
    from peft_core.methods.soft_prompt.method import SoftPromptConfig
    from peft_core.reviews.config import DataConfig
    from peft_core.t5.architecture import base_model
    from peft_core.t5.backbone import load_backbone
    from peft_core.training.experiment import run_experiment

__version__ = "0.1.0"
_MODULES = {
    "AdapterConfig": "methods.adapter.method",
    "DataConfig": "reviews.config",
    "FullConfig": "methods.full.method",
    "LoraConfig": "methods.lora.method",
    "PeftClassroomError": "errors",
    "Predictor": "checkpoints.predictor",
    "RunConfig": "config",
    "SoftPromptConfig": "methods.soft_prompt.method",
    "TrainConfig": "config",
    "apply_method": "methods",
    "base_model": "t5.architecture",
    "count": "counting.by_hand",
    "count_by_numel": "counting.by_numel",
    "list_checkpoints": "checkpoints.listing",
    "load_backbone": "t5.backbone",
    "load_checkpoint": "checkpoints.files",
    "prompt_ids": "methods.soft_prompt.layer",
    "run_experiment": "training.experiment",
    "trainable_tensors": "methods",
}
__all__ = [
    "AdapterConfig",
    "DataConfig",
    "FullConfig",
    "LoraConfig",
    "PeftClassroomError",
    "Predictor",
    "RunConfig",
    "SoftPromptConfig",
    "TrainConfig",
    "apply_method",
    "base_model",
    "count",
    "count_by_numel",
    "list_checkpoints",
    "load_backbone",
    "load_checkpoint",
    "prompt_ids",
    "run_experiment",
    "trainable_tensors",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
