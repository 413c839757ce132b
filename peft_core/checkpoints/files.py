"""Save and load trained tensors, in the formats that other libraries read.

    LoRA, soft prompt   Hugging Face PEFT folder      adapter_config.json, adapter_model.safetensors
    adapter             AdapterHub folder             adapter_config.json, adapter.safetensors
    full                Transformers folder           config.json, model.safetensors

plus `run.json`. Loading is strict where those libraries only warn: a missing, extra, misshapen or non-finite tensor, or
another base model, is refused. Nothing is ever unpickled.
"""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from peft_core.checkpoints.record import RunRecord, read_record, write_record
from peft_core.errors import PeftClassroomError, UnknownMethodError
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import display_path
from peft_core.t5.backbone import Backbone

ADAPTER_NAME = "classroom"  # AdapterHub puts the adapter's name into every key
WEIGHTS = {
    "lora": "adapter_model.safetensors",
    "soft_prompt": "adapter_model.safetensors",
    "adapter": "adapter.safetensors",
    "full": "model.safetensors",
}


# ---------------------------------------------------------------------------------------------------------------------
# Names: ours ↔ the ecosystem's


def ecosystem_name(method: str, name: str) -> str:
    """Our parameter name as the other library spells it.

    lora         encoder.block.0.layer.0.SelfAttention.q.lora_A → base_model.model.<same>.weight
    soft_prompt  prompt_embeddings                              → prompt_embeddings
    adapter      encoder.block.0.layer.1.adapter.adapter_down.weight
                                             → encoder.block.0.layer.1.adapters.classroom.adapter_down.0.weight
    full         unchanged
    """
    if method == "lora":
        return f"base_model.model.{name}.weight"
    if method == "adapter":
        name = name.replace(".dropout.adapter.", ".adapter.")
        name = name.replace(".adapter.", f".adapters.{ADAPTER_NAME}.")
        return re.sub(r"\.adapter_down\.(weight|bias)$", r".adapter_down.0.\1", name)
    if method in ("full", "soft_prompt"):
        return name
    raise UnknownMethodError(method, "ecosystem_name")


# ---------------------------------------------------------------------------------------------------------------------
# Configuration files of the other libraries


def _base_reference(backbone: Backbone) -> str:
    """Hub id, folder relative to the project, or a folder's bare name: never a path of this machine."""
    path = Path(backbone.base.source)
    if not path.is_dir():
        return backbone.base.source
    shown = display_path(path)
    return path.name if Path(shown).is_absolute() else shown


def _lora_config(config: LoraConfig, backbone: Backbone) -> dict:
    targets = [m for m in config.target_modules if m != "wi" or not backbone.base.architecture.gated]
    if "wi" in config.target_modules and backbone.base.architecture.gated:
        targets += ["wi_0", "wi_1"]
    return {
        "peft_type": "LORA",
        "task_type": "SEQ_2_SEQ_LM",
        "base_model_name_or_path": _base_reference(backbone),
        "revision": None,
        "r": config.r,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "target_modules": targets,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "modules_to_save": None,
        "rank_pattern": {},
        "alpha_pattern": {},
        "use_rslora": False,
        "use_dora": False,
    }


def _prompt_config(config: SoftPromptConfig, backbone: Backbone) -> dict:
    return {
        "peft_type": "PROMPT_TUNING",
        "task_type": "SEQ_2_SEQ_LM",
        "base_model_name_or_path": _base_reference(backbone),
        "num_virtual_tokens": config.num_virtual_tokens,
        "num_transformer_submodules": 1,  # peft's default for T5 is 2: rows that no forward pass ever uses
        "token_dim": backbone.base.architecture.d_model,
        "num_attention_heads": backbone.base.architecture.num_heads,
        "num_layers": backbone.base.architecture.encoder_layers,
        "prompt_tuning_init": "RANDOM",
        "inference_mode": True,
    }


