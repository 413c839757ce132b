"""Hyper-parameters, tried with the same budget and chosen on validation. The test split is never read.

    python -m peft_core sweep lora --learning-rates 5e-4,1e-3,2e-3,4e-3 --alphas 8,16,32

Every trial is a training run without its test. Its result is added to a JSON file as soon as it is there; trials that
the file has for the same base model and reviews are not repeated, and one that was stopped goes on.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from peft_core.checkpoints.record import Measured
from peft_core.config import RunConfig, run_config
from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable, write_atomic
from peft_core.methods.registry import MethodConfig, method_config, method_of
from peft_core.reviews.draws import SPLITS, draw, rows_fingerprint
from peft_core.validated import Frozen, read_json

FACTORS = (0.1, 0.3, 1.0, 3.0)  # of the method's default learning rate, where none are named


class Trial(Frozen):
    """What one configuration reached on validation. None: its loss stopped being a number, and `message` says so."""

    config: RunConfig
    learning_rate: float
    base_fingerprint: str
    data_fingerprint: str
    validation: Measured | None
    best_step: int
    validations: tuple[tuple[int, float], ...]
    seconds: float
    message: str | None = None
    device: str
    precision: str
    created: str
    versions: dict[str, str]

    @property
    def key(self) -> tuple[RunConfig, str, str]:
        return self.config, self.base_fingerprint, self.data_fingerprint


class Sweep(Frozen):
    """The content of the file."""

    format: Literal[1] = 1
    trials: tuple[Trial, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "Sweep":
        if len({trial.key for trial in self.trials}) != len(self.trials):
            raise PeftClassroomError("The same trial is there twice.")
        return self


def grid(config: RunConfig, train: Mapping[str, Sequence[Any]], method: Mapping[str, Sequence[Any]]) -> list[RunConfig]:
    """`config` with every combination of the values; no learning rates: some around the method's default.

    Args:
        train: field of TrainConfig → its values.
        method: field of the method's configuration → its values.

    Raises:
        PeftClassroomError: for a value out of bounds, or a field that the method does not have.
    """
    rates = train.get("learning_rate") or default_rates(config.method)
    named = [("train", "learning_rate", rates)]
    named += [("train", name, values) for name, values in train.items() if name != "learning_rate"]
    named += [("method", name, values) for name, values in method.items()]
    configs = []
    for values in product(*(values for _, _, values in named)):
        data = config.model_dump()
        for (part, name, _), value in zip(named, values, strict=True):
            data[part][name] = value
        method_config(**data["method"])  # says which setting the method does not have
        configs.append(run_config(data))
    return configs


def default_rates(method: MethodConfig) -> list[float]:
    """Some learning rates around the method's default, in short decimal form."""
    return [float(f"{factor * method_of(method).learning_rate:.1g}") for factor in FACTORS]


def run_sweep(
    configs: Sequence[RunConfig],
    out: Path,
    splits: Mapping[str, Any],
    report: Callable[[RunConfig, Any], None] = lambda config, log: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Trial]:
    """Try what the file does not have yet; returns the trials of `configs` that are there in the end, in their order.

    Args:
        splits: of `peft_core.reviews.splits.load_splits(…)`.
        report: called with the configuration that is being tried and each StepLog of its training.

    Raises:
        PeftClassroomError: if a configuration asks for the test split.
    """
    from peft_core.t5.backbone import load_backbone

    if any(config.train.test_curve for config in configs):
        raise PeftClassroomError("A sweep does not read the test split: leave test_curve out.")
    known = {trial.key: trial for trial in read_sweep(out).trials}
    bases = {base: load_backbone(base).fingerprint for base in {config.base for config in configs}}
    wanted = []
    for config in configs:
        rows = draw(config.data, config.train.seed, splits, SPLITS[:2])
        wanted.append((config, bases[config.base], rows_fingerprint(rows)))
    for key in wanted:
        if key in known:
            continue
        trial = None if should_stop() else _try(key, out.with_name(f"{out.name}.partial"), report, should_stop)
        if trial is None:
            break
        known[key] = trial
        _write(Sweep(trials=tuple(known.values())), out)
    return [known[key] for key in wanted if key in known]


def best(trials: Sequence[Trial]) -> Trial | None:
    """The highest validation accuracy; among equals the lowest learning rate. None if every one failed."""
    finished = [trial for trial in trials if trial.validation]
    return max(finished, key=lambda trial: (trial.validation.accuracy, -trial.learning_rate), default=None)


def _try(key: tuple[RunConfig, str, str], work: Path, report, should_stop) -> Trial | None:
    """Train and validate; None if it was stopped: its state is in `work` then."""
    from peft_core.training.device import describe, precision_name
    from peft_core.training.experiment import Experiment
    from peft_core.training.run_record import PACKAGES

    config, base_fingerprint, data_fingerprint = key
    experiment = Experiment(config)
    trainer, message = experiment.trainer, None
    make_writable(work)
    digest = hashlib.sha256(f"{config.model_dump_json()} {base_fingerprint} {data_fingerprint}".encode()).hexdigest()
    state = work / f"{digest[:12]}.safetensors"
    if state.exists():
        experiment.load_state(state)
    try:
        for log in trainer.run(should_stop):
            report(config, log)
            if log.event == "validation":
                experiment.save_state(state)
        if not trainer.finished:
            experiment.save_state(state)
            return None
    except PeftClassroomError as error:  # the loss is no number any more: that, too, is a result
        message = str(error)
    state.unlink(missing_ok=True)
    best_step, accuracy = trainer.best_validation
    return Trial(
        config=config,
        learning_rate=config.learning_rate,
        base_fingerprint=base_fingerprint,
        data_fingerprint=data_fingerprint,
        validation=None if message else Measured.of("validation", accuracy),
        best_step=best_step,
        validations=tuple((step, a.accuracy) for step, a in trainer.validations),
        seconds=round(trainer.clock.seconds, 2),
        message=message,
        device=describe(experiment.device),
        precision=precision_name(experiment.dtype),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions={name: metadata.version(name) for name in PACKAGES},
    )


def read_sweep(path: Path) -> Sweep:
    """The trials of a file; none if there is no file.

    Raises:
        PeftClassroomError: if it is damaged.
    """
    return read_json(path, Sweep, "Restore the file or name another --out.") if path.is_file() else Sweep()


def _write(sweep: Sweep, path: Path) -> None:
    write_atomic(path, sweep.model_dump_json(indent=1) + "\n")
