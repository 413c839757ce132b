"""`inspect`, `import`: what others trained, looked at and taken in."""

from pathlib import Path
from typing import Annotated

import typer

from peft_core.cli.output import Json, aligned, print_result

commands = typer.Typer()
Folder = Annotated[Path, typer.Argument(help="folder of a checkpoint, or a safetensors file of loralib's")]
BaseHere = Annotated[str | None, typer.Option("--base", help="name or folder of the base model that it is of")]
Alpha = Annotated[float | None, typer.Option(min=0, help="LoRA's alpha, for a loralib file, which does not hold it")]
Out = Annotated[Path, typer.Option(help="folder of the new checkpoint")]


@commands.command()
def inspect(path: Folder, base: BaseHere = None, alpha: Alpha = None, as_json: Json = False) -> None:
    """What is it, and whose? A folder of this program, peft, adapters, OpenDelta or transformers; a loralib file."""
    from peft_core.checkpoints.exchange.inspecting import inspect as look

    said, _ = look(path, base, alpha)
    read = ", ".join(f"{name} = {value}" for name, value in said.config.items() if name != "method")
    counted = said.trainable is not None and f"{said.trainable:,}  (by hand: {said.by_hand:,})"
    rows = [
        ("what", said.whose or "not known"),
        ("base model", f"{said.base or 'not here'}  (named: {said.base_named or 'none'})"),
        ("method", f"{said.label}  ({read})" if read else said.label),
        ("trains", counted or ""),
        ("in the file", "" if said.stored is None else f"{said.stored:,} numbers"),
        ("test accuracy", f"{said.test.accuracy:.2%} of {said.test.n:,} reviews" if said.test else "not measured"),
    ]
    lines = aligned([(name, value) for name, value in rows if value])
    lines += ["It says:", *(f"    {name} = {value}" for name, value in said.settings.items())] if said.settings else []
    lines += [f"Note: {note}" for note in said.notes]
    lines += [f"Problem: {problem}" for problem in said.problems] or ["It can be read here."]
    print_result(as_json, said.as_data(), lines)


@commands.command("import")
def import_(
    path: Folder,
    out: Out,
    base: BaseHere = None,
    alpha: Alpha = None,
    max_length: Annotated[int | None, typer.Option(help="tokens of a review that it reads")] = None,
    as_json: Json = False,
) -> None:
    """Read a checkpoint of another library and save it in our form. Nothing is measured: `evaluate --store` does it."""
    from peft_core.checkpoints.exchange.importing import import_checkpoint
    from peft_core.checkpoints.files import check_free

    check_free(out)
    record = import_checkpoint(path, out, base, alpha, max_length)
    data = {"checkpoint": str(out)} | record.model_dump(
        mode="json", include={"name", "base", "method", "trainable_parameters", "max_length", "source", "notes"}
    )
    rows = [
        ("checkpoint", str(out)),
        ("what", record.name),
        ("base model", record.base),
        ("trainable parameters", f"{record.trainable_parameters:,}"),
        ("test accuracy", f"not measured: `python -m peft_core evaluate {out} --store` does it"),
    ]
    print_result(as_json, data, [*aligned(rows), *(f"Note: {note}" for note in record.notes)])
