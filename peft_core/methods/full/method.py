"""Full fine-tuning: nothing can be chosen. No torch here."""

from typing import Literal

from peft_core.methods.method import MethodConfig


class FullConfig(MethodConfig):
    """Full fine-tuning: every weight of the backbone moves."""

    method: Literal["full"] = "full"
