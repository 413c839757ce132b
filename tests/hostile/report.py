"""The table of docs/serving.md on what `make soak` tried, made of its last results.

`python -m tests.hostile.report` writes it.
"""

import json
import re
from pathlib import Path
from typing import Any

from peft_core.paths import RESULTS, ROOT

PAGE = ROOT / "docs" / "serving.md"
BEGIN, END = "<!-- begin: what make soak tried -->", "<!-- end: what make soak tried -->"
NAMES = ("kills", "hostile_checkpoints", "hostile_addresses", "hostile_inputs", "hostile_tables")
WHAT = {
    "kills": "a worker killed at any moment of a run, then resumed",
    "hostile_checkpoints": "a changed checkpoint, listed, imported or uploaded",
    "hostile_addresses": "an address with hostile values, at any place of the app",
    "hostile_inputs": "hostile words or files in any input of the app",
    "hostile_tables": "a hostile table read; its cells written as CSV and as a page",
}


def table(folder: Path = RESULTS) -> str:
    """A row a soak whose result is there."""
    rows = [
        "| tried | how often | failed | what came of it | slowest, memory | when, where |",
        "|---|---:|---:|---|---|---|",
    ]
    for name in NAMES:
        if (folder / f"{name}.json").is_file():
            rows.append(_row(name, json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))))
    return "\n".join(rows)


def _row(name: str, said: dict[str, Any]) -> str:
    if name == "kills":
        came = ", ".join(f"{number} {state}" for state, number in said["found_afterwards"].items())
        cells = [
            f"{said['killed']:,} kills",
            str(len(said["failed"])),
            f"found afterwards: {came}",
            f"{said['seconds']:,} s in all",
        ]
    else:
        by_kind: dict[str, int] = {}
        for outcome, number in said["outcomes"].items():
            kind = outcome if name == "hostile_tables" else outcome.rpartition(": ")[2]
            kind = "refused or damaged, in a sentence" if "refused" in kind or "damaged" in kind else kind
            by_kind[kind] = by_kind.get(kind, 0) + number
        by_kind |= {key: number for key, number in said["counts"].items() if key != "different within their lot"}
        came = ", ".join(f"{number:,} {kind}" for kind, number in by_kind.items() if kind != "failed")
        cost = f"{said['slowest_cpu_seconds']:g} s of processor, {said['most_memory_grown_mb']:,} MB more"
        cells = [f"{said['cases']:,}", str(len(said["failed"])), came, cost]
    return f"| {WHAT[name]} | {' | '.join(cells)} | {said['date']}, {said['machine']} |"


def written(page: str, made: str) -> str:
    """The page with this table between its two marks."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{made}\n\n{END}", page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), table()), encoding="utf-8")
