"""Where a measured number comes from, as the caption under it."""

from app.content import label
from app.kit.machine import this_computer
from peft_core.report.costs.measured import Provenance


def measured_on(source: Provenance) -> str:
    """The day, the command that repeats it, and the machine."""
    return label(
        "quiz", "from_measurement", command=source.command, machine=source.machine, threads=source.threads,
        precision=source.precision, date=source.created[:10], here=this_computer.link(),
    )  # fmt: skip
