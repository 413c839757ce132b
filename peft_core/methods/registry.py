"""Every method that has a folder here, by name. No torch here."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Annotated, Any, Union

from pydantic import Field

from peft_core.errors import PeftClassroomError, UnknownMethodError
from peft_core.methods.method import Method, MethodConfig
from peft_core.validated import validated


def _found() -> Mapping[str, Method]:
    """The `METHOD` of every folder's `method.py`, in the order of their positions.

    Raises:
        TypeError: if a folder and its method have different names, or two methods one position.
    """
    found: dict[str, Method] = {}
    for module in iter_modules([str(Path(__file__).parent)]):
        if module.ispkg:
            method: Method = import_module(f"peft_core.methods.{module.name}.method").METHOD
            if method.name != module.name:
                raise TypeError(f"The folder {module.name} holds the method {method.name!r}: give both one name.")
            found[method.name] = method
    if len({method.position for method in found.values()}) < len(found):
        raise TypeError("Two methods have the same position in the list: " + ", ".join(found))
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: item[1].position)))


METHODS: Mapping[str, Method] = _found()
CONFIGS = tuple(method.config for method in METHODS.values())
# One type for all configurations: the field `method` tells which it is.
MethodField = Annotated[Union[CONFIGS], Field(discriminator="method")]  # noqa: UP007


def method_of(config: MethodConfig) -> Method:
    """The method that `config` is of.

    Raises:
        UnknownMethodError: if there is no such method.
    """
    method = METHODS.get(getattr(config, "method", ""))
    if method is None or not isinstance(config, method.config):
        raise UnknownMethodError(config, "method_of")
    return method


def method_label(config: MethodConfig) -> str:
    """The method with its one decisive number, as in "LoRA r=8"."""
    return method_of(config).label(config)


def method_config(method: str, **options: Any) -> MethodConfig:
    """The configuration of `method` with `options`; says in one sentence what is wrong.

    Raises:
        PeftClassroomError: for an unknown method, an unknown option, or a value out of bounds.
    """
    name = method.replace("-", "_")  # soft-prompt, as the options spell it
    if name not in METHODS:
        raise PeftClassroomError(f"Unknown method {method!r}. Choose one of: {', '.join(METHODS)}.")
    return validated(lambda: METHODS[name].config(**options))


def what_costs(config: MethodConfig) -> MethodConfig:
    """The configuration without what changes values only, never shapes or work: two that are equal here cost the same.

    That is LoRA's alpha, and where a soft prompt starts from.
    """
    fields = type(config).model_fields
    return config.model_copy(update={name: fields[name].default for name in method_of(config).free_fields})
