"""Questions whose answer was measured: `python -m benchmarks.cost`, `benchmarks.latency` and `benchmarks.step_zero`."""

from app.content import label
from app.kit.formats import megabytes, share, times
from app.kit.machine.measured_on import measured_on
from app.method.cost import latency
from app.method.quiz.questions.facts import DEFAULTS, Facts
from app.method.quiz.questions.question import Question, Setting, estimated, numeric, worded
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.registry import method_label
from peft_core.report.costs.measured import Provenance, TrainingCost

PARTS = {  # label → field
    "weights": "weight_bytes",
    "gradients": "gradient_bytes",
    "optimizer": "optimizer_bytes",
    "rest": "rest",
    "peak": "peak",
}


def _measured(setting: Setting, source: Provenance, shape: object) -> str:
    """When, how and where; and that it is another model than the page's, where it is."""
    other = "" if shape == setting.base.name else " " + label("quiz", "other_base", base=setting.base.name)
    return measured_on(source) + other


def _memory_table(rows: list[TrainingCost]) -> str:
    """Where the peak of each run goes, as a Markdown table."""
    head = " | ".join(method_label(row.method) for row in rows)
    lines = [f"| {label('quiz', 'memory')} | {head} |", "|:--|" + "--:|" * len(rows)]
    for part, field in PARTS.items():
        strong = "**" if part == "peak" else ""
        cells = " | ".join(f"{strong}{megabytes(getattr(row, field))}{strong}" for row in rows)
        lines.append(f"| {strong}{label('quiz', part)}{strong} | {cells} |")
    return "\n".join(lines)


def _pair(setting: Setting, facts: Facts, method: str) -> tuple[TrainingCost, TrainingCost] | None:
    """Full fine-tuning and `method`, on the page's base model or the nearest that was measured."""
    shape = facts.shape(setting.base.name)
    full, few = facts.trained(shape, "full"), facts.trained(shape, method)
    return (full, few) if full and few else None


def _work(row: TrainingCost) -> dict[str, object]:
    return {"shape": row.shape, "batch": row.batch, "width": row.width, "label": method_label(row.method)}


def _state(row: TrainingCost) -> int:
    return row.gradient_bytes + row.optimizer_bytes


def memory(setting: Setting, facts: Facts) -> Question | None:
    """So many times fewer parameters: how many times less memory?"""
    if not (pair := _pair(setting, facts, "lora")):
        return None
    full, lora = pair
    fewer, less = full.trainable_parameters / lora.trainable_parameters, full.peak / lora.peak
    values = _work(lora) | {
        "fewer": times(fewer), "less": times(less), "full": megabytes(full.peak), "lora": megabytes(lora.peak),
        "saved": megabytes(full.peak - lora.peak), "state": megabytes(_state(full) - _state(lora)),
        "copies": megabytes(full.weight_bytes - lora.weight_bytes), "activations": megabytes(full.rest - lora.rest),
        "rest": share(lora.rest / lora.peak),
    }  # fmt: skip
    source = _measured(setting, facts.cost.provenance, values["shape"])
    return estimated(setting, "memory", less, fewer, source, values, _memory_table([full, lora]))


def weights_share(setting: Setting, facts: Facts) -> Question | None:
    """How much of the memory of full fine-tuning are the weights themselves?"""
    row = facts.trained(facts.shape(setting.base.name), "full")
    if row is None:
        return None
    truth = row.weight_bytes / row.peak
    values = _work(row) | {
        "peak": megabytes(row.peak), "rest": share(row.rest / row.peak), "weights": megabytes(row.weight_bytes),
        "state": megabytes(_state(row)), "twice": times(_state(row) / row.weight_bytes),
    }  # fmt: skip
    source = _measured(setting, facts.cost.provenance, values["shape"])
    return numeric(setting, "weights_share", truth, (0.25, 0.5, 0.9), share, source, values, table=_memory_table([row]))


def fewest(setting: Setting, facts: Facts) -> Question | None:
    """The soft prompt trains the fewest numbers: how long is its step, beside LoRA's?"""
    shape = facts.shape(setting.base.name)
    prompt, lora = facts.trained(shape, "soft_prompt"), facts.trained(shape, "lora")
    if prompt is None or lora is None:
        return None
    naive, truth = prompt.trainable_parameters / lora.trainable_parameters, prompt.step / lora.step
    values = _work(prompt) | {
        "few": prompt.trainable_parameters, "lora": method_label(lora.method), "fewer": times(1 / naive),
        "seconds": f"{prompt.step:.2f}", "lora_seconds": f"{lora.step:.2f}", "rows": prompt.width,
        "more": prompt.width + prompt.method.num_virtual_tokens,
    }  # fmt: skip
    source = _measured(setting, facts.cost.provenance, values["shape"])
    return numeric(setting, "fewest", truth, (naive, 0.5, 2), times, source, values)


