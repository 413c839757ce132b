"""`python -m peft_core …`: count, train, evaluate, classify, list checkpoints, pretrain.

Also: continue, inspect, import, export, merge, reproduce, sweep, compare, report, spectrum, similarity, truncate,
serve, check.

Every command but `serve` takes `--json`. A wrong option, path or name gets one line that says what is wrong and what
exists, and exit code 2. Torch is imported only by the commands that need it.
"""

import logging
import sys
from typing import Annotated

import typer

from peft_core import __version__
from peft_core.cli import ask, check, compare, count, exchange, reproduce, serve, spectrum, sweep, train
from peft_core.cli.plain_letters import tell_plainly
from peft_core.errors import Interrupted, PeftClassroomError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
for room in (count, train, ask, exchange, reproduce, sweep, compare, spectrum, serve, check):
    app.add_typer(room.commands)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"peft_core {__version__}")
        raise typer.Exit


@app.callback(help=__doc__)
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before every command."""


def main() -> None:
    """Run a command; what a person can mend becomes one line on standard error and exit code 2; Ctrl-C: 130."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    tell_plainly()
    try:
        if code := app(standalone_mode=False):  # `typer.Exit` is given back, not raised
            sys.exit(code)
    except Interrupted as stopped:
        typer.echo(str(stopped), err=True)
        sys.exit(130)
    except PeftClassroomError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        # typer's usage errors (unknown option, missing argument) know how to format themselves
        if hasattr(error, "format_message"):
            if said := error.format_message():  # none: it was called without a command, and the help is printed
                typer.echo(f"Error: {said}", err=True)
            sys.exit(2)
        raise
