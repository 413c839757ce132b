"""Fine-tune on texts of one's own: two classes, a part held out, the same loop as every run.

tuned = fine_tune(texts, labels, LoraConfig(r=8))
tuned.validation                  accuracy on the texts that were held out, with its interval
tuned.classify("Another text")    as a checkpoint answers
tuned.save("my-lora")             a checkpoint like any other; it has no test accuracy, for none was measured

How texts are checked and split: `reviews/own/`, which the app and `train --data` share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.asking.predictor import Prediction, Predictor
from peft_core.checkpoints.own import save_model
from peft_core.config import TrainConfig
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.common import prompt_ids
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_config, method_of
from peft_core.reviews.batches import encode, fixed_widths, make_batches
from peft_core.reviews.config import REVIEWS, DataConfig, Learned, OwnTexts
from peft_core.reviews.own.classes import Label, checked, label_words
from peft_core.reviews.own.splitting import hold_out
from peft_core.reviews.splits import LABEL_WORDS, data_fingerprint
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.t5.precision import set_backbone_dropout
from peft_core.training.device import compute_dtype, pick_device, place
from peft_core.training.loop.trainer import Trainer
from peft_core.training.measuring import MeasuredSplit, Rows


@dataclass(frozen=True)
class FineTuned:
    """A model trained on texts of one's own, in fp32 on the CPU, and what it gets right of those it was not trained on.

    The held-out texts also chose which of the weights on the way are kept, so `validation` is a little optimistic.
    """

    model: nn.Module
    method: MethodConfig
    backbone: Backbone
    learned: Learned
    max_length: int
    trained_on: int
    untrained: Accuracy  # of the base model, on the texts held out
    validation: Accuracy

    def classify(self, texts: str | Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order.

        Raises:
            PeftClassroomError: for no text, or an empty or far too long one.
        """
        return Predictor(self.backbone).classify_with_model(texts, self.model, self.max_length, self.learned)

    def save(self, folder: str | Path) -> Path:
        """Write a checkpoint that every page and command reads.

        Raises:
            PeftClassroomError: if `folder` exists already.
        """
        source = f"fine_tune on {self.trained_on:,} texts of one's own"
        return save_model(self.model, self.method, self.backbone, folder, self.max_length, source, self.learned)


def fine_tune(
    texts: Sequence[str],
    labels: Sequence[Label],
    method: MethodConfig | str = "lora",
    base: str = "tiny-t5",
    train: TrainConfig | None = None,
    max_length: int = DataConfig().max_length,
    held_out: float = 0.2,
    names: tuple[str, str] = LABEL_WORDS,
) -> FineTuned:
    """Put `method` on the base model, train it on the texts, keep the weights that are best on those held out.

    Args:
        labels: of each text 0 or 1, or the name of its class.
        method: a configuration, or a method's name for its own defaults.
        train: epochs, batch size, rate and the like; few texts need more than the two epochs of its default.
        max_length: tokens of a text that are read, a multiple of 16.
        held_out: share of each label's texts that is not trained on; copies of a text stay together.
        names: of the two classes. T5 answers with them, if each is one token of its own, else with "bad" and "good".

    Raises:
        PeftClassroomError: if texts and labels do not fit, a label is another word, or there are too few texts.
    """
    config, train = method_config(method) if isinstance(method, str) else method, train or TrainConfig()
    cleaned, truth = checked(texts, labels, names)
    max_length = DataConfig(max_length=max_length).max_length
    inside, outside = hold_out(cleaned, truth, [held_out], train.seed, names)
    backbone, device = load_backbone(base), pick_device()
    learned = _learned(cleaned, truth, names, backbone)
    backbone = backbone.answering(learned.words)
    kept = _rows(backbone, cleaned, truth, outside, max_length)
    model = _trained(config, backbone, train, _rows(backbone, cleaned, truth, inside, max_length), kept, device)
    on_cpu = MeasuredSplit(kept, backbone, torch.device("cpu"))
    return FineTuned(
        model,
        config,
        backbone,
        learned,
        max_length,
        len(inside),
        on_cpu.accuracy(backbone.model),
        on_cpu.accuracy(model),
    )


def _learned(texts: Sequence[str], labels: Sequence[int], names: tuple[str, str], backbone: Backbone) -> Learned:
    """The classes and the words that they are answered with. Of other names the texts, by their digest, are a task."""
    if tuple(names) == LABEL_WORDS:
        return REVIEWS
    words = label_words(names, backbone.tokenizer)
    return Learned(task="own", own=OwnTexts(sha256=data_fingerprint(texts, labels), labels=names, words=words))


def _rows(
    backbone: Backbone, texts: Sequence[str], labels: Sequence[int], chosen: Sequence[int], max_length: int
) -> Rows:
    read, truth = [texts[row] for row in chosen], [labels[row] for row in chosen]
    encoded = encode(backbone.tokenizer, read, backbone.base.prefix, max_length)
    return Rows(lambda: encoded, np.array(truth), data_fingerprint(read, truth), max_length)


def _trained(
    method: MethodConfig, backbone: Backbone, train: TrainConfig, rows: Rows, kept: Rows, device: torch.device
) -> nn.Module:
    """The best weights of the run, over the backbone's own in fp32: as a checkpoint is loaded."""
    start, pad_id = prompt_ids(backbone, method), backbone.tokenizer.pad_token_id
    model = backbone.own_copy()
    set_backbone_dropout(model, train.backbone_dropout)
    torch.manual_seed(train.seed)
    precision = compute_dtype(device)
    model = place(apply_method(model, method, start), device, precision)
    measured = MeasuredSplit(kept, backbone, device)
    trainer = Trainer(
        model,
        train,
        train.learning_rate or method_of(method).learning_rate,
        lambda epoch: make_batches(
            rows.encoded, train.batch_size, fixed_widths(rows.max_length), pad_id, (train.seed, epoch)
        ),
        torch.from_numpy(rows.labels),
        backbone.label_ids,
        lambda: measured.measuring(model),
        device,
        precision=precision,
    )
    for _ in trainer.run():
        pass
    owns = method_of(method).owns_weights
    answering = apply_method(backbone.own_copy() if owns else backbone.replica(), method, start)
    with torch.no_grad():
        for name, parameter in trainable_tensors(answering).items():
            value = trainable_tensors(model)[name]
            parameter.copy_(value.to(torch.bfloat16) if owns else value)  # as it is stored
    return answering.eval()
