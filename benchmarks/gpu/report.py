"""What `benchmarks.gpu` measures, as plain data, and as a table. No torch here."""

from collections.abc import Iterator
from statistics import median
from typing import Literal

from pydantic import Field

from benchmarks.peer_reports import Part, SpeedRound, ratios, spread
from peft_core.methods.registry import MethodField, method_label
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance

GPU = RESULTS / "gpu.json"
GOAL, GOAL_SECONDS = 3.0, 10.0  # times peft + Trainer as shipped; seconds of LoRA's preset of a minute


class Share(Part):
    """Steps without padding, beside the fastest product of this precision."""

    shape: str
    method: MethodField
    batch: int
    width: int
    flops: int
    seconds: float = Field(description="median of the steps, each waited for")


class PresetRun(Part):
    """A run as a class starts it, from its configuration to its checkpoint; the libraries are loaded."""

    preset: str
    method: MethodField
    seconds: float
    training_seconds: float = Field(description="steps and validations")
    test_accuracy: float
    precision: str
    peak_bytes: int | None


class FirstStep(Part):
    """From the click to the first step in metrics.jsonl, in seconds."""

    worker: Literal["fresh", "spare"]
    start: float = Field(description="libraries, reviews and base model are in")
    step: float


class Resume(Part):
    """One run three times: in one go, again, and stopped and gone on with."""

    method: MethodField
    repeats: bool = Field(description="the same seed gave the same weights to the bit")
    resumes: bool = Field(description="and so did the run that was stopped")
    difference: float = Field(description="largest of a weight, between the whole run and the stopped one")


class Pair(Part):
    """Two runs at the same time on one GPU."""

    method: MethodField
    alone: float = Field(description="examples a second of one by itself")
    together: tuple[float, float] = Field(description="of each of two")


class GpuReport(Part):
    """The content of `gpu.json`. `trial`: it was made on a CPU, to try the benchmark, and says nothing of a GPU."""

    format: Literal[1] = 1
    provenance: Provenance
    trial: bool
    memory_bytes: int | None
    products: dict[str, float] = Field(description="FLOPs a second by precision; the choice was made by these")
    peak: float = Field(description="FLOPs a second of the fastest product, in the precision of the runs")
    rounds: tuple[SpeedRound, ...]
    shares: tuple[Share, ...]
    presets: tuple[PresetRun, ...]
    first_steps: tuple[FirstStep, ...]
    resumes: tuple[Resume, ...]
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...] = Field(description="for want of time, or of a library")
    seconds: float

    def speed(self, shape: str, method: MethodField, side: str) -> list[float]:
        """Examples a second after the first steps, in the order of the rounds."""
        rounds = [r for r in self.rounds if (r.shape, r.method, r.side) == (shape, method, side)]
        return [r.settled_examples_per_second or r.examples_per_second for r in rounds]


def table(report: GpuReport) -> str:
    """All of it as lines."""
    return "\n".join(_lines(report))


def _lines(report: GpuReport) -> Iterator[str]:
    source = report.provenance
    if report.trial:
        yield "TRIED ON A CPU: this says that the benchmark runs, and nothing of any GPU."
    memory = f", {report.memory_bytes / 2**30:.0f} GiB free" if report.memory_bytes else ""
    yield f"{source.machine}{memory}, {source.precision}, {source.created}, {report.seconds:.0f} s"
    products = ", ".join(f"{name} {speed / 1e12:.2f}" for name, speed in report.products.items())
    yield f"products, TFLOP/s: {products}; fastest in {source.precision} {report.peak / 1e12:.2f}"
    yield ""
    yield "examples a second after the first steps, and how many times as fast this project is; MB of the GPU's memory"
    for shape, method in dict.fromkeys((r.shape, r.method) for r in report.rounds):
        ours = report.speed(shape, method, "ours")
        cells = [f"{shape:15} {method_label(method):24}"]
        for side in dict.fromkeys(r.side for r in report.rounds):
            if found := report.speed(shape, method, side):
                peak = [r.peak_bytes for r in report.rounds if (r.shape, r.method, r.side) == (shape, method, side)]
                cell = f"{side} {spread(found)}"
                cell += f" ({spread(ratios(ours, found), 2)}×)" if ours and side != "ours" else ""
                cell += f" {max(peak) / 1e6:,.0f} MB" if all(peak) else ""
                cells.append(cell)
        yield "  ".join(cells)
    for share in report.shares:
        part = 100 * share.flops / share.seconds / report.peak
        yield (
            f"{share.shape:15} {method_label(share.method):24} {share.batch} × {share.width}: "
            f"{1000 * share.seconds:.1f} ms a step, {part:.0f}% of the fastest product"
        )
    yield ""
    for run in report.presets:
        yield (
            f"preset {run.preset}, {method_label(run.method)}: {run.seconds:.1f} s to the checkpoint, of which "
            f"{run.training_seconds:.1f} s training; test {run.test_accuracy:.1%}"
        )
    for step in report.first_steps:
        yield f"first step after the click, {step.worker} worker: {step.step:.2f} s (set up in {step.start:.2f} s)"
    for resume in report.resumes:
        again = "the same" if resume.repeats else "other"
        gone_on = "the same" if resume.resumes else f"other weights (by {resume.difference:.1g} at most)"
        yield f"{method_label(resume.method)}: the same seed again gives {again} weights; resumed, {gone_on}"
    for pair in report.pairs:
        one, two = pair.together
        yield f"two runs at once, {method_label(pair.method)}: {one:.0f} and {two:.0f}; one alone {pair.alone:.0f}"
    yield from (f"left out: {what}" for what in report.left_out)
    if not report.trial:
        yield ""
        yield from _goals(report)


def _goals(report: GpuReport) -> Iterator[str]:
    """What was aimed at, and whether it was reached."""
    for shape, method in dict.fromkeys((r.shape, r.method) for r in report.rounds):
        if found := ratios(report.speed(shape, method, "ours"), report.speed(shape, method, "trainer")):
            said = "reached" if median(found) >= GOAL else "NOT reached"
            yield f"goal {GOAL:.0f}× the Trainer as shipped, {shape}, {method_label(method)}: {said}"
    for run in report.presets:
        if run.preset == "minute" and run.method.method == "lora":
            said = "reached" if run.seconds < GOAL_SECONDS else "NOT reached"
            yield f"goal {GOAL_SECONDS:.0f} s for the preset of a minute: {said}"
