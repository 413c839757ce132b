"""The table to take home: as plain data, and from that data alone as JSON and CSV (`page.py`: as a page).

Each row has its numbers as they are and, under "shown", the same as the page prints them. No torch here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from peft_core.analysis.comparison import Comparison, compare_with
from peft_core.report.export.chart import chart_data
from peft_core.report.optimism import quoted_optimism, run_optimism
from peft_core.report.quoted import BASE, IMPLEMENTATIONS, TEST_REVIEWS
from peft_core.report.quoted_differences import QuotedDifference, quoted_differences
from peft_core.report.table import Counts, Memory, Reproduction, SeedRun, Table, TableRow, Yardstick
from peft_core.reviews.spreadsheet import write_csv
from peft_core.statistics.formats import bytes_text, interval_text, p_value, points
from peft_core.statistics.intervals import Accuracy
from peft_core.statistics.many_tests import holm

if TYPE_CHECKING:
    from datasets import Dataset

NOT_RUN, NOT_MEASURED, NOTHING = "not run", "not measured", "–"


def table_data(
    table: Table, comparisons: Sequence[Comparison] = (), not_compared: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Everything that the exports say, as plain data.

    Args:
        comparisons, not_compared: of `comparison.compare_with`.
    """
    corrected = holm([found.test.p for found in comparisons])
    ours = [run.record for row in table.rows if row.reproduction for run in row.reproduction.runs]
    return {
        "format": 1,
        "base": table.base,
        "report_base": BASE,
        "report_test_reviews": TEST_REVIEWS,
        "explained": _explained(table),
        "rows": [_row(number, row) for number, row in enumerate(table.rows, 1)],
        "untrained": _untrained(table.untrained),
        "yardsticks": [_yardstick(yardstick) for yardstick in table.yardsticks],
        "chart": chart_data(table),
        "comparisons": [_comparison(*found) for found in zip(comparisons, corrected, strict=True)],
        "not_compared": dict(not_compared or {}),
        "report_differences": [_difference(found) for found in quoted_differences(ours)],
        "report_optimism": [
            _optimism(found.quoted.label, found.best.accuracy, found.last.accuracy) for found in quoted_optimism()
        ],
        "optimism": _own_optimism(table),
    }


def compared_with_first(
    table: Table, splits: Mapping[str, "Dataset"] | None = None
) -> tuple[list[Comparison], dict[str, str]]:
    """The first run of the table, full fine-tuning where that was run, with each of the others. Reads the reviews.

    Returns what `table_data` takes: the comparisons, and why some could not be made.
    """
    runs = table.own_runs()
    return compare_with(runs[0], runs[1:], splits) if runs else ([], {})


