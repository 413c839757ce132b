"""What of peft's settings for LoRA is obeyed here, left out because it changes no answer, or refused by name."""

from collections.abc import Iterator, Mapping
from typing import Any

from peft_core.errors import PeftClassroomError
from peft_core.methods.reading import written

# Starts that leave the base model's weights alone (peft's `tuners/lora/layer.py`): read like any other.
STARTS = (True, False, None, "gaussian", "orthogonal", "eva", "mica")
# Starts that take B·A away from the base model's weights, so that the stored tensors are not the update.
MOVES_BASE = ("pissa", "olora", "corda", "lora_ga")
KNOWN = {
    "peft_type": ("LORA",),
    "task_type": (None, "SEQ_2_SEQ_LM", "CAUSAL_LM", "FEATURE_EXTRACTION"),
    "bias": ("none", "all", "lora_only"),
    "use_rslora": (False, True),
    "use_dora": (False, True),
    "fan_in_fan_out": (False, True),
    "r": None,
    "lora_alpha": None,
    "lora_dropout": None,
    "target_modules": None,
    "exclude_modules": None,
    "layers_to_transform": None,
    "layers_pattern": None,
    "rank_pattern": None,
    "alpha_pattern": None,
    "init_lora_weights": None,  # `check_start`
    "eva_config": None,  # how A was started
    # What changes no answer: where the folder came from, and the defaults of what is switched off.
    "base_model_name_or_path": None,
    "revision": None,
    "peft_version": None,
    "auto_mapping": None,
    "inference_mode": None,
    "megatron_core": None,
    "qalora_group_size": None,
}


def check_start(description: Mapping[str, Any]) -> None:
    """
    Raises:
        PeftClassroomError: if the adapter was started in a way that changed the base model, or an unknown one.
    """
    start = description.get("init_lora_weights", True)
    named = start.lower() if isinstance(start, str) else start
    if isinstance(named, str) and named.startswith(MOVES_BASE):
        raise PeftClassroomError(
            f"peft's setting init_lora_weights = {written(start)} changed the base model's weights before training, "
            "and the stored tensors belong to those. Save it in peft as a difference, by "
            "save_pretrained(…, path_initial_model_for_weight_conversion=…): that is a plain LoRA of twice the rank, "
            "which is read here."
        )
    if not any(type(named) is type(each) and named == each for each in STARTS):
        raise PeftClassroomError(f"peft's setting init_lora_weights = {written(start)} is not supported here.")


def notes(description: Mapping[str, Any]) -> Iterator[str]:
    """What in a description changes no answer on a T5, and was left out."""
    if description.get("bias", "none") != "none":
        yield f"bias = {written(description['bias'])} was left out: the linear layers of a T5 have no bias."
    if description.get("fan_in_fan_out"):
        yield "fan_in_fan_out = True was left out: it is for layers that keep their weights transposed."
    if (task := description.get("task_type", "SEQ_2_SEQ_LM")) != "SEQ_2_SEQ_LM":
        yield f"task_type = {written(task)} was left out: the layers and their tensors are the same."
