"""The folders that AdapterHub's library and OpenDelta saved (tests/golden): what is to come of each here."""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from peft_core.paths import ROOT

GOLDEN = ROOT / "tests" / "golden"
BASE = GOLDEN / "adapterhub" / "base"
LIBRARIES = {"adapterhub": "AdapterHub's adapters", "opendelta": "OpenDelta"}
# A word that the sentence of the refusal has to contain; the others have to be read and compute the same.
REFUSED: dict[tuple[str, str], str] = {
    ("adapterhub", "rf_map"): "reduction_factor",
    ("adapterhub", "seq_gating"): "use_gating",
    ("adapterhub", "seq_ln_before"): "ln_before",
    ("adapterhub", "seq_ln_after"): "ln_after",
    ("adapterhub", "seq_original_ln_after_false"): "original_ln_after",
    ("adapterhub", "seq_residual_before_ln_false"): "residual_before_ln",
    ("adapterhub", "seq_inv"): "inv_adapter",
    ("adapterhub", "compacter"): "phm_layer",
    ("adapterhub", "lora_gating"): "use_gating",
    ("adapterhub", "vera"): "vera",
    ("adapterhub", "prefix"): "prefix_tuning",
    ("adapterhub", "prefix_flat"): "prefix_tuning",
    ("adapterhub", "mam"): "union",
    ("adapterhub", "unipelt"): "union",
}


@cache
def index(library: str) -> dict[str, Any]:
    """What was noted when the folders were made."""
    return json.loads((GOLDEN / library / "index.json").read_text())


def kinds() -> list[tuple[str, str]]:
    """(library, name of the folder)"""
    return [(library, name) for library in LIBRARIES for name in index(library)["folders"]]


def is_pickle(library: str, name: str) -> bool:
    """Whether it was saved as the library does when it is not told otherwise."""
    return any((GOLDEN / library / "saved" / name).glob("*.bin"))


def converted(library: str, name: str, folder: Path) -> Path:
    """A copy of the folder with its pickle as safetensors, as the two lines of the refusal make it."""
    shutil.copytree(GOLDEN / library / "saved" / name, folder)
    for pickle in folder.glob("*.bin"):
        weights = "adapter.safetensors" if library == "adapterhub" else "pytorch_model.safetensors"
        tensors = torch.load(pickle, map_location="cpu", weights_only=True)
        save_file({key: value.clone().contiguous() for key, value in tensors.items()}, folder / weights)
        pickle.unlink()
    return folder


def wanted(library: str, name: str) -> torch.Tensor:
    """The library's own logits, (texts, steps, vocabulary)."""
    return _logits(library)[name]


@cache
def _logits(library: str) -> dict[str, torch.Tensor]:
    return load_file(GOLDEN / index(library)["logits"])


@torch.inference_mode()
def logits(library: str, model: Any) -> torch.Tensor:
    """Those of `model` on the same inputs."""
    about = index(library)
    inputs = json.loads((GOLDEN / about["inputs"]).read_text())
    return model(
        input_ids=torch.tensor(inputs["input_ids"]),
        attention_mask=torch.tensor(inputs["attention_mask"]),
        decoder_input_ids=torch.tensor(about["decoder_input_ids"]),
    ).logits.float()


METHODS = {
    "seq": "Adapter",
    "double": "Adapter",
    "par": "Adapter",
    "pfeiffer": "Adapter",
    "houlsby": "Adapter",
    "rf": "Adapter",
    "adapter": "Adapter",
    "compacter": "Compacter",
    "lora": "LoRA",
    "dora": "LoRA",
    "vera": "VeRA",
    "ia3": "IA3",
    "prefix": "Prefix",
    "mam": "Mix-and-match",
    "unipelt": "UniPELT",
    "soft": "Soft prompt",
}  # by how the names of the folders begin


def method(name: str) -> str:
    """The method of a folder, as a reader of the table calls it."""
    return METHODS[name.partition("_")[0]]