def step_time(setting: Setting, facts: Facts) -> Question | None:
    """So many times fewer parameters: what share of the time of full fine-tuning does a step take?"""
    if not (pair := _pair(setting, facts, "adapter")):
        return None
    full, few = pair
    naive, truth = few.trainable_parameters / full.trainable_parameters, few.step / full.step
    values = _work(few) | {
        "fewer": times(1 / naive), "seconds": f"{few.step:.2f}", "full_seconds": f"{full.step:.2f}",
    }  # fmt: skip
    source = _measured(setting, facts.cost.provenance, values["shape"])
    return numeric(setting, "step_time", truth, (naive, naive**0.5, 1.0), share, source, values)


def file(setting: Setting, facts: Facts) -> Question | None:
    """So many times fewer parameters: how many times smaller is the file?"""
    if not (pair := _pair(setting, facts, "adapter")):
        return None
    full, few = pair
    naive, truth = full.trainable_parameters / few.trainable_parameters, full.file_bytes / few.file_bytes
    values = _work(few) | {
        "fewer": times(naive), "full_bytes": full.file_bytes, "few_bytes": few.file_bytes,
        "full_numbers": full.trainable_parameters, "few_numbers": few.trainable_parameters,
    }  # fmt: skip
    others = (full.peak / few.peak, naive, 2 * naive)
    source = _measured(setting, facts.cost.provenance, values["shape"])
    return numeric(setting, "file", truth, others, times, source, values)


def houlsby_memory(setting: Setting, facts: Facts) -> Question | None:
    """Twice the parameters: how much more memory?"""
    shapes = sorted({row.shape for row in facts.cost.training}, key=lambda name: name != setting.base.name)
    for shape in shapes:  # Houlsby was not measured on every shape
        one = facts.trained(shape, "adapter")
        two = facts.cost.train(shape, AdapterConfig(placement="houlsby"))
        if one and two:
            break
    else:
        return None
    values = _work(one) | {"m": one.method.bottleneck_dim, "one": megabytes(one.peak), "two": megabytes(two.peak)}
    source, table = _measured(setting, facts.cost.provenance, values["shape"]), _memory_table([one, two])
    return numeric(setting, "houlsby_memory", two.peak / one.peak, (1, 2, 4), times, source, values, table=table)


def merge(setting: Setting, facts: Facts) -> Question | None:
    """A merged LoRA is one matrix again: the very products of the base model."""
    return _latency(setting, facts, "merge", ("faster", "same", "slower"), "same")


def mergeable(setting: Setting, facts: Facts) -> Question | None:
    """Which method can disappear into the weights after training? Only a linear one beside a linear layer."""
    return _latency(setting, facts, "mergeable", ("adapter", "lora", "soft_prompt", "all"), "lora")


def _latency(setting: Setting, facts: Facts, name: str, options: tuple[str, ...], right: str) -> Question | None:
    """A question about times of predictions: what the intervals of the measured ratios say, then all of them."""
    report = facts.latency
    if not report.rows:
        return None
    shape = latency.nearest(report, setting.base.name)
    rows = {row.form: row for row in report.forms(shape)}
    values = {form: latency.found(report, row) for form, row in rows.items()}
    values |= {"label": method_label(rows["lora"].method), "work": latency.control(report, shape)}
    source = _measured(setting, report.provenance, shape)
    return worded(setting, name, options, right, source, values, table=latency.table(report, shape))


def step_zero(setting: Setting, facts: Facts) -> Question | None:
    """Which method's model answers differently before its first training step?"""
    report = facts.step_zero
    measured = {method: report.row(config) for method, config in DEFAULTS.items()}
    rows = {method: row for method, row in measured.items() if row}
    options = ("adapter", "lora", "soft_prompt", "none")
    if not rows.keys() >= {*options[:-1]}:
        return None
    changed = [method for method, row in rows.items() if row.largest_change > 0]
    prompt = rows["soft_prompt"]
    noise = report.row(prompt.method.model_copy(update={"prompt_init": "random"}))
    if len(changed) > 1 or noise is None:  # with several that change this is no question with one answer
        return None
    values = {
        "noise": f"{100 * noise.mean_change:.2g}",
        "base": report.base, "n": report.n, "changed": prompt.changed_verdicts,
        "base_accuracy": f"{report.base_accuracy:.1%}", "accuracy": f"{prompt.accuracy:.1%}",
        "mean": f"{100 * prompt.mean_change:.2g}", "m": rows["adapter"].method.bottleneck_dim,
        "r": rows["lora"].method.r, "rows": prompt.method.num_virtual_tokens,
    }  # fmt: skip
    right = changed[0] if changed else "none"
    return worded(setting, "step_zero", options, right, _measured(setting, report.provenance, report.base), values)
