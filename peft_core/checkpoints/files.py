"""Save and load trained tensors, in the formats that other libraries read.

    Hugging Face PEFT folder      adapter_config.json, adapter_model.safetensors
    AdapterHub folder             adapter_config.json, adapter.safetensors
    Transformers folder           config.json, model.safetensors

plus `run.json`. Which of these a method has, and under which names, it says itself (`methods/method.py`). Loading is
strict where those libraries only warn: a missing, extra, misshapen or non-finite tensor, another base model, or two
files that say different things (`agreement.py`), is refused. Nothing is ever unpickled.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from peft_core.checkpoints.agreement import check_base, check_described
from peft_core.checkpoints.located import located
from peft_core.checkpoints.record import FORMAT, Record
from peft_core.checkpoints.run_json import read_record, write_record
from peft_core.checkpoints.weights_file import checkpoint_weights
from peft_core.errors import PeftClassroomError
from peft_core.files import writing
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.method import Method, MethodConfig
from peft_core.methods.reading import DESCRIPTION
from peft_core.methods.registry import method_of
from peft_core.paths import display_path
from peft_core.t5.backbone import Backbone
from peft_core.t5.stored import check_head
from peft_core.validated import shortened

# ---------------------------------------------------------------------------------------------------------------------
# Save


def stored_tensors(method: Method, model: nn.Module) -> dict[str, torch.Tensor]:
    """The trainable tensors in the other library's names and shapes, contiguous, on the CPU, a tied tensor once.

    In bf16 where that loses nothing: full fine-tuning rounds its weights before they are tested, so its file is half.
    """
    tensors = {
        method.stored_name(name): p.detach().cpu().contiguous().view(method.stored_shape(name, tuple(p.shape)))
        for name, p in trainable_tensors(model).items()
    }
    halved = {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}
    return halved if all(torch.equal(halved[name].float(), tensors[name].float()) for name in tensors) else tensors


def check_free(folder: Path) -> None:
    """Said before anything is computed for it.

    Raises:
        PeftClassroomError: if `folder` exists already.
    """
    if folder.exists():
        raise PeftClassroomError(f"{folder} exists already. Choose another folder or remove this one.")


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, to be filled; then flushed to disk and renamed: a reader sees all of it or nothing.

    Raises:
        PeftClassroomError: if `folder` exists already, or cannot be written.
    """
    check_free(folder)
    with saving(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            yield temporary
            temporary.chmod(0o755)
            for path in temporary.iterdir():
                path.chmod(0o644)  # whoever may read the folder may read its files
                with path.open("rb") as file:
                    os.fsync(file.fileno())
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


@contextmanager
def saving(folder: Path) -> Iterator[None]:
    """The same as `writing`, where tensors are written, too: their library has an error of its own for a full disk."""
    with writing(folder):
        try:
            yield
        except SafetensorError as error:
            raise OSError(shortened(str(error))) from error


def save_checkpoint(model: nn.Module, record: Record, backbone: Backbone, folder: str | Path) -> None:
    """Write the checkpoint as a whole (`published`).

    The record is bound to the weights as they are written, and to the base model as it is loaded.

    Raises:
        PeftClassroomError: if `folder` exists already.
    """
    with published(Path(folder)) as temporary:
        write_files(temporary, model, record.method, backbone)
        write_record(bound(record, backbone, temporary), temporary)


def bound(record: Record, backbone: Backbone, folder: Path) -> Record:
    """`record` with the digests of the weights in `folder` and of the base model that it is of."""
    return record.model_copy(
        update={
            "format": FORMAT,
            "base_fingerprint": backbone.identity.weights,
            "tokenizer_fingerprint": backbone.identity.tokenizer,
            "config_fingerprint": backbone.identity.config,
            "prefix": backbone.base.prefix,
            "weights_sha256": checkpoint_weights(folder, record.method).sha256,
        }
    )


def write_files(folder: Path, model: nn.Module, config: MethodConfig, backbone: Backbone) -> None:
    """What other libraries read: the weights, and the description of the method or of the whole model."""
    method = method_of(config)
    save_file(stored_tensors(method, model), folder / method.weights_file, metadata={"format": "pt"})
    description = method.description(config, backbone.base.architecture, base_reference(backbone))
    if description is None:  # a whole model
        _write_config(folder, model)
        backbone.tokenizer.save_pretrained(folder)
    else:
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")


def _write_config(folder: Path, model: nn.Module) -> None:
    """`config.json` as T5 v1.1 publishes it, where the output layer has weights of its own.

    The library's version 5 writes that they are tied; its version 4 would believe it, and throw one table away.
    """
    model.config.save_pretrained(folder)
    if model.lm_head.weight is not model.shared.weight and not model.config.scale_decoder_outputs:
        path = folder / "config.json"
        config = json.loads(path.read_text()) | {"tie_word_embeddings": False}
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def base_reference(backbone: Backbone) -> str:
    """Hub id, folder relative to the project, or a folder's bare name: never a path of this machine."""
    path = Path(backbone.base.source)
    if not path.is_dir():
        return backbone.base.source
    shown = display_path(path)
    return path.name if Path(shown).is_absolute() else shown


# ---------------------------------------------------------------------------------------------------------------------
# Load


def load_checkpoint(checkpoint: str | Path, backbone: Backbone) -> tuple[nn.Module, Record]:
    """The trained model over `backbone`'s shared weights (full fine-tuning: weights of its own), in evaluation mode.

    Args:
        checkpoint: its folder, or the name that `list_checkpoints` has for it, as in "lora-8".

    Raises:
        PeftClassroomError: if the record or the weights are damaged, incomplete, or made for another base model, or the
            folder's files contradict one another.
    """
    folder = located(checkpoint)
    record = read_record(folder)
    check_base(record, backbone, folder.name)
    check_described(folder, record, backbone)
    method = method_of(record.method)
    own = backbone.own_copy() if method.owns_weights else backbone.replica()
    model = apply_method(own, record.method, prompt_ids=[0])
    copy_tensors(read_tensors(folder / method.weights_file), method, model, folder.name)
    if method.owns_weights:
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
    check_head(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, AttributeError) as error:  # the latter: unknown types
        reason = shortened(str(error))
        raise PeftClassroomError(f"{path} is damaged ({reason}). Restore the file or train again.") from error


NUMBERS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


@torch.no_grad()
def copy_tensors(stored: dict[str, torch.Tensor], method: Method, model: nn.Module, name: str) -> None:
    """Copy `stored` into the trainable tensors of `model`, refusing whatever does not fit exactly."""
    ours = trainable_tensors(model)
    wanted = {method.stored_name(n): (method.stored_shape(n, tuple(p.shape)), p) for n, p in ours.items()}
    missing, extra = sorted(wanted.keys() - stored.keys()), sorted(stored.keys() - wanted.keys())
    if missing or extra:
        found = "; ".join(
            f"{len(names)} {kind} (first: {shortened(names[0], 120)})"
            for kind, names in (("missing", missing), ("extra", extra))
            if names
        )
        raise PeftClassroomError(f"The tensors of {name} do not fit its configuration: {found}. Train it again.")
    for key, (shape, parameter) in wanted.items():
        value = stored[key]
        if tuple(value.shape) != shape:
            raise PeftClassroomError(
                f"{name}: tensor {key} has shape {tuple(value.shape)}, not {shape}. Train it again."
            )
        if value.dtype not in NUMBERS:
            kind = str(value.dtype).removeprefix("torch.")
            raise PeftClassroomError(
                f"{name}: tensor {key} holds values of type {kind}; what can be read is float32, float16, bfloat16 "
                "and float64. Convert or train it again."
            )
        if not torch.isfinite(value).all():
            raise PeftClassroomError(f"{name}: tensor {key} holds values that are not finite numbers. Train it again.")
        parameter.copy_(value.view(parameter.shape))
