"""`spectrum`, `similarity` and `truncate`: which directions has training added, and how many does it need?"""

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from peft_core.analysis.spectra.delta import (
    NO_A,
    Delta,
    check_method,
    kept_energy,
    random_like,
)
from peft_core.analysis.spectra.similarity import (
    DRAWS,
    Of,
    check_comparable,
    directions,
    expected_by_chance,
    simulated_by_chance,
    subspace_similarity,
)
from peft_core.analysis.spectra.spectrum import effective_rank, energy_curve, stable_rank
from peft_core.analysis.spectra.truncation_file import Answers, write_truncation
from peft_core.analysis.spectra.truncation_finding import find
from peft_core.checkpoints.exchange.at_hand import at_hand
from peft_core.checkpoints.listing import CheckpointInfo, find_checkpoint, find_run, list_checkpoints
from peft_core.cli.output import Json, aligned, print_result
from peft_core.errors import PeftClassroomError
from peft_core.t5.names import LAYERS, MODULES, STACKS, Place

if TYPE_CHECKING:
    from peft_core.t5.backbone import Backbone

commands = typer.Typer()
PLACES = tuple(layer.replace("-", "_") for layer in LAYERS)

Checkpoint = Annotated[str, typer.Argument(help="name or folder of a LoRA or full fine-tuning checkpoint")]
StackOption = Annotated[str | None, typer.Option("--stack", help="only of the encoder or decoder")]
BlockOption = Annotated[int | None, typer.Option("--block", help="only of this block, counted from 0")]
PlaceOption = Annotated[str | None, typer.Option("--place", help="only of " + ", ".join(PLACES))]
ModuleOption = Annotated[str | None, typer.Option("--module", help="only of " + ", ".join(MODULES))]
Seed = Annotated[int, typer.Option(min=0, help="of the random matrices to compare with")]
SHOWN = (1, 2, 4, 8)  # singular values, or directions of both


