"""Several screens in one section: a choice above, one idea below."""

from collections.abc import Mapping

from app.content import label
from app.kit import url
from app.method.skeleton import Draw
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel


def draw(page: str, key: str, screens: Mapping[str, Draw], base: BaseModel, config: MethodConfig) -> None:
    """The chosen screen; which one is in the URL as `key`, its name is the label `KEY_NAME` of the page's file."""
    titles = {name: label(f"method/{page}", f"{key}_{name}") for name in screens}
    screens[url.screen_of(key, label(f"method/{page}", key), titles)](base, config)
