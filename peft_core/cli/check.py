"""`check`: what this computer is and can do, and what to do where something is wrong."""

import typer

from peft_core.cli.output import Json, aligned, print_result

commands = typer.Typer()
TITLES = {
    "software": "Python", "device": "device", "precisions": "precision", "memory": "memory", "folders": "folder",
    "bases": "base model", "browser": "browser",
}  # fmt: skip


@commands.command()
def check(as_json: Json = False) -> None:
    """Say what is here: Python, device and its speeds, memory, folders, base models. Exit code 1: something is wrong.

    A line is ok, a note (it works, and there is something to know), or wrong: training or asking does not work until
    what the line says at its end is done. The network is not asked.
    """
    from peft_core.cli.progress import working
    from peft_core.computer.look import look, told

    with working("looking at this computer"):
        computer = look()
    rows = [
        (state, TITLES[part], sentence if names == TITLES[part] else f"{names}: {sentence}")
        for part, findings in computer.parts.items()
        for state, names, sentence in told(findings)
    ]
    print_result(as_json, {"state": computer.state} | computer.model_dump(mode="json"), aligned(rows))
    if computer.state == "wrong":
        raise typer.Exit(1)