@commands.command()
def spectrum(
    checkpoint: Checkpoint,
    stack: StackOption = None,
    block: BlockOption = None,
    place: PlaceOption = None,
    module: ModuleOption = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Singular values of every ΔW: effective rank and energy, beside a random matrix of the same norm."""
    wanted = _wanted(stack, block, place, module)
    with at_hand([checkpoint], tell=lambda sentence: typer.echo(sentence, err=True)) as (info,):
        deltas = _chosen(_deltas(info, _backbone(info)), wanted)
    rows, table = [], [("ΔW", "shape", "rank", "norm", "effective", "of random", "stable", *(f"k={k}" for k in SHOWN))]
    for name, delta in deltas.items():
        sigmas, by_chance = delta.sigmas, random_like(delta, seed).sigmas
        curve = energy_curve(sigmas)
        rows.append(
            {
                "layer": name.key,
                "shape": delta.shape,
                "max_rank": delta.max_rank,
                "norm": delta.norm,
                "rounding": delta.rounding,
                "floor": delta.floor,
                "effective_rank": effective_rank(sigmas, delta.floor),
                "stable_rank": stable_rank(sigmas),
                "sigmas": sigmas.tolist(),
                "energy": curve.tolist(),
                "random": {"effective_rank": effective_rank(by_chance), "sigmas": by_chance.tolist()},
            }
        )
        table.append(
            (
                name.key,
                "×".join(map(str, delta.shape)),
                str(delta.max_rank),
                *(f"{x:.2f}" for x in (delta.norm, effective_rank(sigmas, delta.floor), effective_rank(by_chance))),
                f"{stable_rank(sigmas):.2f}",
                *(f"{curve[min(k, delta.max_rank)]:.1%}" for k in SHOWN),
            )
            if delta.norm
            else (name.key, "×".join(map(str, delta.shape)), "0", "0", *[""] * (3 + len(SHOWN)))
        )
    lines = [
        *aligned(table, right=True),
        "effective: exp of the entropy of σ/Σσ (Roy & Vetterli 2007), in a bf16 file of the σ above those of",
        "rounding itself; of random: that of a Gaussian matrix of the same shape, rank and norm; stable: Σσ²/σ₁²; k=…:",
        "share of the first k in Σσ²; rank 0: left as it was by training.",
    ]
    print_result(as_json, {"checkpoint": checkpoint, "seed": seed, "layers": rows}, lines)


@commands.command()
def similarity(
    first: Checkpoint,
    second: Checkpoint,
    of: Annotated[str, typer.Option(help="A: LoRA's factor, as in the paper; or dW: the whole update")] = "A",
    stack: StackOption = None,
    block: BlockOption = None,
    place: PlaceOption = None,
    module: ModuleOption = None,
    top: Annotated[int, typer.Option(min=1, max=1024, help="directions of each, at most")] = 64,
    draws: Annotated[int, typer.Option(min=1, max=10_000, help="random subspaces to compare with")] = DRAWS,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Do two checkpoints share directions? φ of Hu et al. 2021, section 7.2, beside random subspaces."""
    if of not in get_args(Of):
        raise PeftClassroomError(f"Unknown --of {of!r}. Choose one of: {', '.join(get_args(Of))}.")
    wanted = _wanted(stack, block, place, module)
    infos = [(find_run if of == "A" else find_checkpoint)(name) for name in (first, second)]
    check_comparable(infos[0].record, infos[1].record)
    for info in infos:
        check_method(info.record.method, info.name)
    if of == "A" and not all(info.method == "lora" for info in infos):
        raise PeftClassroomError(NO_A)  # before anything is loaded
    backbone = _backbone(infos[0])  # of both: they are comparable
    both = [_deltas(info, backbone) for info in infos]
    starts = [_starts(info, backbone) for info in infos] if of == "A" else []
    shared = _chosen({name: delta for name, delta in both[0].items() if name in both[1]}, wanted)
    simulated = cache(lambda d, i, j: simulated_by_chance(d, i, j, draws, seed))
    rows, table = [], [("layer", "φ(1,1)", "start", "by chance", "k", "φ(k,k)", "start", "by chance")]
    for name in shared:
        changed = all(deltas[name].norm for deltas in both)
        if of == "dW" and not changed:
            rows.append({"layer": name.key, "changed": False})
            table.append((name.key, "ΔW = 0", *[""] * 6))
            continue
        one, other = (directions(deltas[name], of)[:, :top] for deltas in both)
        phi = subspace_similarity(one, other)
        start = subspace_similarity(*(directions(s[name], "A")[:, :top] for s in starts)) if starts else None
        by_chance = simulated(len(one), *phi.shape)
        rows.append(
            {
                "layer": name.key,
                "changed": changed,
                "dimension": len(one),
                "phi": phi.tolist(),
                "before_training": None if start is None else start.tolist(),
                "expected_by_chance": expected_by_chance(len(one), *phi.shape).tolist(),
                "simulated": {part: getattr(by_chance, part).tolist() for part in ("mean", "low", "high")},
            }
        )
        cells = []
        for k in (1, min(8, *phi.shape)):
            at = k - 1, k - 1
            cells += [
                f"{phi[at]:.3f}",
                "" if start is None else f"{start[at]:.3f}",
                f"{by_chance.low[at]:.3f}–{by_chance.high[at]:.3f}",
            ]
        table.append((name.key if changed else f"{name.key} (ΔW = 0)", *cells[:3], str(k), *cells[3:]))
    lines = aligned(table, right=True)
    if len(shared) == 1 and "phi" in rows[0]:
        zoom = [[f"{x:.2f}" for x in row[:8]] for row in rows[0]["phi"][:8]]
        lines += [
            "",
            *aligned(
                [("i \\ j", *map(str, range(1, len(zoom[0]) + 1)))] + [(str(i), *row) for i, row in enumerate(zoom, 1)],
                right=True,
            ),
        ]
    print_result(
        as_json, {"first": first, "second": second, "of": of, "draws": draws, "seed": seed, "layers": rows}, lines
    )


@commands.command()
def truncate(
    checkpoint: Checkpoint,
    rank: Annotated[list[int] | None, typer.Option(help="several times; default: 0, 1, 2, 4, 8, … up to ΔW's")] = None,
    evaluate: Annotated[bool, typer.Option("--evaluate", help="test the model at every rank")] = False,
    limit: Annotated[int | None, typer.Option(help="even number of test reviews, half of each label")] = None,
    store: Annotated[
        bool, typer.Option("--store", help="keep the answers as truncation.json beside the weights")
    ] = False,
    as_json: Json = False,
) -> None:
    """Cut every ΔW to rank k by SVD: what is left of it, and, with --evaluate, of the test accuracy."""
    if not evaluate and (store or limit is not None):
        raise PeftClassroomError("--limit and --store belong to --evaluate: add it, or leave them out.")
    info = find_run(checkpoint) if evaluate else find_checkpoint(checkpoint)
    deltas = _deltas(info, _backbone(info))
    from peft_core.analysis.spectra.truncation import check_ranks, measure_truncation

    ranks = check_ranks(rank or (), deltas)
    if not evaluate:
        energies = {k: kept_energy(deltas.values(), k) for k in ranks}
        rows = [{"rank": k, "energy": energy} for k, energy in energies.items()]
        lines = aligned(
            [("rank", "squared norm left"), *((str(k), f"{energy:.2%}") for k, energy in energies.items())], right=True
        )
        print_result(as_json, {"checkpoint": checkpoint, "points": rows}, lines)
        return
    measured = measure_truncation(info.path, ranks, limit, _tell)
    if store:
        write_truncation(measured, info.path)
    found = find(info, measured, list_checkpoints(task=info.task))
    data = {
        "checkpoint": checkpoint,
        "n": measured.n,
        "base": _accuracy(measured.base),
        "points": [{"rank": p.rank, "energy": p.energy, **_accuracy(p)} for p in measured.points],
        "untruncated": _accuracy(measured.untruncated),
        "finding": found.sentence,
    }
    rows = [
        ("base model", "", measured.base),
        *((f"rank {p.rank}", f"{p.energy:.1%}", p) for p in measured.points),
        ("as trained", "", measured.untruncated),
    ]
    table = [("", "squared norm left", "accuracy", "95% interval")]
    for label, energy, answers in rows:
        it = answers.accuracy
        table.append((label, energy, f"{it.accuracy:.2%}", f"{it.low:.2%} to {it.high:.2%}"))
    print_result(as_json, data, [*aligned(table, right=True), found.sentence])


def _tell(done: int, of: int) -> None:
    typer.echo(f"measured {done} of {of} models", err=True)


def _accuracy(answers: Answers) -> dict[str, float]:
    it = answers.accuracy
    return {"accuracy": it.accuracy, "low": it.low, "high": it.high}


def _backbone(info: CheckpointInfo) -> "Backbone":
    check_method(info.record.method, info.name)
    from peft_core.t5.backbone import load_backbone

    return load_backbone(info.base)


def _deltas(info: CheckpointInfo, backbone: "Backbone") -> dict[Place, Delta]:
    from peft_core.analysis.spectra.checkpoint_deltas import load_deltas

    return load_deltas(info.path, backbone)


def _starts(info: CheckpointInfo, backbone: "Backbone") -> dict[Place, Delta]:
    from peft_core.analysis.spectra.checkpoint_deltas import initial_deltas

    return initial_deltas(info.record, backbone)


def _wanted(stack: str | None, block: int | None, place: str | None, module: str | None) -> dict[str, Any]:
    """The fields of a layer's name that were given, checked against what there can be."""
    for option, value, known in (("stack", stack, STACKS), ("place", place, PLACES), ("module", module, MODULES)):
        if value is not None and value not in known:
            raise PeftClassroomError(f"Unknown --{option} {value!r}. Choose one of: {', '.join(known)}.")
    given = {"stack": stack, "block": block, "layer": place and place.replace("_", "-"), "module": module}
    return {field: value for field, value in given.items() if value is not None}


def _chosen(deltas: dict[Place, Delta], wanted: dict[str, Any]) -> dict[Place, Delta]:
    chosen = {n: d for n, d in deltas.items() if all(getattr(n, field) == value for field, value in wanted.items())}
    if not chosen:
        raise PeftClassroomError(
            f"No such layer was adapted. There are: {', '.join(name.key for name in deltas) or 'none'}."
        )
    return chosen
