"""From a configuration to a published checkpoint: data → backbone + method → training → test → folder.

The command line and the worker process of the app both run this generator.
"""

import json
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from peft_core.checkpoints.files import check_free, load_checkpoint, save_checkpoint, saving
from peft_core.checkpoints.record import AdoptedRecord, RunRecord
from peft_core.checkpoints.weights_file import checkpoint_weights
from peft_core.config import RunConfig, run_config
from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.common import prompt_ids
from peft_core.methods.registry import method_of
from peft_core.reviews.batches import fixed_widths, make_batches
from peft_core.reviews.draws import SHARED_SEED
from peft_core.reviews.own.stored import StoredTexts, read_texts
from peft_core.t5.backbone import load_backbone
from peft_core.t5.precision import set_backbone_dropout
from peft_core.training.continuing import began_in
from peft_core.training.device import PRECISIONS, compute_dtype, describe, kind, pick_device, place, precision_name
from peft_core.training.loop.compiling import compile_if_asked
from peft_core.training.loop.step_log import StepLog
from peft_core.training.loop.trainer import Trainer
from peft_core.training.measuring import MeasuredSplit, at_once, load_rows
from peft_core.training.run_record import run_record
from peft_core.training.snapshots.camera import Camera
from peft_core.training.snapshots.moments import FOLDER
from peft_core.training.summary import summary
from peft_core.training.untrained import keep_answers, known_answers
from peft_core.validated import open_regular, shortened

STATE = "state.safetensors"


class Experiment:
    """One run: everything loaded and ready, to be trained by `run`."""

    def __init__(
        self,
        config: RunConfig,
        start: Path | None = None,
        texts: StoredTexts | None = None,
        state: Path | None = None,
    ) -> None:
        """
        Args:
            start: the checkpoint that the run goes on from, where `config.start_from` names one.
            texts: of the task own.
            state: of a stopped run that is to go on, if it is one; it goes on in the precision it began in.
        """
        self.config, self.start, self.texts = config, start, texts
        self.device = pick_device()
        kind(self.device).begin_peak(self.device)
        self.dtype = PRECISIONS.get(began_in(state, self.device.type) if state else "") or compute_dtype(self.device)
        self.backbone = load_backbone(config.base).answering(config.data.words)
        seed = config.train.seed
        self.train_rows = load_rows(self.backbone, config.data, "train", config.data.train_size, seed, texts)
        self.validation = self._split("validation", config.data.validation_size)
        self.model = self._build_model(seed, start)
        self.test = self._split("test", config.data.test_size) if config.train.test_curve else None
        place(self.model, self.device, self.dtype)
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
            lambda: self.validation.measuring(self.model),
            self.device,
            (lambda: self.test.measuring(self.model)) if self.test else None,
            self.dtype,
        )
        self.trainer.validation_rows = len(self.validation)
        if why_not := compile_if_asked(self.model, self.device, self._try):
            self.trainer.notes.append(why_not)

    def _try(self) -> None:
        """Compute as the run will, once in evaluation and once in training, and change nothing."""
        with closing(self.validation.asking(self.model)) as measuring:
            next(measuring), next(measuring)
        self.model.train()
        loss = self.trainer.loss(self.trainer.train_batches(0)[0])
        torch.autograd.grad(loss, list(self.trainer.trainable.values()), materialize_grads=True)

    def _build_model(self, seed: int, start: Path | None) -> nn.Module:
        model = self.backbone.own_copy()
        set_backbone_dropout(model, self.config.train.backbone_dropout)
        torch.manual_seed(seed)
        model = apply_method(model, self.config.method, prompt_ids(self.backbone, self.config.method))
        self._go_on_from(start, model)
        return model

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
        rows = load_rows(self.backbone, self.config.data, name, size, SHARED_SEED, self.texts)
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
        data |= {"device": self.device.type, "precision": precision_name(self.dtype)}
        temporary = path.with_suffix(".tmp")
        with saving(path.parent):
            save_file(tensors, temporary, {"state": json.dumps(data), "config": self.config.model_dump_json()})
            temporary.replace(path)

    def load_state(self, path: Path) -> None:
        """Go on from a saved state.

        Raises:
            PeftClassroomError: if it is of a run with other settings, or damaged.
        """
        try:
            open_regular(path).close()  # in the place of a file there may lie something that never ends
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

    # -- the test ----------------------------------------------------------------------------------------------------
    def prepare_test(self) -> None:
        """Find the test reviews, so that the estimate of the time knows how many there are to be measured."""
        self.test = self.test or self._split("test", self.config.data.test_size)
        known = known_answers(self._before_of(), len(self.test)) is not None
        self.trainer.test_rows = len(self.test)
        self.trainer.rows_at_the_end = len(self.test) * (1 if known else 2)

    def testing(self, should_stop: Callable[[], bool] = lambda: False) -> Generator[StepLog, None, RunRecord | None]:
        """Measure the test split, once the weights are chosen, and as it was before training, unless that is known.

        Returns everything that is to be said of the run; None if it was broken off.
        """
        self.prepare_test()
        trainer, test, rows = self.trainer, self.test, len(self.test)
        before = known_answers(self._before_of(), rows)
        later, rounds = (rows, 2) if before is None else (0, 1)
        after = test.asking(self.model)
        positive = yield from trainer.watched("test", after, rows, later, should_stop, (0, rounds))
        if positive is None:
            return None
        if before is None:
            asking = test.asking(self._before())
            before = yield from trainer.watched("test", asking, rows, 0, should_stop, (1, rounds))
            if before is None:
                return None
            if self.texts is None:  # of own texts nothing outlives the run
                keep_answers(self._before_of(), before)
        return run_record(self, positive, before)

    def record(self) -> RunRecord:
        """The same for whoever does not look on."""
        return at_once(self.testing())

    def _before(self) -> nn.Module:
        """The model before training: the base itself, or the checkpoint that the run went on from."""
        model = load_checkpoint(self.start, self.backbone)[0] if self.start else self.backbone.own_copy()
        return place(model, self.device, self.dtype)

    def _before_of(self) -> dict[str, object]:
        """What its answers depend on."""
        base, test = self.backbone.identity, self.test
        return {
            "base": [base.weights, base.tokenizer, base.config],
            "went on from": self.config.start_from,
            "reviews": test.rows.fingerprint,
            "prefix": self.backbone.base.prefix,
            "max_length": test.rows.max_length,
            "label words": list(test.label_ids),
            "precision": precision_name(self.dtype),
            "device": self.device.type,
        }

    @torch.no_grad()
    def publish_last(self, record: RunRecord, folder: Path) -> None:
        """Keep the weights of the last step as well, where those of the first were better: they can be asked, too."""
        trainer = self.trainer
        trainer.put(trainer.last)
        self.round_for_storage()
        told = AdoptedRecord(
            name=f"{record.name}, last weights", source=record.name, origin="last",
            base=record.base, method=record.method, max_length=record.max_length, created=record.created,
            base_fingerprint=record.base_fingerprint, trainable_parameters=record.trainable_parameters,
            total_parameters=record.total_parameters, task=record.learned.task, own=record.learned.own,
        )  # fmt: skip
        save_checkpoint(self.model, told, self.backbone, folder)
        trainer.load_best()
        self.round_for_storage()


