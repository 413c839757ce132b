"""The model that `numel()` looks at: the one that the library builds for a base model, without its weights.

Where the base model's own `config.json` is on this computer, in a folder or in the Hugging Face cache, the library
reads that file, and the tensors beside it say whether the output layer is one of its own. So a hand calculation that
reads the file differently does not agree. Nothing of this is shared with `t5/architecture.py`, the hand's reader.
"""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import T5Config, T5ForConditionalGeneration

from peft_core.hub_cache import snapshot
from peft_core.t5.architecture import Architecture, BaseModel
from peft_core.t5.backbone import WithoutValues, build_on_meta, untrained_t5

ROWS = 1024  # of two tables compared at a time


def real_model(base: BaseModel | Architecture) -> tuple[T5ForConditionalGeneration, Path | None]:
    """The base model on the meta device, and the `config.json` that it was built from.

    None: there is no such file on this computer, or only shapes were given; then it has the shapes that we know of it.
    """
    if isinstance(base, Architecture):
        return build_on_meta(base), None
    file = config_file(base)
    if file is None:
        return build_on_meta(base.architecture), None
    config = T5Config.from_pretrained(file.parent, local_files_only=True)
    own_output = _output_is_its_own(file.parent, config)
    with torch.device("meta"), WithoutValues():
        return untrained_t5(config, tied=not own_output), file


def config_file(base: BaseModel) -> Path | None:
    """The base model's `config.json`, in its folder or in the Hugging Face cache; the network is not asked."""
    folders = [Path(base.source)] if base.bundled else [snapshot(name) for name in base.ids]
    files = [folder / "config.json" for folder in folders if folder]
    return next((file for file in files if file.is_file()), None)


def _output_is_its_own(folder: Path, config: T5Config) -> bool:
    """Whether loading the model leaves its output layer untied: where two tables are stored that differ.

    Without safetensors only the configuration can say: T5 scales the output of a decoder whose embedding answers.
    """
    file_of = _stored(folder)
    if not file_of:
        return not config.scale_decoder_outputs
    tied = T5ForConditionalGeneration._tied_weights_keys  # name of a table → name of the one that it is a view of
    embeddings = [tied["lm_head.weight"], *(name for name in tied if name != "lm_head.weight")]
    embedding = next((name for name in embeddings if name in file_of), None)
    if embedding is None or "lm_head.weight" not in file_of:
        return False
    with (
        safe_open(file_of["lm_head.weight"], "pt") as file,
        safe_open(file_of[embedding], "pt") as other_file,
    ):
        output, words = file.get_slice("lm_head.weight"), other_file.get_slice(embedding)
        rows = range(0, output.get_shape()[0], ROWS)
        return any(not torch.equal(output[n : n + ROWS], words[n : n + ROWS]) for n in rows)


def _stored(folder: Path) -> dict[str, Path]:
    """The file of every tensor that is stored in `folder`; empty without safetensors."""
    index, whole = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if whole.is_file():
        with safe_open(whole, "pt") as file:
            return dict.fromkeys(file.keys(), whole)
    if index.is_file():
        return {name: folder / file for name, file in json.loads(index.read_text())["weight_map"].items()}
    return {}
