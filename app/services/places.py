"""Which line of a hand calculation a tensor belongs to, told by its name in Transformers' T5."""

LAYERS = {  # names of modules, in the words with which the lines begin
    "SelfAttention": "self-attention",
    "EncDecAttention": "cross-attention",
    "DenseReluDense": "feed-forward",
    "layer_norm": "layer norms",
    "final_layer_norm": "layer norms",
}


def place_of(tensor: str) -> str:
    """The words before the colon of that line.

    `encoder.block.0.layer.0.SelfAttention.q.lora_A` → "encoder self-attention".
    """
    parts = tensor.split(".")
    if "prompt_embeddings" in parts:
        return "prompt"
    if "shared" in parts:
        return "token embedding, shared with the output layer"
    stack = "encoder" if "encoder" in parts else "decoder"
    if "adapter" in parts:  # behind the dropout of a sub-layer: its self-attention has number 0
        first = "dropout" in parts and parts[parts.index("layer") + 1] == "0"
        return f"{stack}, after {'self-attention' if first else 'feed-forward'}"
    if "relative_attention_bias" in parts:
        return f"{stack} relative position bias"
    return f"{stack} {next(LAYERS[part] for part in parts if part in LAYERS)}"
