"""What OpenDelta saves, what it computes, and the trees that it prints.

Run in the environment of requirements-opendelta.txt: `python tests/golden/build/open_delta.py`.
"""

import shutil
from importlib.metadata import version
from io import StringIO

import shims
import torch
from common import BASE, GOLDEN, logits, randomise, write_index
from transformers import T5ForConditionalGeneration

shims.put_in_place()

from opendelta import AdapterModel, AutoDeltaModel, LoraModel, SoftPromptModel, Visualization  # noqa: E402
from rich.console import Console  # noqa: E402

FOLDER = GOLDEN / "opendelta"
ALL_Q_AND_V = ["SelfAttention.q", "SelfAttention.v", "EncDecAttention.q", "EncDecAttention.v"]
KINDS = {
    "lora": (LoraModel, {}),
    "lora_r2_alpha5": (LoraModel, {"lora_r": 2, "lora_alpha": 5, "lora_dropout": 0.1}),
    "lora_cross": (LoraModel, {"modified_modules": ALL_Q_AND_V}),
    "lora_wi_wo": (LoraModel, {"lora_r": 3, "modified_modules": ["DenseReluDense.wi", "DenseReluDense.wo"]}),
    "soft_prompt_1": (SoftPromptModel, {"soft_token_num": 1}),
    "soft_prompt_10": (SoftPromptModel, {"soft_token_num": 10, "token_init": False}),
    "adapter_24": (AdapterModel, {}),
    "adapter_8_relu": (AdapterModel, {"bottleneck_dim": 8, "non_linearity": "relu"}),
    "adapter_pfeiffer": (
        AdapterModel,
        {
            "bottleneck_dim": 4,
            "non_linearity": "relu",
            "modified_modules": ["[r]encoder.block.[0-9]+.layer.1", "[r]decoder.block.[0-9]+.layer.2"],
        },
    ),
    "adapter_ff": (AdapterModel, {"bottleneck_dim": 4, "modified_modules": ["DenseReluDense.wo"]}),
}


def new_model():
    return T5ForConditionalGeneration.from_pretrained(BASE, dtype=torch.float32)


def tree(model) -> str:
    """As `Visualization` prints it, without colours."""
    console = Console(file=StringIO(), width=200, color_system=None)
    console.print(Visualization(model).structure_graph(printTree=False))
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def save(name: str, kind, settings: dict) -> tuple[dict, torch.Tensor]:
    """Save one kind; returns what the index says of it, and the logits of the model that has read the folder."""
    model, folder = new_model(), FOLDER / "saved" / name
    torch.manual_seed(0)
    delta = kind(backbone_model=model, **settings)
    delta.freeze_module(exclude=["deltas"], set_state_dict=True)  # without it, the whole model is saved
    trainable = randomise(model)
    before = logits(model)
    delta.save_finetuned(str(folder))
    (FOLDER / "trees" / f"{name}.txt").write_text(tree(model))

    again = new_model()
    AutoDeltaModel.from_finetuned(str(folder), backbone_model=again)
    after = logits(again)
    return {
        "library": "opendelta",
        "trainable": trainable,
        "files": sorted(path.name for path in folder.iterdir()),
        "differs_from_base": float((after - BASE_LOGITS).abs().max()),
        "read_again_differs": float((after - before).abs().max()),
    }, after


if __name__ == "__main__":
    BASE_LOGITS = logits(new_model())
    for old in ("saved", "trees"):
        shutil.rmtree(FOLDER / old, ignore_errors=True)
        (FOLDER / old).mkdir(parents=True)
    entries, computed = {}, {}
    for name, (kind, settings) in KINDS.items():
        entries[name], computed[name] = save(name, kind, settings)
        print(name, entries[name])
    versions = {library: version(library) for library in ("opendelta", "transformers", "torch")}
    write_index(FOLDER, versions, entries, computed)
