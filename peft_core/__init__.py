"""peft_core: parameter-efficient fine-tuning of T5, written to be read.

This is the library's face: what a script, a notebook or a student imports. Each name is looked up when it is first
used, so importing the package loads neither torch nor streamlit, and counting by hand never does.

    peft_core.count(peft_core.base_model("t5-small").architecture, peft_core.LoraConfig(r=8)).trainable_parameters

docs/architecture.md shows the rooms behind it.
"""

# ruff: noqa: F401

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors; at run time each is looked up below
    from peft_core.analysis.spectra.checkpoint_deltas import deltas_of
    from peft_core.checkpoints.asking.predictor import Predictor
    from peft_core.checkpoints.files import load_checkpoint
    from peft_core.checkpoints.listing import list_checkpoints
    from peft_core.checkpoints.own import save_model
    from peft_core.config import RunConfig, TrainConfig
    from peft_core.counting.by_hand import count
    from peft_core.counting.by_numel import count_by_numel
    from peft_core.errors import PeftClassroomError
    from peft_core.methods import apply_method, trainable_tensors
    from peft_core.methods.common import prompt_ids
    from peft_core.reviews.config import DataConfig
    from peft_core.t5.architecture import base_model
    from peft_core.t5.backbone import load_backbone
    from peft_core.training.experiment import run_experiment
    from peft_core.training.own_texts import fine_tune

__version__ = "0.1.0"
_MODULES = {
    "DataConfig": "reviews.config",
    "PeftClassroomError": "errors",
    "Predictor": "checkpoints.asking.predictor",
    "RunConfig": "config",
    "TrainConfig": "config",
    "apply_method": "methods",
    "base_model": "t5.architecture",
    "count": "counting.by_hand",
    "count_by_numel": "counting.by_numel",
    "deltas_of": "analysis.spectra.checkpoint_deltas",
    "fine_tune": "training.own_texts",
    "list_checkpoints": "checkpoints.listing",
    "load_backbone": "t5.backbone",
    "load_checkpoint": "checkpoints.files",
    "prompt_ids": "methods.common",
    "run_experiment": "training.experiment",
    "save_model": "checkpoints.own",
    "trainable_tensors": "methods",
}


def _configurations() -> dict[str, type]:
    """The configuration of every method, as `LoraConfig`, by name: methods are found, not listed."""
    from peft_core.methods.registry import CONFIGS

    return {kind.__name__: kind for kind in CONFIGS}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    elif name == "__all__":
        found = sorted({*_MODULES, *_configurations()})
    elif name.endswith("Config") and name in (configurations := _configurations()):
        found = configurations[name]
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
