"""A base model of a published shape with random weights, as a folder: for measuring speed where there is no network.

`t5-small-shape` is T5-small as far as time is concerned: its architecture, and bundled tiny-t5's tokenizer, whose ids
all lie within T5-small's vocabulary, so that a review becomes about as many tokens.
"""

import shutil
import tempfile
from pathlib import Path

from peft_core.errors import PeftClassroomError
from peft_core.paths import BUNDLED_BASES, cache_dir
from peft_core.t5.architecture import base_model

SUFFIX = "-shape"
TOKENIZER = "tiny-t5"


def source_of(base: str) -> str:
    """What `load_backbone` takes for `base`: the folder of random weights for NAME-shape, written once; else `base`.

    Raises:
        PeftClassroomError: if NAME is no known model, or its vocabulary is smaller than the tokenizer's.
    """
    if not base.endswith(SUFFIX):
        return base
    folder = cache_dir() / "benchmarks" / base
    if not (folder / "model.safetensors").exists():
        _write(base.removesuffix(SUFFIX), folder)
    return str(folder)


def _write(name: str, folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer

    from peft_core.t5.backbone import hf_config, untrained_t5

    tokenizer = AutoTokenizer.from_pretrained(BUNDLED_BASES / TOKENIZER, local_files_only=True)
    architecture = base_model(name).architecture
    if len(tokenizer) > architecture.vocab_size:
        raise PeftClassroomError(
            f"The tokenizer of {TOKENIZER} has {len(tokenizer):,} tokens, {name} only {architecture.vocab_size:,}. "
            "Choose a larger model."
        )
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        untrained_t5(hf_config(architecture, **ids), architecture.tied).save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
