"""One training step, a screen at a time: the update, what is made small, how far a step goes, in which precision.

All but the first holds for every method; it stands here because here nothing else is in the way.
"""

from collections.abc import Callable

from app.content import label
from app.kit import url
from app.method.full.one_step import loss, precision, rate
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel

Draw = Callable[[BaseModel, MethodConfig], None]
KEY = "one_step"


def draw(base: BaseModel, config: MethodConfig, update: Draw) -> None:
    """The choice, and the chosen screen; `update` draws the formula of the method's page."""
    screens: dict[str, Draw] = {"update": update, "loss": loss.draw, "rate": rate.draw, "precision": precision.draw}
    titles = {name: label("method/full", f"one_step_{name}") for name in screens}
    screens[url.one_of(KEY, label("method/full", "one_step_choice"), titles, untitled=True)](base, config)