def run_experiment(
    config: RunConfig,
    folder: str | Path,
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint: str | Path | None = None,
    start: str | Path | None = None,
    should_keep: Callable[[], bool] = lambda: False,
    snapshots: bool = False,
) -> Iterator[StepLog]:
    """Train, test, publish `checkpoint` (default `folder/checkpoint`); yields what happens, returns a summary.

    When `should_stop()` becomes true the state is saved as `folder/state.safetensors` and None is returned; a later
    call with the same folder goes on from there. When `should_keep()` does, training ends as if its time were up: the
    best weights so far are tested and published. Where no weights were as good as those of the start, those of the last
    step are published beside them, as `checkpoint` with "-last" behind its name. `checkpoint` comes last: whoever finds
    it knows that nothing is missing.

    Of the task own the texts are those in `folder`.

    Args:
        start: the checkpoint whose weights it begins with, where `config.start_from` names one (`continuation`).
        snapshots: keep what there is to see inside, moment by moment, in `folder/snapshots` (`snapshots/camera.py`).

    Raises:
        PeftClassroomError: before anything is trained, if `checkpoint` exists already, or its folder cannot be written.
    """
    folder = Path(folder)
    checkpoint = Path(checkpoint or folder / "checkpoint")
    last_weights = checkpoint.with_name(f"{checkpoint.name}-last")
    state = folder / STATE
    check_free(checkpoint)
    if not state.exists():
        check_free(last_weights)
    for needed in (folder, checkpoint.parent):
        make_writable(needed)
    texts = read_texts(folder) if config.data.own else None
    experiment = Experiment(config, Path(start) if start else None, texts, state if state.exists() else None)
    trainer = experiment.trainer
    if state.exists():
        experiment.load_state(state)
        shutil.rmtree(last_weights, ignore_errors=True)  # of this run, which was killed before it published the first
    experiment.prepare_test()
    camera = Camera(folder / FOLDER, experiment) if snapshots else None
    yield trainer.told("start", done=len(trainer.validations), device=describe(experiment.device))
    for log in trainer.run(should_stop, should_keep):
        if camera:
            camera.see(log)
        yield log
        if log.event == "validation":
            experiment.save_state(state)
    if not trainer.finished:
        experiment.save_state(state)
        return None
    experiment.round_for_storage()
    record = yield from experiment.testing(should_stop)
    if record is None:  # its state is that of its last validation
        return None
    test = record.test
    yield trainer.told("test", 0, accuracy=test.accuracy, low=test.low, high=test.high, n=test.n)
    if trainer.last:
        experiment.publish_last(record, last_weights)
    save_checkpoint(experiment.model, record, experiment.backbone, checkpoint)  # at last: once it is there, all is done
    state.unlink(missing_ok=True)
    return summary(record, checkpoint)
