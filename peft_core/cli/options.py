"""Options made of configurations: a field is the one declaration of its option, its description the help text.

    @takes(LoraConfig, TrainConfig)
    def command(method: str, given: dict[str, Any]) -> None: ...

gives the command an option for each field of both, and `given` the values of those that were given, by field. They are
plain data, as in a JSON file: what is out of bounds, the configuration says when it is built.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from peft_core.methods.registry import METHODS

Kind = type[BaseModel]


def takes(
    *kinds: Kind,
    without: Iterable[str] = (),
    several: Iterable[str] = (),
    usual: Mapping[str, Any] = MappingProxyType({}),
) -> Callable:
    """A decorator: the command's parameter `given` becomes an option for each field of `kinds`.

    Args:
        without: fields that get no option.
        several: fields that get an option for a list of values instead, called by the plural: `--alphas 8,16`.
            In `given` they stand under the plural, as lists of words.
        usual: defaults of this command, where they are not the configuration's; they are in `given`, too. None: it has
            no single one, and what is not given is not in `given`.
    """
    left_out, plural = {"method", *without}, set(several)
    found = {name: fields for name, fields in _fields(kinds).items() if name not in left_out}
    parameters = [_option(name, fields, name in plural, usual) for name, fields in found.items()]
    listed = {f"{name}s" for name in plural} | {name for name, fields in found.items() if _is_list(fields)}

    def decorate(command: Callable) -> Callable:
        @wraps(command)
        def call(**arguments: Any) -> Any:
            options = {p.name: arguments.pop(p.name) for p in parameters}
            given = {name: value for name, value in usual.items() if value is not None} | {
                name: words(value) if name in listed else value for name, value in options.items() if value is not None
            }
            return command(**arguments, given=given)

        shown = []
        for parameter in inspect.signature(command).parameters.values():
            shown += parameters if parameter.name == "given" else [parameter]
        keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in shown]
        call.__signature__ = inspect.Signature(keyword)  # typer makes the command line from it
        call.__annotations__ = {p.name: p.annotation for p in keyword}
        return call

    return decorate


def every_method() -> tuple[Kind, ...]:
    """The configurations of all methods: a new one brings its options with it."""
    return tuple(method.config for method in METHODS.values())


def part(given: Mapping[str, Any], *kinds: Kind) -> dict[str, Any]:
    """The values in `given` that are fields of `kinds`."""
    names = {name for kind in kinds for name in kind.model_fields}
    return {name: value for name, value in given.items() if name in names}


def lists(given: Mapping[str, Any], *kinds: Kind) -> dict[str, list[str]]:
    """The lists of values in `given` for fields of `kinds`, by field."""
    return {name: given[f"{name}s"] for kind in kinds for name in kind.model_fields if f"{name}s" in given}


def words(text: str) -> list[str]:
    """ "q, v" → ["q", "v"]"""
    return [word.strip() for word in text.split(",") if word.strip()]


def _fields(kinds: Iterable[Kind]) -> dict[str, list[tuple[Kind, FieldInfo]]]:
    """Every field by name, with the configurations that have it: a name is one option."""
    found: dict[str, list[tuple[Kind, FieldInfo]]] = {}
    for kind in kinds:
        for name, field in kind.model_fields.items():
            found.setdefault(name, []).append((kind, field))
    return found


def _option(
    name: str, found: list[tuple[Kind, FieldInfo]], several: bool, usual: Mapping[str, Any]
) -> inspect.Parameter:
    kinds = {_type(field.annotation) for _, field in found}
    if len(kinds) > 1:
        raise TypeError(f"{name} is of another type in each of: {', '.join(kind.__name__ for kind, _ in found)}.")
    text = _help(name, found, usual) + ("; several, separated by commas" if several else "")
    name = f"{name}s" if several else name
    kind = str if several else kinds.pop()
    flag = f"--{name.replace('_', '-')}"
    on = kind is bool and any(field.default is True for _, field in found)  # then it is there to be switched off
    option = typer.Option(f"{flag}/--no-{flag[2:]}" if on else flag, help=text, show_default=False)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _help(name: str, found: list[tuple[Kind, FieldInfo]], usual: Mapping[str, Any]) -> str:
    """What each field says of itself, with the method it is of."""
    names = {method.config: method.name for method in METHODS.values()}
    said: dict[str, list[str]] = {}
    for kind, field in found:
        said.setdefault(_said(field, usual.get(name, field.default)), []).append(names.get(kind, ""))
    return " | ".join(f"{', '.join(owners)}: {text}" if any(owners) else text for text, owners in said.items())


def _said(field: FieldInfo, default: Any) -> str:
    """Its description, what there is to choose from, and the default."""
    description, choices = field.description or "", _choices(field.annotation)
    named = set(choices) <= set(re.findall(r"\w+", description))
    parts = [description, "" if named else f"of {', '.join(choices)}"]
    parts += [] if default is None or default is False or default == () else [f"default: {_written(default)}"]
    return "; ".join(part for part in parts if part)


def _written(value: Any) -> str:
    return (
        ",".join(map(str, value))
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _bare(annotation: Any) -> Any:
    """The annotation without `| None`."""
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (a for a in get_args(annotation) if a is not type(None))
    return annotation


def _is_list(found: list[tuple[Kind, FieldInfo]]) -> bool:
    return get_origin(_bare(found[0][1].annotation)) is tuple


def _type(annotation: Any) -> type:
    """What typer reads from the command line: a number, a switch, or a word."""
    bare = _bare(annotation)
    return bare if bare in (int, float, bool) else str


def _choices(annotation: Any) -> tuple[str, ...]:
    bare = _bare(annotation)
    if get_origin(bare) is tuple:
        bare = get_args(bare)[0]
    return get_args(bare) if get_origin(bare) is Literal else ()
