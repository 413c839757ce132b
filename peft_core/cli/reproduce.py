"""`python -m peft_core reproduce`: the report's table, run by run; it can be stopped, and goes on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from peft_core.cli.options import takes, words
from peft_core.cli.output import Base, Json, print_result
from peft_core.cli.progress import bars
from peft_core.errors import Interrupted, PeftClassroomError
from peft_core.files import make_writable
from peft_core.report.reproduction.plan import Settings, Table, default_work, make_settings, make_table
from peft_core.report.reproduction.planned_rows import ROW_NAMES, check_rows
from peft_core.report.reproduction.results import Results, load_results
from peft_core.training.stopping import stoppable

if TYPE_CHECKING:
    from peft_core.report.reproduction.collect import Act

commands = typer.Typer()


@commands.command()
@takes(Settings, without=("base",))
def reproduce(
    given: dict[str, Any],
    base: Base = "tiny-t5",
    rows: Annotated[str | None, typer.Option(help=f"comma-separated, of {', '.join(ROW_NAMES)}; default: all")] = None,
    work: Annotated[Path | None, typer.Option(help="folder of the runs; default: .cache/reproduce/BASE")] = None,
    out: Annotated[Path | None, typer.Option(help="results file; default: results.json in the folder of runs")] = None,
    known: Annotated[
        Path | None, typer.Option(help="results file; what is finished there, equal in every setting, is taken over")
    ] = None,
    publish: Annotated[Path | None, typer.Option(help="copy finished checkpoints there, under their names")] = None,
    backend: Annotated[
        Literal["local", "ray"], typer.Option(help="ray: as many runs at once as the cluster has room for")
    ] = "local",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be trained; train nothing")] = False,
    as_json: Json = False,
) -> None:
    """Train the report's table, run by run. What is there is not repeated; interrupted, the same command goes on."""
    settings = make_settings({"base": base, **given})
    chosen = None if rows is None else words(rows)
    check_rows(chosen or ())
    table = _table(settings)
    runs = table.runs_of(chosen)
    work = work or default_work(base)
    out = out or work / "results.json"
    from peft_core.report.reproduction.collect import collect, in_a_process, run_table

    others = load_results(known) if known else None
    if dry_run:
        return _preview(collect(table, work, others), runs, as_json)
    for folder in filter(None, (out.parent, publish)):
        make_writable(folder)
    act, at_once = _cluster() if backend == "ray" else (in_a_process, 1)
    with stoppable() as stopped, bars("runs", len(runs)) as show:
        results = run_table(table, work, out, runs, show, stopped, act, others, at_once)
    published = []
    if publish:
        from peft_core.report.reproduction.publishing import publish as copy_finished

        published = copy_finished(table, work, publish)
    summaries = [_summary(results, name) for name in runs]
    lines = [_line(summary) for summary in summaries] + [f"published  {name}" for name in published]
    print_result(
        as_json, {"results": str(out), "runs": summaries, "published": published}, [*lines, f"results    {out}"]
    )
    failed = [s for s in summaries if s["state"] == "failed"]
    if failed:
        reasons = "; ".join(f"{s['run']}: {s['message']}" for s in failed)
        raise PeftClassroomError(f"{len(failed)} of {len(runs)} runs failed. {reasons}")
    if any(s["state"] != "done" for s in summaries):
        raise Interrupted(f"Stopped; what is there is in {work}. The same command goes on from there.")


def _table(settings: Settings) -> Table:
    from peft_core.t5.architecture import base_model

    base_model(settings.base)
    from peft_core.reviews.splits import load_splits
    from peft_core.t5.backbone import load_backbone

    return make_table(settings, load_backbone(settings.base).fingerprint, load_splits(settings.source))


def _cluster() -> tuple["Act", int]:
    """What works on a run there, and on how many at once.

    Raises:
        PeftClassroomError: if the cluster does not answer, lets anybody in, or has no room.
    """
    from peft_core.report.reproduction.on_cluster import on_cluster
    from peft_core.training.runs.cluster.jobs import RayJobs
    from peft_core.training.runs.cluster.settings import ray_settings

    jobs = RayJobs(ray_settings())
    jobs.check_guarded()
    room = jobs.settings.running or jobs.room()
    if not room:
        raise PeftClassroomError("No node of the cluster has room for a run. Is one started, with PEFT_RAY_CPUS cores?")
    return on_cluster(jobs), room


def _preview(results: Results, runs: list[str], as_json: bool) -> None:
    """What would be trained, and for how long if a speed has been measured."""
    data, lines = [], []
    for name in runs:
        result, seconds = results.result(name), results.seconds_left(name)
        data.append({"run": name, "state": result.state, "estimated_seconds": seconds})
        time = "" if result.state == "done" else "  time unknown" if seconds is None else f"  about {seconds:.0f} s"
        lines.append(f"{name:<24}{result.state:<9}{time}".rstrip())
    known = [row["estimated_seconds"] for row in data if row["estimated_seconds"] is not None]
    unknown = sum(row["state"] != "done" and row["estimated_seconds"] is None for row in data)
    if known:
        lines.append(f"about {sum(known):.0f} s of training alone, going by measured speeds")
    if unknown:
        lines.append(f"{unknown} of unknown time: no run of their method has measured a speed yet")
    print_result(as_json, data, lines)


def _summary(results: Results, name: str) -> dict[str, Any]:
    result = results.result(name)
    rows = [row.name for row in results.rows if name in row.runs]
    summary: dict[str, Any] = {"run": name, "rows": rows, "state": result.state, "message": result.message}
    if record := result.record:
        summary |= {
            "validation_accuracy": record.validation.accuracy,
            "test_accuracy": record.test.accuracy,
            "interval": (record.test.low, record.test.high),
            "seconds": record.seconds,
        }
    return summary


def _line(row: dict[str, Any]) -> str:
    if row["state"] != "done":
        return f"{row['run']:<24}{row['state']}  {row['message'] or ''}".rstrip()
    low, high = row["interval"]
    return (
        f"{row['run']:<24}test {row['test_accuracy']:.2%}  (95%: {low:.2%} to {high:.2%})  "
        f"validation {row['validation_accuracy']:.2%}  {row['seconds']:.0f} s"
    )
