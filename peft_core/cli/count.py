"""`count`: by hand and by numel()."""

from typing import Any

import typer

from peft_core.cli.options import every_method, takes
from peft_core.cli.output import Base, Json, Method, aligned, print_result
from peft_core.methods.registry import method_config
from peft_core.paths import display_path

commands = typer.Typer()


@commands.command()
@takes(*every_method())
def count(method: Method, given: dict[str, Any], base: Base = "t5-small", as_json: Json = False) -> None:
    """Work out a parameter count by hand and check it against numel() of the real model."""
    from peft_core.counting.by_hand import count as count_by_hand
    from peft_core.t5.architecture import base_model

    config = method_config(method, **given)
    model = base_model(base)
    by_hand = count_by_hand(model.architecture, config)
    from peft_core.counting.by_numel import count_by_numel

    by_numel = count_by_numel(model, config)
    read = by_numel.config_file and display_path(by_numel.config_file)
    built_from = read or f"the published shapes: the config.json of {model.source} is not on this computer"
    data = {
        "method": config.method,
        "base": base,
        "trainable_parameters": by_hand.trainable_parameters,
        "total_parameters": by_hand.total_parameters,
        "numel_trainable": by_numel.numel_trainable,
        "numel_total": by_numel.numel_total,
        "numel_idle": by_numel.numel_idle,
        "numel_unread": by_numel.numel_unread,
        "numel_config_file": read,
        "lines": [{"text": line.text, "value": line.value} for line in by_hand.lines],
    }
    agree = (by_hand.trainable_parameters, by_hand.total_parameters) == (by_numel.numel_trainable, by_numel.numel_total)
    share = f"{by_hand.trainable_parameters:,} of {by_hand.total_parameters:,} train ({by_hand.trainable_fraction:.4%})"
    lines = [
        *(f"{line.text} = {line.value:,}" for line in by_hand.lines),
        *aligned(
            [
                ("by hand", share),
                ("numel()", f"{by_numel.numel_trainable:,} of {by_numel.numel_total:,} train"),
                ("", f"of a T5 built from {built_from}"),
            ]
        ),
        "The two agree." if agree else "THE TWO DIFFER.",
    ]
    if by_numel.numel_idle:
        lines.append(
            f"{by_numel.numel_idle:,} of them cannot learn: the decoder reads one token, so q and k of its "
            "self-attention get no gradient."
        )
    if by_numel.numel_unread:
        lines.append(f"{by_numel.numel_unread:,} of them cannot learn: no part of the model reads them.")
    print_result(as_json, data, lines)
    if not agree:
        raise typer.Exit(1)
