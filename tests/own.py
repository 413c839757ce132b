"""Texts of somebody's own, of two classes that one word tells apart, as a class might bring them."""

from collections.abc import Sequence
from pathlib import Path

from peft_core.checkpoints.files import save_checkpoint
from peft_core.checkpoints.record import Measured, RunRecord
from peft_core.checkpoints.stored_answers import decimals
from peft_core.reviews.draws import drawn_fingerprints, run_fingerprint
from peft_core.reviews.own.stored import Brought, StoredTexts, bring, write_texts
from peft_core.statistics.intervals import wilson
from tests.trained import make_record

LIVELY, DULL = "good lively funny", "bad dull sad"
THINGS = ("film", "plot", "actor", "scene", "a film", "the plot", "a scene", "i")
SAID = [(f"the {thing} was {how}", how in LIVELY) for how in f"{LIVELY} {DULL}".split() for thing in THINGS]
TEXTS = [text for text, _ in SAID]
HEADER, NAMES = "what was said;kind", ("dull", "lively")  # both names are tokens of the tests' tokenizer


def brought(names: tuple[str, str] = NAMES) -> Brought:
    """The 48 texts, with classes of these names in alphabetical order."""
    return bring(TEXTS, [names[is_lively] for _, is_lively in SAID])


def stored() -> StoredTexts:
    """The same, split."""
    return brought().texts


def as_csv(names: tuple[str, str] = NAMES) -> str:
    """The same as a file."""
    return "\n".join([HEADER, *(f"{text};{names[is_lively]}" for text, is_lively in SAID)])


def run_on_own_texts(folder: Path, backbone, method, model, right: Sequence[bool], labels=NAMES) -> RunRecord:
    """A run's folder as the app leaves it: texts, checkpoint, and answers that are right on these of the test texts."""
    data, splits = stored().data(labels, NAMES, 64), stored().splits()
    truth = splits["test"]["label"]
    answers = decimals([0.9 if is_right == (label == 1) else 0.2 for is_right, label in zip(right, truth, strict=True)])
    made = make_record(backbone, method)
    changed = {
        "name": f"LoRA r={method.r}, own texts",
        "config": made.config.model_copy(update={"data": data}),
        "data_fingerprint": run_fingerprint([*drawn_fingerprints(data, 0, splits).values()]),
        "test": Measured.of("test", wilson(sum(right), len(right))),
        "test_probabilities": answers,
    }
    record = RunRecord(**dict(made) | changed)
    save_checkpoint(model, record, backbone, folder / "checkpoint")
    write_texts(folder, stored())
    return record
