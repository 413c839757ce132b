"""`inspect`, `import`, `export`, `merge`: what others trained, taken in, and what was trained here, given on."""

from pathlib import Path
from typing import Annotated

import typer

from peft_core.cli.options import words
from peft_core.cli.output import Json, aligned, print_result
from peft_core.errors import PeftClassroomError

commands = typer.Typer()
Folder = Annotated[Path, typer.Argument(help="folder of a checkpoint, or a safetensors file of loralib's")]
BaseHere = Annotated[str | None, typer.Option("--base", help="name or folder of the base model that it is of")]
Alpha = Annotated[float | None, typer.Option(min=0, help="LoRA's alpha, for a loralib file, which does not hold it")]
Checkpoint = Annotated[str, typer.Argument(help="name or folder of a checkpoint")]
Out = Annotated[Path, typer.Option(help="folder to write")]


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


@commands.command()
def export(
    checkpoint: Checkpoint,
    format: Annotated[str, typer.Option("--format", help="peft, adapterhub, or transformers-merged")],
    out: Out,
    base: BaseHere = None,
    as_json: Json = False,
) -> None:
    """Write a checkpoint for another library, or merged: a T5 folder that transformers loads by itself."""
    from peft_core.checkpoints.listing import find_checkpoint

    info = find_checkpoint(checkpoint)
    from peft_core.checkpoints.exchange.exporting import export_checkpoint

    export_checkpoint(info.path, format, out, base)
    print_result(as_json, {"folder": str(out), "format": format}, [f"Written: {out}"])


@commands.command()
def merge(
    checkpoint: Annotated[list[str], typer.Argument(help="two or more, of one base model")],
    weights: Annotated[str, typer.Option(help="one number each, as 0.5,0.5")],
    out: Out,
    rank: Annotated[int | None, typer.Option(help="cut the sum to this rank; not given: keep all of it")] = None,
    base: BaseHere = None,
    as_json: Json = False,
) -> None:
    """Add up what several checkpoints do to the weights, w₁·ΔW₁ + w₂·ΔW₂ + …, and store it as LoRA."""
    from peft_core.checkpoints.listing import find_checkpoint

    infos = [find_checkpoint(name) for name in checkpoint]
    try:
        numbers = [float(word) for word in words(weights)]
    except ValueError as error:
        raise PeftClassroomError(f"{weights!r} is no list of numbers, as 0.5,0.5.") from error
    from peft_core.checkpoints.exchange.merging import merge_checkpoints

    made = merge_checkpoints([info.path for info in infos], numbers, out, rank, base)
    data = {
        "checkpoint": str(out),
        "rank": made.rank,
        "lost": made.lost,
        "trainable_parameters": made.record.trainable_parameters,
        "notes": made.record.notes,
    }
    rows = [
        ("checkpoint", str(out)),
        ("what", made.record.source),
        ("rank", str(made.rank)),
        ("trainable parameters", f"{made.record.trainable_parameters:,}"),
    ]
    print_result(as_json, data, [*aligned(rows), *(f"Note: {note}" for note in made.record.notes)])