def as_json(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def as_csv(data: dict[str, Any]) -> bytes:
    """One line a row, yardsticks included, with the numbers as they are. Safe to open in a spreadsheet."""
    rows = [_flat(row) for row in data["rows"]]
    names = list(rows[0])
    rows += [_flat_untrained(data), *map(_flat_yardstick, data["yardsticks"])]
    return write_csv(names, [[_cell(row.get(name)) for name in names] for row in rows])


# ---------------------------------------------------------------------------------------------------------------------
# Parts


def _explained(table: Table) -> dict[str, str]:
    """What is said once for all rows."""
    return {
        "reported": f"Quoted from the report: {BASE}, {TEST_REVIEWS:,} test reviews, the best of ten epochs, as far as "
        "its numbers tell chosen on these very reviews. The 95% Wilson intervals are worked out here.",
        "reproduced": f"Run here on {table.base}; weights chosen on validation reviews, then tested once; 95% Wilson "
        "intervals. Of several seeds the mean: its interval covers the choice of reviews, not that of seeds. Seconds "
        "and examples a second are the mean of the seeds that were trained on the first seed's machine.",
        "counted": "Trainable and total parameters by hand, by numel() over the real model, and in the weights file.",
        "compared": "Paired on the same test reviews: points between the accuracies with their 95% bootstrap interval; "
        "reviews that only the one, only the other has right; p of the exact McNemar test, by itself and with Holm's "
        "correction for all pairs of this table. A p of 0.05 or more does not show that both are equal. Each was "
        "trained once: how much another seed would change is not included.",
        "differences": f"Of each, {TEST_REVIEWS:,} answers, and the report says how many are right, not which ones: "
        "points between the accuracies with their 95% interval and p as if each had answered reviews of its own "
        "(two-proportion z-test), and on how many reviews the two may disagree at most if a paired test is to find "
        "p < 0.05; two of our runs with these settings disagree on the share beside it. One seed each, and, as far as "
        "the report's numbers tell, each the best of ten epochs on these very reviews.",
        "memory": "Peak of a training step without libraries, measured separately with the same base, method, batch "
        "and length.",
    }


def _row(number: int, row: TableRow) -> dict[str, Any]:
    mine, quoted = row.reproduction, row.quoted
    return {
        "number": number,
        "key": row.key,
        "label": row.label,
        "method": row.method.model_dump(mode="json"),
        "reported": quoted
        and {
            "implementation": IMPLEMENTATIONS[quoted.implementation],
            "accuracy_percent": quoted.percent,
            **_accuracy(quoted.measured),
            "trainable_parameters": quoted.trainable_parameters,
            "total_parameters": quoted.total_parameters,
            "counts": row.quoted_counts and _counts(row.quoted_counts),
        },
        "counts": _counts(mine.counts if mine else row.counts),
        "reproduced": mine and _reproduction(mine),
        "same_runs_as": row.same_runs_as,
        "note": row.note,
        "shown": _shown(row),
    }


def _reproduction(mine: Reproduction) -> dict[str, Any]:
    return {
        **_accuracy(mine.test),
        "seeds": list(mine.seeds),
        "timed_seeds": [run.seed for run in mine.timed],
        "training_seconds": mine.seconds,
        "examples_per_second": mine.examples_per_second,
        "file_bytes": next((run.file.bytes for run in mine.runs if run.file), None),
        "peak_memory": mine.memory and _memory(mine.memory),
        "config": mine.config.model_dump(mode="json", exclude={"train": {"seed"}}),
        "runs": [_run(run) for run in mine.runs],
    }


def _run(run: SeedRun) -> dict[str, Any]:
    record = run.record
    return {
        "name": run.name,
        "seed": run.seed,
        **_accuracy(run.test),
        "validation_accuracy": run.validation.accuracy,
        "best_step": record.best_step,
        "steps": record.steps,
        "training_seconds": record.seconds,
        "device": record.device,
        "precision": record.precision,
        "created": record.created,
    }


def _memory(memory: Memory) -> dict[str, Any]:
    measured = {name: getattr(memory, name) for name in ("peak_bytes", "rounds", "batch", "width")}
    return measured | {"machine": memory.provenance.machine, "command": memory.provenance.command}


def _counts(counts: Counts) -> dict[str, Any]:
    return {**asdict(counts), "agree": counts.agree}


def _accuracy(measured: Accuracy) -> dict[str, Any]:
    return {field.name: getattr(measured, field.name) for field in fields(Accuracy)}  # of which split is said elsewhere


def _untrained(test: Accuracy | None) -> dict[str, Any]:
    """The base model before any training."""
    return {"test": test and _accuracy(test), "shown": {"accuracy": interval_text(test) if test else NOT_RUN}}


def _yardstick(yardstick: Yardstick) -> dict[str, Any]:
    test = yardstick.test
    return {
        "train_reviews": yardstick.train_reviews,
        "test": test and _accuracy(test),
        "seconds": yardstick.seconds,
        "shown": {"reviews": f"{yardstick.train_reviews:,}", "accuracy": interval_text(test) if test else NOT_RUN},
    }


def _comparison(found: Comparison, p_holm: float) -> dict[str, Any]:
    test = found.test
    return {
        "first": found.first,
        "second": found.second,
        **asdict(test),
        "p_holm": p_holm,
        "sentence": found.sentence,
        "shown": {
            "difference": f"{points(test.difference)} ({points(test.low)} to {points(test.high)})",
            "only": f"{test.only_first:,} / {test.only_second:,}",
            "p": p_value(test.p),
            "p_holm": p_value(p_holm),
        },
    }


def _difference(found: QuotedDifference) -> dict[str, Any]:
    limit = found.most_significant
    return {
        "first": found.first.label,
        "second": found.second.label,
        **{name: getattr(found, name) for name in ("reviews", "slack", "difference", "low", "high", "z", "p")},
        "largest_number_of_disagreements_with_p_below_0.05": limit,
        "disagreement_of_our_runs": found.ours,
        "sentence": found.sentence,
        "shown": {
            "reviews": f"{found.reviews:,}" + (f" (up to {found.reviews + found.slack:,})" if found.slack else ""),
            "difference": f"{points(found.difference)} ({points(found.low)} to {points(found.high)})",
            "p": p_value(found.p),
            "limit": "none" if limit is None else f"{limit:,} ({limit / TEST_REVIEWS:.1%})",
            "ours": NOT_MEASURED if found.ours is None else f"{found.ours:.1%}",
        },
    }


def _optimism(label: str, claimed: float, honest: float) -> dict[str, Any]:
    shown = {"claimed": f"{claimed:.1%}", "honest": f"{honest:.1%}", "difference": points(claimed - honest)}
    return {"label": label, "claimed": claimed, "honest": honest, "difference": claimed - honest, "shown": shown}


def _own_optimism(table: Table) -> list[dict[str, Any]]:
    """The optimism of every run whose test accuracy was noted at every validation."""
    shown = [row.reproduction for row in table.rows if row.same_runs_as is None]
    noted = [(run, run_optimism(run.record)) for mine in shown if mine for run in mine.runs]
    return [_optimism(f"{run.name}, seed {run.seed}", found.claimed, found.honest) for run, found in noted if found]


def _shown(row: TableRow) -> dict[str, str]:
    """The cells of the page, as text."""
    mine, quoted = row.reproduction, row.quoted
    counts = mine.counts if mine else row.counts
    cells = {
        "reported": f"{quoted.percent}% ({quoted.measured.low:.1%} to {quoted.measured.high:.1%})"
        if quoted
        else NOTHING,
        "reported_trainable": f"{quoted.trainable_parameters:,}" if quoted else NOTHING,
        "trainable": f"{counts.by_hand.trainable:,}",
        "total": f"{counts.by_hand.total:,}",
        "counted": _counted(counts),
    }
    if mine is None:
        return cells | {"reproduced": NOT_RUN} | dict.fromkeys(("seeds", "file", "seconds", "speed", "memory"), NOTHING)
    size = next((run.file.bytes for run in mine.runs if run.file), None)
    return cells | {
        "reproduced": interval_text(mine.test),
        "seeds": ", ".join(f"seed {run.seed}: {run.test.accuracy:.1%}" for run in mine.runs),
        "file": bytes_text(size) if size is not None else "not here",
        "seconds": f"{mine.seconds:,.0f} s",
        "speed": f"{mine.examples_per_second:,.0f}" if mine.examples_per_second else NOT_MEASURED,
        "memory": bytes_text(mine.memory.peak_bytes) if mine.memory else NOT_MEASURED,
    }


def _counted(counts: Counts) -> str:
    ways = [name for name, found in (("numel()", counts.by_numel), ("file", counts.by_file)) if found]
    if not ways:
        return "by hand only"
    return f"hand = {' = '.join(ways)}" if counts.agree else "THE COUNTS DIFFER"


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """One line of the CSV."""
    reported, mine, counts = row["reported"] or {}, row["reproduced"] or {}, row["counts"]
    flat = {"key": row["key"], "label": row["label"], "run_here": "yes" if mine else NOT_RUN}
    for name in ("implementation", "accuracy_percent", "trainable_parameters", "total_parameters"):
        flat[f"reported_{name}"] = reported.get(name)
    for name in ("accuracy", "low", "high", "n", "seeds", "training_seconds", "examples_per_second", "file_bytes"):
        flat[name] = mine.get(name)
    flat["peak_memory_bytes"] = (mine.get("peak_memory") or {}).get("peak_bytes")
    flat["base"] = mine.get("config", {}).get("base")
    for way in ("by_hand", "by_numel", "by_file"):
        for what in ("trainable", "total"):
            flat[f"{what}_{way}"] = (counts[way] or {}).get(what)
    return flat | {"same_runs_as": row["same_runs_as"]}


def _flat_untrained(data: dict[str, Any]) -> dict[str, Any]:
    test = data["untrained"]["test"]
    line = {"key": "untrained", "label": f"{data['base']}, untrained", "base": data["base"]}
    return line | {"run_here": "yes" if test else NOT_RUN} | (test or {})


def _flat_yardstick(yardstick: dict[str, Any]) -> dict[str, Any]:
    reviews, test = yardstick["train_reviews"], yardstick["test"]
    line = {"key": f"bag-of-words-{reviews}", "label": f"Word counts, {reviews:,} reviews"}
    return line | {"run_here": "yes" if test else NOT_RUN, "training_seconds": yardstick["seconds"]} | (test or {})


def _cell(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else value
