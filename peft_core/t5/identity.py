"""What makes a base model the one that a checkpoint was trained on: its weights, its tokenizer, its configuration.

Exchange two words in the tokenizer, or change the distance at which position biases end, and every weight is the same
while every answer is another.
"""

import hashlib
import json
from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedTokenizerBase, T5Config

# What a T5's forward pass reads from its configuration, beside the shapes of its weights.
READ = (
    "vocab_size", "d_model", "d_kv", "d_ff", "num_heads", "num_layers", "num_decoder_layers", "dense_act_fn",
    "is_gated_act", "relative_attention_num_buckets", "relative_attention_max_distance", "layer_norm_epsilon",
    "decoder_start_token_id", "scale_decoder_outputs",
)  # fmt: skip
SPECIAL = ("pad_token_id", "eos_token_id", "unk_token_id")


@dataclass(frozen=True)
class Identity:
    """SHA-256 digests of the three parts of a base model, as hexadecimal digits."""

    weights: str
    tokenizer: str
    config: str


def identity(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> Identity:
    """The identity of a loaded base model."""
    return Identity(fingerprint(model), tokenizer_fingerprint(tokenizer), config_fingerprint(model.config))


def fingerprint(model: nn.Module) -> str:
    """SHA-256 over all parameters (name, shape, fp32 values), tied ones once."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        digest.update(f"{name} {tuple(parameter.shape)}\n".encode())
        digest.update(parameter.detach().float().contiguous().numpy().data)
    return digest.hexdigest()


def tokenizer_fingerprint(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 over all that turns a text into ids: vocabulary, normaliser, splitting, what is put around, special ids.

    What a caller chooses for each call, padding and cutting, is left out.
    """
    pipeline = json.loads(tokenizer.backend_tokenizer.to_str())
    pipeline |= {"padding": None, "truncation": None, "special": [getattr(tokenizer, name) for name in SPECIAL]}
    return _digest(pipeline)


def config_fingerprint(config: T5Config) -> str:
    """SHA-256 over the settings that a forward pass reads."""
    return _digest(forward_settings(config))


def forward_settings(config: T5Config) -> dict[str, object]:
    """The settings that a forward pass reads, by name."""
    return {name: getattr(config, name) for name in READ}


def _digest(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
