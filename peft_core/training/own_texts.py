"""Fine-tune on texts of one's own: two labels, a part held out, the same loop as every run.

tuned = fine_tune(texts, labels, LoraConfig(r=8))
tuned.validation                  accuracy on the texts that were held out, with its interval
tuned.classify("Another text")    as a checkpoint answers
tuned.save("my-lora")             a checkpoint like any other; it has no test accuracy, for none was measured
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.own import save_model
from peft_core.checkpoints.predictor import Prediction, Predictor
from peft_core.config import TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.common import prompt_ids
from peft_core.methods.fast import fuse
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_config, method_of
from peft_core.reviews.batches import encode, fixed_widths, make_batches
from peft_core.reviews.checks import check_text
from peft_core.reviews.config import DataConfig
from peft_core.reviews.splits import LABEL_WORDS, data_fingerprint
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.t5.precision import cast, set_backbone_dropout
from peft_core.training.device import compute_dtype, pick_device
from peft_core.training.loop import Trainer
from peft_core.training.measuring import MeasuredSplit, Rows

Label = int | str


@dataclass(frozen=True)
class FineTuned:
    """A model trained on texts of one's own, in fp32 on the CPU, and what it gets right of those it was not trained on.

    The held-out texts also chose which of the weights on the way are kept, so `validation` is a little optimistic.
    """

    model: nn.Module
    method: MethodConfig
    backbone: Backbone
    max_length: int
    trained_on: int
    untrained: Accuracy  # of the base model, on the texts held out
    validation: Accuracy

    def classify(self, texts: str | Sequence[str]) -> list[Prediction]:
        """One prediction a text, in order.

        Raises:
            PeftClassroomError: for no text, or an empty or far too long one.
        """
        return Predictor(self.backbone).classify_with_model(texts, self.model, self.max_length)

    def save(self, folder: str | Path) -> Path:
        """Write a checkpoint that every page and command reads.

        Raises:
            PeftClassroomError: if `folder` exists already.
        """
        source = f"fine_tune on {self.trained_on:,} texts of one's own"
        return save_model(self.model, self.method, self.backbone, folder, self.max_length, source)


def fine_tune(
    texts: Sequence[str],
    labels: Sequence[Label],
    method: MethodConfig | str = "lora",
    base: str = "tiny-t5",
    train: TrainConfig | None = None,
    max_length: int = DataConfig().max_length,
    held_out: float = 0.2,
) -> FineTuned:
    """Put `method` on the base model, train it on the texts, keep the weights that are best on those held out.

    Args:
        labels: of each text 0 or "negative", 1 or "positive": T5 answers with these two words.
        method: a configuration, or a method's name for its own defaults.
        train: epochs, batch size, rate and the like; few texts need more than the two epochs of its default.
        max_length: tokens of a text that are read, a multiple of 16.
        held_out: share of each label's texts that is not trained on; copies of a text stay together.

    Raises:
        PeftClassroomError: if texts and labels do not fit, a label is another word, or there are too few texts.
    """
    config, train = method_config(method) if isinstance(method, str) else method, train or TrainConfig()
    cleaned, truth = checked(texts, labels)
    max_length = DataConfig(max_length=max_length).max_length
    inside, outside = hold_out(cleaned, truth, held_out, train.seed)
    backbone, device = load_backbone(base), pick_device()
    kept = _rows(backbone, cleaned, truth, outside, max_length)
    model = _trained(config, backbone, train, _rows(backbone, cleaned, truth, inside, max_length), kept, device)
    on_cpu = MeasuredSplit(kept, backbone, torch.device("cpu"))
    return FineTuned(
        model, config, backbone, max_length, len(inside), on_cpu.accuracy(backbone.model), on_cpu.accuracy(model)
    )


def checked(texts: Sequence[str], labels: Sequence[Label]) -> tuple[list[str], list[int]]:
    """The texts as models read them, and their labels as 0 and 1.

    Raises:
        PeftClassroomError: if there are not as many of both, a label is none, or one text has two labels.
    """
    if isinstance(texts, str) or isinstance(labels, str) or len(texts) != len(labels):
        raise PeftClassroomError("Give a list of texts and a list of as many labels.")
    known = {word: number for number, word in enumerate(LABEL_WORDS)} | {0: 0, 1: 1}
    for label in labels:
        if label not in known:
            raise PeftClassroomError(f"A label is 0 or 1, {LABEL_WORDS[0]!r} or {LABEL_WORDS[1]!r}, not {label!r}.")
    cleaned, truth = [check_text(text) for text in texts], [known[label] for label in labels]
    first = dict(zip(reversed(cleaned), reversed(truth), strict=True))
    if two := next((text for text, label in zip(cleaned, truth, strict=True) if first[text] != label), None):
        raise PeftClassroomError(f"The text {two[:60]!r} has both labels.")
    return cleaned, truth


def hold_out(texts: Sequence[str], labels: Sequence[int], share: float, seed: int) -> tuple[list[int], list[int]]:
    """Row numbers to train on, and to measure on: of each label `share` of its different texts, at least one.

    Raises:
        PeftClassroomError: if a label has fewer than two different texts, or nothing would be left to train on.
    """
    generator = np.random.default_rng(seed)
    outside: set[str] = set()
    for label, word in enumerate(LABEL_WORDS):
        different = list(dict.fromkeys(text for text, own in zip(texts, labels, strict=True) if own == label))
        count = max(1, round(share * len(different)))
        if not 0 < share < 1 or count >= len(different):
            raise PeftClassroomError(
                f"{len(different)} different texts are {word}: too few to hold out {share:.0%} and train on the rest."
            )
        outside |= {different[place] for place in generator.choice(len(different), count, replace=False)}
    rows = range(len(texts))
    return [row for row in rows if texts[row] not in outside], [row for row in rows if texts[row] in outside]


def _rows(
    backbone: Backbone, texts: Sequence[str], labels: Sequence[int], chosen: Sequence[int], max_length: int
) -> Rows:
    read, truth = [texts[row] for row in chosen], [labels[row] for row in chosen]
    encoded = encode(backbone.tokenizer, read, backbone.base.prefix, max_length)
    return Rows(encoded, np.array(truth), data_fingerprint(read, truth), max_length)


def _trained(
    method: MethodConfig, backbone: Backbone, train: TrainConfig, rows: Rows, kept: Rows, device: torch.device
) -> nn.Module:
    """The best weights of the run, over the backbone's own in fp32: as a checkpoint is loaded."""
    start, pad_id = prompt_ids(backbone, method), backbone.tokenizer.pad_token_id
    model = backbone.own_copy()
    set_backbone_dropout(model, train.backbone_dropout)
    torch.manual_seed(train.seed)
    model = fuse(apply_method(model, method, start), device)
    cast(model, compute_dtype(device))
    model.to(device)
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
