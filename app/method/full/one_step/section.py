"""One training step, a screen at a time: the update, what is made small, how far a step goes, in which precision.

All but the first holds for every method; it stands here because here nothing else is in the way.
"""

from app.method import screens
from app.method.full.one_step import loss, precision, rate
from app.method.skeleton import Draw
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel

KEY = "one_step"


def draw(base: BaseModel, config: MethodConfig, update: Draw) -> None:
    """The choice, and the chosen screen; `update` draws the formula of the method's page."""
    steps: dict[str, Draw] = {"update": update, "loss": loss.draw, "rate": rate.draw, "precision": precision.draw}
    screens.draw("full", KEY, steps, base, config)
