"""Which base models can be loaded here without the network, and why not the others: in the library's own words."""

from pathlib import Path

from peft_core.computer.finding import Finding
from peft_core.errors import PeftClassroomError
from peft_core.t5.architecture import BaseModel, catalogue
from peft_core.t5.stored import stored_tensors


class Base(Finding):
    """A base model of the catalogue."""

    bundled: bool
    loadable: bool


def bases() -> tuple[Base, ...]:
    """All of the catalogue. The bundled ones are loaded, of the others the files are looked at; loads torch."""
    found = tuple(_looked_at(base) for base in catalogue().values())
    if any(base.loadable for base in found):
        return found
    return tuple(base.model_copy(update={"state": "wrong"}) if base.bundled else base for base in found)


def _looked_at(base: BaseModel) -> Base:
    problem = _loading(base) if base.bundled else _problem(base)
    figures = {"name": base.name, "bundled": base.bundled, "loadable": problem is None}
    if problem is None:
        return Base(**figures, found="can be loaded", public="can be loaded")
    alike = problem.replace(base.source, "ID").replace(base.name, "NAME")
    return Base(**figures, state="note", found=problem, alike=alike, public="cannot be loaded")


def _loading(base: BaseModel) -> str | None:
    try:
        from peft_core.t5.backbone import load_backbone

        load_backbone(base.name)
    except PeftClassroomError as error:
        return str(error)
    except (ImportError, OSError) as error:
        return f"The libraries cannot be imported ({error})."
    return None


def _problem(base: BaseModel) -> str | None:
    """What keeps a model of the Hub from being loaded from the local cache; None: nothing. Weights are not read."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(base.source, "config.json")
    fetch = f"With a network: hf download {base.source}"
    if not isinstance(config, str):
        return f"The base model {base.name} is not in the local Hugging Face cache. {fetch}"
    if lacking := _lacking(Path(config).parent):
        return f"The base model {base.name} is in the local Hugging Face cache and lacks {lacking}. {fetch}"
    return None


def _lacking(folder: Path) -> str:
    """What a folder of the cache lacks of what is read of a model; "" if nothing."""
    try:
        if not stored_tensors(folder):
            return "weights in safetensors files"
    except (PeftClassroomError, OSError) as error:
        return f"whole weights ({str(error).rstrip('.')})"
    if not any((folder / name).is_file() for name in ("tokenizer.json", "spiece.model")):
        return "tokenizer.json"
    return ""
