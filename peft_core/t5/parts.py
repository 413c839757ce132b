"""The parts of a T5 that parameters are counted by, all blocks of a stack together. No torch here.

A hand calculation says which part a line counts; `part_of` says it of a tensor, by its name. The two share names, never
numbers: whoever compares them needs no sentence in between.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from peft_core.t5.names import INNER, Layer, Stack, in_sublayer

Kind = Literal["embedding", "output", "input", Layer, "layer-norms", "position-bias"]
WORDS = {
    "embedding": "token embedding, shared with the output layer",
    "embedding-alone": "token embedding",
    "output": "output layer, not shared",
    "input": "prompt",
    "layer-norms": "layer norms",
    "position-bias": "relative position bias",
}


@dataclass(frozen=True)
class Part:
    """A stack's layers of one kind. `behind`: not the layer's own weights but what follows it.

    Without a stack: the token embedding, the output layer where it has weights of its own, or "input", what stands in
    front of the encoder's input. `alone` is for the words only: this embedding is not the output layer, too.
    """

    kind: Kind
    stack: Stack | Literal[""] = ""
    behind: bool = False
    alone: bool = field(default=False, compare=False)

    @property
    def kind_of_words(self) -> str:
        """The name under which a reader finds the words for the kind."""
        return f"{self.kind}-alone" if self.alone else self.kind

    @property
    def words(self) -> str:
        """The part in English, as in "encoder self-attention" and "decoder, after feed-forward"."""
        kind = WORDS.get(self.kind_of_words, self.kind)
        return f"{self.stack}, after {kind}" if self.behind else f"{self.stack} {kind}".strip()


def part_of(tensor: str) -> Part:
    """The part that a parameter belongs to, by its dotted name in a T5 with a method in it.

    encoder.block.0.layer.0.SelfAttention.q.lora_A      Part("self-attention", "encoder")
    encoder.block.0.layer.1.adapter.adapter_up.weight   Part("feed-forward", "encoder", behind=True)

    What lies neither in a stack nor in the embedding or the output layer is the input's.
    """
    if found := in_sublayer(tensor):
        stack, _, layer, inside = found
        if "relative_attention_bias" in inside:
            return Part("position-bias", stack)
        if "layer_norm" in inside:
            return Part("layer-norms", stack)
        own = inside.removeprefix("base_layer.").startswith(f"{INNER[layer]}.")
        return Part(layer, stack, behind=not own)
    if found := re.search(r"\b(encoder|decoder)\.final_layer_norm\b", tensor):
        return Part("layer-norms", found[1])
    if re.search(r"\blm_head\b", tensor):
        return Part("output")
    return Part("embedding" if re.search(r"\b(shared|embed_tokens)\b", tensor) else "input")
