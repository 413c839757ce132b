"""`serve`: the app for a class."""

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable
from peft_core.paths import display_path, runs_dir
from peft_core.serving.keys import MOST_TYPED, Keys
from peft_core.serving.start import PASSWORD, Service, become, move_data

commands = typer.Typer()


@commands.command()
def serve(
    class_name: Annotated[
        str, typer.Option("--class", help="name of the class, shown where its password is asked")
    ] = "",
    password: Annotated[
        bool | None,
        typer.Option(help=f"ask here for a class password (or take {PASSWORD}); --no-password: none any more"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="how many runs train at once; default: PEFT_WORKERS, or 1")
    ] = None,
    bind: Annotated[str, typer.Option(help="address to listen on; 0.0.0.0: every network")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8501,
    base_path: Annotated[str, typer.Option(help="path under which a proxy shows the app")] = "",
    host: Annotated[
        list[str] | None, typer.Option(help="name by which browsers call it; others are refused; repeatable")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="folder of runs, cache and keys")] = None,
    new_key: Annotated[bool, typer.Option("--new-key", help="make a new teacher's key; the old one ends")] = False,
    log: Annotated[str, typer.Option(help="text or json; default: text on a terminal")] = "",
) -> None:
    """Serve the app to a class: print its address, a QR code and the teacher's key, then be the server.

    Only this machine reaches it unless --bind says otherwise. The class password is typed or read from a variable: an
    argument every user of the machine could read.
    """
    if log not in ("", "text", "json"):
        raise PeftClassroomError(f"--log is {log!r}; choose text or json.")
    on_terminal = sys.stdout.isatty()
    service = Service(
        bind=bind,
        port=port,
        base_path=base_path.strip("/"),
        hosts=tuple(host or ()),
        class_name=class_name,
        workers=workers,
        json_log=(log or ("text" if on_terminal else "json")) == "json",
    )
    service.check()
    if data is not None:
        move_data(data)
    make_writable(runs_dir())
    keys = Keys()
    _set_password(keys, password)
    key = keys.teacher_key(new=new_key)
    for line in _told(service, keys, key, on_terminal):
        typer.echo(line)
    become(service.command(), service.environment(os.environ))


def _set_password(keys: Keys, wanted: bool | None) -> None:
    """Set the class password, where one is typed or in the environment; take it away where none is wanted."""
    if wanted is False:
        keys.set_password(None)
        return
    given = os.environ.get(PASSWORD) or (
        typer.prompt("Class password", hide_input=True, confirmation_prompt=True) if wanted else ""
    )
    if len(given) > MOST_TYPED:
        raise PeftClassroomError(f"The class password has {len(given)} characters; choose at most {MOST_TYPED}.")
    if given and not keys.is_password(given):  # the same one again: nobody has to enter it again
        keys.set_password(given)


def _told(service: Service, keys: Keys, key: str, on_terminal: bool) -> list[str]:
    """What the person who starts the server reads. A key goes to a terminal only: elsewhere it would stay in a log."""
    shown = key if on_terminal else f"in {display_path(keys.folder / 'teacher')}"
    found_by_phones = service.is_public or service.hosts
    lines = [_qr_code(service.address)] if on_terminal and found_by_phones and _can_draw() else []
    lines += [
        f"Address        {service.address}",
        f"Class password {'yes' if keys.has_password else 'none: whoever reaches the address is in'}",
        f"Teacher        {service.address}teacher",
        f"Teacher's key  {shown}",
        f"Health         {service.address}healthz",
        f"Data           {display_path(runs_dir())}",
    ]
    if service.is_public and not service.hosts:
        lines.append("This is plain HTTP: in an open network put a proxy with TLS before it (docs/server.md).")
    return lines


def _can_draw() -> bool:
    return "utf" in (sys.stdout.encoding or "").lower()


def _qr_code(address: str) -> str:
    """The address for the cameras of phones, in half blocks."""
    import segno

    drawn = io.StringIO()
    segno.make(address, error="m").terminal(out=drawn, border=2, compact=True)
    return drawn.getvalue()
