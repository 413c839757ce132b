"""`--data FILE.csv`: a file of one's own as the task of a run, or to measure and to compare what has learned one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft_core.cli.tables import Told, columns_of_file
from peft_core.config import RunConfig, presets_of
from peft_core.errors import PeftClassroomError
from peft_core.reviews.config import Learned
from peft_core.reviews.own.classes import of_these_classes, rows_with_both
from peft_core.reviews.own.splitting import folded
from peft_core.reviews.own.stored import BOUNDS, Brought, StoredTexts, bring, texts_beside
from peft_core.reviews.spreadsheet import Table

ALL_USED = ("source", "train_size", "validation_size", "test_size")  # of own texts everything is read


def own_texts(file: str | None, told: Told, given: Mapping[str, Any]) -> tuple[Brought, Table] | None:
    """The texts in `file`, checked and split, and the table they came from; None without a file.

    Raises:
        PeftClassroomError: if the file cannot be read or learned from, its columns are not named, or an option does not
            go with it.
    """
    check_file_named(file, told, given.get("task") == "own")
    if file is None:
        return None
    if "task" in given:
        raise PeftClassroomError(f"--data is a task of its own: leave --task {given['task']} out.")
    if unused := [name for name in ALL_USED if name in given]:
        raise PeftClassroomError(f"Of --data all texts are used: leave --{unused[0].replace('_', '-')} out.")
    texts, cells, table = columns_of_file(file, told, BOUNDS)
    return bring(texts, cells), table


def check_file_named(file: str | None, told: Told, needed: bool = False) -> None:
    """Raises PeftClassroomError if options say how a file is read, or one is needed, and none is named."""
    if file is None and (needed or told != Told()):
        raise PeftClassroomError("Texts of your own are in a file: name it with --data FILE.csv.")


def on_own_texts(brought: Brought, config: RunConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of `config` for these texts. What is not given is as the shortest preset for so many has it."""
    from peft_core.reviews.own.classes import label_words
    from peft_core.t5.backbone import load_tokenizer

    preset = next(iter(presets_of("own", len(brought.texts.train)).values()))
    usual = {"epochs": preset.epochs, "batch_size": preset.batch_size}
    length = config.data.max_length if "max_length" in given else preset.max_length
    words = label_words(brought.labels, load_tokenizer(config.base))
    train = config.train.model_dump() | {name: value for name, value in usual.items() if name not in given}
    return {"data": brought.texts.data(brought.labels, words, length), "train": train}


def said_of(brought: Brought, config: RunConfig) -> list[str]:
    """What a person should see before the run: classes, words, splits, and what was left out."""
    (one, other), (few, many), own = brought.labels, brought.counts, config.data.own
    train, validation, test = brought.texts.sizes
    left = f"; {brought.left_out:,} rows without a text or a label are left out" if brought.left_out else ""
    copies = f"; {brought.copies:,} copies stay with their text" if brought.copies else ""
    return [
        f"classes: {one} ({few:,}), {other} ({many:,}){left}{copies}",
        f"answered with the words {own.words[0]!r} and {own.words[1]!r}",
        f"{train:,} texts to train on, {validation:,} to validate on, {test:,} to test on; batches of "
        f"{config.train.batch_size}, {config.train.epochs} passes",
    ]


def word_counts_of(brought: Brought) -> dict[str, float]:
    """The accuracy of word counts on the same test texts."""
    from peft_core.reviews.word_counts import count_words

    return {"word_counts_test_accuracy": count_words(brought.texts.splits(), at_least=1).test.accuracy}


@dataclass(frozen=True)
class More:
    """Texts of the two classes that a checkpoint knows, as models read them, their labels, and what is to be said."""

    texts: list[str]
    labels: list[int]
    said: list[str]


def learned_texts(file: str, told: Told, learned: Learned) -> tuple[StoredTexts | None, Table]:
    """The texts in `file`, split as they were to be learned; None if they are not the ones that `learned` names.

    Raises:
        PeftClassroomError: if the file cannot be read, or its columns are not named.
    """
    texts, cells, table = columns_of_file(file, told, BOUNDS)
    try:
        found = bring(texts, cells, learned.labels).texts
    except PeftClassroomError:  # nothing that could have been learned
        return None, table
    return (found if learned.own and found.sha256 == learned.own.sha256 else None), table


def more_texts(file: str, told: Told, learned: Learned, checkpoint: Path) -> More:
    """Other texts of the same two classes. Those that it was trained or chosen on are left out, where that is known.

    Raises:
        PeftClassroomError: if the file cannot be read, a label is of neither class, or nothing is left to measure on.
    """
    cells_of_texts, cells, _ = columns_of_file(file, told, BOUNDS)
    texts, labels = of_these_classes(cells_of_texts, cells, learned.labels)
    said = []
    if lacking := len(cells) - len(rows_with_both(cells_of_texts, cells)):
        said.append(f"{lacking:,} rows without a text or a label are left out.")
    if stored := texts_beside(checkpoint, learned):
        seen = {folded(text) for text, _ in (*stored.train, *stored.validation)}
        kept = [place for place, text in enumerate(texts) if folded(text) not in seen]
        if not kept:
            raise PeftClassroomError("It was trained or chosen on all of these texts. Measure it on others.")
        if len(kept) < len(texts):
            said.append(f"{len(texts) - len(kept):,} texts that it was trained or chosen on are left out.")
        texts, labels = [texts[place] for place in kept], [labels[place] for place in kept]
    elif learned.own:
        said.append("Which of these texts it was trained on is not known here; on those it is no test.")
    counts = " and ".join(f"{labels.count(label):,} {name}" for label, name in enumerate(learned.labels))
    return More(texts, labels, [*said, f"{len(texts):,} texts: {counts}."])
