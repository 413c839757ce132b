"""A configuration written out: as Python source and as a command line. No torch here.

Both can be copied and run, so every value is quoted: by `repr` in Python, by `shlex.quote` in a shell.
"""

import shlex
from typing import Any

from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.reviews.config import DataConfig

LINE = 70  # what fits on the page beside the controls


def literal(value: Any) -> str:
    """A number, text, list or tuple as Python: whole numbers without a point, simple text in double quotes."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str) and value.isascii() and value.isprintable() and not set(value) & set('"\\'):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        inside = ", ".join(literal(item) for item in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    return repr(value)


def constructor(part: MethodConfig | DataConfig | TrainConfig, shown: tuple[str, ...]) -> str:
    """The call that makes `part`, with the `shown` fields and those that are not their defaults.

    On one line where it fits, otherwise with a line for each argument, as an argument of `RunConfig(` itself.
    """
    default, name = type(part)(), type(part).__name__
    arguments = [
        _argument(field, value)
        for field, value in part
        if field != "method" and value is not None and (field in shown or value != getattr(default, field))
    ]
    line = f"{name}({', '.join(arguments)})"
    return (
        line if len(line) <= LINE - 12 else "\n        ".join([f"{name}(", *(f"{a}," for a in arguments)]) + "\n    )"
    )


def _argument(name: str, value: Any) -> str:
    """name=value; where that is too long for a line, a tuple has a line for each item."""
    line = f"{name}={literal(value)}"
    if not isinstance(value, tuple) or len(line) <= LINE - 9:
        return line
    return "\n            ".join([f"{name}=(", *(f"{literal(item)}," for item in value)]) + "\n        )"


def command(config: RunConfig, out: str) -> list[str]:
    """`python -m peft_core train …` in pieces, with exactly the options whose values are not their defaults.

    Of own texts the file and its two columns stand in capitals: whoever brought it puts their names there.

    Raises:
        PeftClassroomError: if a text cannot be typed.
    """
    given: dict[str, Any] = {"base": config.base} if config.base != RunConfig.model_fields["base"].default else {}
    for part in (config.method, config.data, config.train):
        default = type(part)()
        given |= {name: value for name, value in part if value != getattr(default, name)}
    if given.get("learning_rate") == method_of(config.method).learning_rate:
        del given["learning_rate"]
    if config.data.own is not None:
        sizes = ("task", "own", "train_size", "validation_size", "test_size")
        file = {"data": "FILE.csv", "text_column": "TEXT", "label_column": "LABEL"}
        given = file | {name: value for name, value in given.items() if name not in sizes}
    missing = [name for name, value in given.items() if not str(value).isprintable()]
    if missing:
        raise PeftClassroomError(f"The command line cannot say {' and '.join(missing)}. Use the lines of Python.")
    options = [_option(f"--{name.replace('_', '-')}", value) for name, value in given.items()]
    return [f"python -m peft_core train {config.method.method}", *options, f"--out {shlex.quote(out)}"]


def wrapped(pieces: list[str]) -> list[str]:
    """The pieces of a command on lines of a good length, for a Unix shell: all but the last end with a backslash.

    An option that is too long for a line has a line for each word, unless the spaces are in single quotes, where a
    backslash at the end of a line would be part of the text.
    """
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) <= LINE - 10:
            lines[-1] += f" {piece}"
        else:
            whole = len(piece) <= LINE - 14 or "'" in piece
            lines += [f"    {words}" for words in ([piece] if whole else piece.split(" "))]
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def _option(flag: str, value: Any) -> str:
    """A flag and its value. A long list is in double quotes, with spaces, where `wrapped` can break it."""
    if value is True:
        return flag
    word = _word(value)
    quoted = shlex.quote(word)
    if isinstance(value, tuple) and word == quoted and len(f"{flag} {word}") > LINE - 14:
        quoted = f'"{word.replace(",", ", ")}"'
    return f"{flag} {quoted}"


def _word(value: Any) -> str:
    """A value as one word of a command line, before quoting: q,v; a table as name=4,other=8."""
    if isinstance(value, tuple):
        return ",".join("=".join(map(_word, item)) if isinstance(item, tuple) else str(item) for item in value)
    return value if isinstance(value, str) else literal(value)
