"""Write docs/compatibility.md from what the tests measure: `python -m tests.compatibility`.

Each row of `tests/checkpoints/exchange/rows.py` is measured as its test does it; a test compares the verdicts of the
committed table with what comes out.
"""

import os
import sys
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

from peft_core.paths import ROOT

PAGE = ROOT / "docs" / "compatibility.md"
LONGEST = 160  # characters of a reason
HEAD = """# What is read and written, and what is not

Written by `python -m tests.compatibility`, which measures every row; `tests/checkpoints/exchange` holds each of them.
Do not edit.

**In**: the other library saves a folder, `python -m peft_core import` reads it. **Out**: we save or `export` one, the
other library reads it. *equal*: all logits of the first decoder step, over the whole vocabulary, differ by at most
{tolerance:g}; the number is the largest difference. *refused*: with this sentence. Measured on a random T5 of two
blocks a stack in fp32, with {versions}; AdapterHub's adapters 1.3.0 and OpenDelta 0.3.2 from folders and logits that
they saved (`tests/golden`).

| library | method | option | | result | largest difference, or reason |
|---|---|---|---|---|---|
"""


def world(folder: Path):
    """The models and inputs that rows are measured on."""
    from peft_core.t5.backbone import load_backbone
    from tests.cases import make_base
    from tests.checkpoints.exchange import golden_kinds
    from tests.checkpoints.exchange.rows import World
    from tests.conftest import three_rows

    backbone = load_backbone(str(make_base(folder / "tiny")))
    return World(backbone, load_backbone(str(golden_kinds.BASE)), three_rows(), folder)


def cell(text: str) -> str:
    """A text as it stands in a cell of the table."""
    return " ".join(text.replace("|", "\\|").split())


def line(row) -> str:
    """A row as a line of the table."""
    shown = row.reason if row.reason else f"{row.difference:.1e}"
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]} …"
    return "| " + " | ".join(map(cell, (row.library, row.method, row.option, row.direction, row.verdict, shown))) + " |"


def committed() -> dict[tuple[str, ...], str]:
    """(library, method, option, direction) → verdict, as the table says."""
    rows = [
        [part.strip() for part in text.strip("|").split(" | ")]
        for text in PAGE.read_text(encoding="utf-8").splitlines()
        if text.startswith("| ") and not text.startswith("| library")
    ]
    return {tuple(cells[:4]): cells[4] for cells in rows}


def main() -> None:
    """Measure every row and write the page; fails if one is neither equal nor refused."""
    from dataclasses import replace

    from tests.checkpoints.exchange.rows import TOLERANCE, TRIED

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        here = world(Path(temporary))
        lines = []
        for number, tried in enumerate(TRIED):
            (folder := Path(temporary) / str(number)).mkdir()
            row = tried.row(replace(here, folder=folder))
            if row.verdict == "DIFFERENT" or (row.verdict == "refused") != bool(tried.refused):
                sys.exit(f"{tried.key}: {row.verdict} {row.reason}")
            lines.append(line(row))
    versions = ", ".join(f"{name} {metadata.version(name).split('+')[0]}" for name in ("peft", "transformers", "torch"))
    PAGE.write_text(HEAD.format(tolerance=TOLERANCE, versions=versions) + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
