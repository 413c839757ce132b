"""Widgets of every method page, and where to move them."""

MOVES = {
    "full": (("base", "t5-small"), ("base", "t5-11b"), ("base", "tiny-t5")),
    "soft_prompt": (("prompt_n", 1), ("prompt_init", "random"), ("base", "t5-3b")),
    "adapter": (("adapter_m", 1), ("adapter_act", "tanh"), ("base", "t5-base")),
    "adapterhub": (("hub_factor", 1024), ("hub_placement", "houlsby"), ("base", "t5-large")),
    "lora": (("lora_r", 256), ("lora_alpha", 1.0), ("base", "t5-11b")),
}
