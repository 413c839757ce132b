"""How the Trainer is set up: as the libraries' examples do it, and by what its options can gain on this work.

`python -m benchmarks.training_speed --tuning` measures every variant; `TUNED` names the fastest of each method.
"""

from benchmarks.peer_reports import TrainerSettings

SHIPPED = TrainerSettings()
# What guides to fast training name first.
BF16 = TrainerSettings(bf16=True, dropout=0.0, group_by_length=True, attention="sdpa")


def _changed(settings: TrainerSettings, **changes: object) -> TrainerSettings:
    return TrainerSettings(**dict(settings) | changes)


_EAGER = _changed(BF16, attention="eager")
_FROZEN = _changed(_EAGER, frozen_bf16=True)  # the same as _EAGER for full fine-tuning, which freezes nothing
_ONE_TOKEN = _changed(_FROZEN, label_tokens=1)
# Each is the one before it or the best so far with one thing changed.
VARIANTS: dict[str, TrainerSettings] = {
    "shipped": SHIPPED,
    "dropout_0": _changed(SHIPPED, dropout=0.0),
    "bf16_sdpa": BF16,
    "bf16_eager": _EAGER,
    "frozen_bf16_eager": _FROZEN,
    "frozen_bf16_sdpa": _changed(_FROZEN, attention="sdpa"),
    "one_label_token": _ONE_TOKEN,
    "random_order": _changed(_ONE_TOKEN, group_by_length=False),
    "keep_freed_memory": _changed(_ONE_TOKEN, keep_freed_memory=True),
    "pad_to_64": _changed(_FROZEN, pad_to_multiple_of=64),  # the collator pads the labels to 64 tokens, too
    "torch_compile": _changed(_ONE_TOKEN, torch_compile=True),
    "one_label_token_sdpa": _changed(_ONE_TOKEN, attention="sdpa"),  # for a GPU, where SDPA is the faster one
}
TUNED: dict[str, str] = {
    "lora": "one_label_token",
    "adapter": "one_label_token",
    "soft_prompt": "one_label_token",
    "full": "one_label_token",
}
SIDES = ("ours", "trainer", "trainer_bf16", "trainer_tuned")


def settings_of(side: str, method: str) -> TrainerSettings | None:
    """The Trainer's settings on this side, or of this variant; None: this project, no Trainer."""
    named = {"ours": None, "trainer": SHIPPED, "trainer_bf16": BF16, "trainer_tuned": VARIANTS[TUNED[method]]}
    return (named | VARIANTS)[side]
