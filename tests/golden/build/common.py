"""What both builds share: where things lie, the inputs, values that matter, and the index of what was made."""

import json
import os
from pathlib import Path

import torch
from safetensors.torch import save_file

GOLDEN = Path(__file__).resolve().parents[1]
ROOT = GOLDEN.parents[1]
os.chdir(ROOT)  # the libraries write into a folder where its base model lies: relative to the project, not to a machine
BASE = str((GOLDEN / "adapterhub" / "base").relative_to(ROOT))
# Two steps of the decoder: with one, its self-attention has one place to look at, and q and k there change nothing.
DECODER_INPUT_IDS = [[0, 5], [0, 9], [0, 4]]


@torch.no_grad()
def randomise(model, seed: int = 0) -> int:
    """Give every number that trains a value that matters; returns how many there are."""
    generator = torch.Generator().manual_seed(seed)
    trained = [p for p in model.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return sum(p.numel() for p in trained)


@torch.no_grad()
def logits(model) -> torch.Tensor:
    """(3 texts, 2 steps, 64 words)"""
    inputs = {k: torch.tensor(v) for k, v in json.loads((GOLDEN / "adapterhub" / "inputs.json").read_text()).items()}
    return model.eval()(**inputs, decoder_input_ids=torch.tensor(DECODER_INPUT_IDS), use_cache=False).logits


def write_index(folder: Path, versions: dict[str, str], entries: dict[str, dict], computed: dict) -> None:
    """index.json and logits.safetensors of one library."""
    about = {
        "versions": versions,
        "base": "adapterhub/base",
        "inputs": "adapterhub/inputs.json",
        "decoder_input_ids": DECODER_INPUT_IDS,
        "logits": f"{folder.name}/logits.safetensors",
        "folders": entries,
    }
    (folder / "index.json").write_text(json.dumps(about, indent=1) + "\n")
    save_file({name: tensor.contiguous() for name, tensor in computed.items()}, folder / "logits.safetensors")
