"""This project's side: the loop of a real run, with every step watched (experiment.py, loop.py)."""

import time
from statistics import mean

import numpy as np

from benchmarks.peer_reports import SETTLING_STEPS, SideRun, Validation, as_digits
from peft_core.config import RunConfig
from peft_core.training.device import kind
from peft_core.training.experiment import Experiment


def train(config: RunConfig) -> SideRun:
    """One run, from its first validation to its last step; nothing is tested or saved afterwards."""
    experiment = Experiment(config)
    trainer = experiment.trainer
    step_seconds: list[float] = []
    losses: list[float] = []
    validations: list[Validation] = []
    right = np.zeros(0, dtype=bool)
    since = time.perf_counter()
    for log in trainer.run():
        passed = time.perf_counter() - since
        if log.event == "step":
            if log.step in (SETTLING_STEPS, trainer.planned_steps):
                kind(experiment.device).wait(experiment.device)
                passed = time.perf_counter() - since
            step_seconds.append(passed)
            losses.append(log.train_loss)
        elif log.event == "validation":
            validations.append(Validation(step=log.step, accuracy=log.accuracy, seconds=passed))
            if log.step == trainer.planned_steps:  # the last weights: the loop goes back to the best ones afterwards
                split = experiment.validation
                right = (split.probabilities(experiment.model) > 0.5) == split.rows.labels.astype(bool)
        since = time.perf_counter()
    parameters = list(experiment.model.parameters())
    return SideRun(
        side="ours",
        config=config,
        method_of="peft_core",
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        total_parameters=sum(p.numel() for p in parameters),
        data_fingerprint=experiment.train_rows.fingerprint,
        mean_loss=mean(losses),
        step_seconds=tuple(step_seconds),
        validations=tuple(validations),
        right=as_digits(right),
    )