def reduction_factor(d_model: int, bottleneck_dim: int) -> float:
    """d_model / bottleneck_dim, which AdapterHub turns back with int(d_model // reduction_factor)."""
    factor = d_model / bottleneck_dim
    return factor if int(d_model // factor) == bottleneck_dim else d_model / (bottleneck_dim + 0.25)


def _adapter_config(config: AdapterConfig, backbone: Backbone) -> dict:
    houlsby = config.placement == "houlsby"
    d_model = backbone.base.architecture.d_model
    return {
        "config": {
            "adapter_residual_before_ln": False,
            "cross_adapter": False,
            "dropout": 0.0,
            "init_weights": "bert",
            "inv_adapter": None,
            "inv_adapter_reduction_factor": None,
            "is_parallel": False,
            "leave_out": [],
            "ln_after": False,
            "ln_before": False,
            "mh_adapter": houlsby,
            "non_linearity": config.non_linearity,
            "original_ln_after": True,
            "original_ln_before": not houlsby,
            "output_adapter": True,
            "phm_layer": False,
            "reduction_factor": reduction_factor(d_model, config.bottleneck_dim),
            "residual_before_ln": True,
            "scaling": 1.0,
            "use_gating": False,
        },
        "hidden_size": d_model,
        "model_class": "T5ForConditionalGeneration",
        "model_name": _base_reference(backbone),
        "model_type": "t5",
        "name": ADAPTER_NAME,
        "version": "adapters.1.3.0",
    }


# ---------------------------------------------------------------------------------------------------------------------
# Save


def stored_tensors(method: str, model: nn.Module) -> dict[str, torch.Tensor]:
    """The trainable tensors under the other library's names, contiguous, on the CPU, a tied tensor once.

    In bf16 where that loses nothing: full fine-tuning rounds its weights before they are tested, so its file is half.
    """
    tensors = {
        ecosystem_name(method, name): p.detach().cpu().contiguous() for name, p in trainable_tensors(model).items()
    }
    halved = {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}
    return halved if all(torch.equal(halved[name].float(), tensors[name].float()) for name in tensors) else tensors


def save_checkpoint(model: nn.Module, record: RunRecord, backbone: Backbone, folder: Path) -> None:
    """Write the checkpoint beside `folder`, flush it to disk, then rename: a reader sees all of it or nothing.

    Raises:
        PeftClassroomError: if `folder` exists already.
    """
    if folder.exists():
        raise PeftClassroomError(f"{folder} exists already. Choose another folder or remove this one.")
    config = record.config.method
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_files(temporary, model, config, backbone)
        write_record(record, temporary)
        temporary.chmod(0o755)
        for path in temporary.iterdir():
            path.chmod(0o644)  # whoever may read the folder may read its files
            with path.open("rb") as file:
                os.fsync(file.fileno())
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _write_files(folder: Path, model: nn.Module, config: MethodConfig, backbone: Backbone) -> None:
    tensors = stored_tensors(config.method, model)
    save_file(tensors, folder / WEIGHTS[config.method], metadata={"format": "pt"})
    if isinstance(config, FullConfig):
        model.config.save_pretrained(folder)
        backbone.tokenizer.save_pretrained(folder)
        return
    if isinstance(config, LoraConfig):
        description = _lora_config(config, backbone)
    elif isinstance(config, SoftPromptConfig):
        description = _prompt_config(config, backbone)
    elif isinstance(config, AdapterConfig):
        description = _adapter_config(config, backbone)
    else:
        raise UnknownMethodError(config, "save_checkpoint")
    (folder / "adapter_config.json").write_text(json.dumps(description, indent=2) + "\n")


# ---------------------------------------------------------------------------------------------------------------------
# Load


def load_checkpoint(folder: Path, backbone: Backbone) -> tuple[nn.Module, RunRecord]:
    """The trained model over `backbone`'s shared weights (full fine-tuning: weights of its own), in evaluation mode.

    Raises:
        PeftClassroomError: if the record or the weights are damaged, incomplete, or made for another base model.
    """
    record = read_record(folder)
    if record.base_fingerprint != backbone.fingerprint:
        raise PeftClassroomError(
            f"{folder.name} was trained on another base model (fingerprint {record.base_fingerprint[:12]}…) than "
            f"{backbone.base.name} as loaded here ({backbone.fingerprint[:12]}…). Load the base it was trained on "
            f"({record.config.base}), or train again."
        )
    config = record.config.method
    full = isinstance(config, FullConfig)
    model = apply_method(backbone.own_copy() if full else backbone.replica(), config, prompt_ids=[0])
    copy_tensors(read_tensors(folder / WEIGHTS[config.method]), config.method, model, folder.name)
    if full:
        model.requires_grad_(False)
    model.eval()
    return model, record


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a safetensors file.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    if not path.is_file():
        raise PeftClassroomError(f"The checkpoint has no {path.name}. Restore the file or train again.")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise PeftClassroomError(f"{path} is damaged ({error}). Restore the file or train again.") from error


@torch.no_grad()
def copy_tensors(stored: dict[str, torch.Tensor], method: str, model: nn.Module, name: str) -> None:
    """Copy `stored` into the trainable tensors of `model`, refusing whatever does not fit exactly."""
    wanted = {ecosystem_name(method, n): p for n, p in trainable_tensors(model).items()}
    missing, extra = sorted(wanted.keys() - stored.keys()), sorted(stored.keys() - wanted.keys())
    if missing or extra:
        found = "; ".join(
            f"{len(names)} {kind} (first: {names[0]})"
            for kind, names in (("missing", missing), ("extra", extra))
            if names
        )
        raise PeftClassroomError(f"The tensors of {name} do not fit its configuration: {found}. Train it again.")
    for key, parameter in wanted.items():
        value = stored[key]
        if value.shape != parameter.shape:
            raise PeftClassroomError(
                f"{name}: tensor {key} has shape {tuple(value.shape)}, not {tuple(parameter.shape)}. Train it again."
            )
        if not torch.isfinite(value).all():
            raise PeftClassroomError(f"{name}: tensor {key} holds values that are not finite numbers. Train it again.")
        parameter.copy_(value)
