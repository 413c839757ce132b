"""Own texts and their labels: which two classes there are, and what cannot be learned from. No torch here."""

from collections import Counter
from collections.abc import Sequence

from peft_core.errors import PeftClassroomError
from peft_core.reviews.checks import check_text
from peft_core.reviews.config import MAX_NAME
from peft_core.reviews.own.splitting import folded
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.validated import shortened

MIN_TEXTS, MAX_TEXTS = 20, 5_000
MIN_DIFFERENT = 5  # texts of a class: one to validate on, one to test on, and some to learn from
MIN_SHARE = 0.1  # of the rarer class: below it, always answering the other one is right nine times in ten
MAX_TOTAL = 5_000_000  # characters
OTHER_WORDS = ("bad", "good")  # where the names are no single tokens
SHOWN = 40  # characters of a text in a sentence

Label = int | str


def classes_of(cells: Sequence[str], told: tuple[str, str] | None = None) -> tuple[str, str]:
    """The names of the two classes in a column of labels, each as it is mostly spelt.

    Args:
        told: both of them in the order that a person has said; None: in alphabetical order.

    Raises:
        PeftClassroomError: if there are not two, or a name is too long to be shown.
    """
    spelt: dict[str, Counter[str]] = {}
    for cell in cells:
        if name := class_name(cell):
            spelt.setdefault(name.casefold(), Counter())[name] += 1
    order = [name.casefold() for name in told or ()]
    keys = order if set(order) == set(spelt) else sorted(spelt)
    names = [max(spelt[key], key=lambda name, key=key: spelt[key][name]) for key in keys]
    if len(names) != 2:
        listed = ", ".join(shortened(name, SHOWN) for name in names[:5]) or "none"
        more = ", …" if len(names) > 5 else ""
        raise PeftClassroomError(
            f"The column of labels has {len(names):,} different ones ({listed}{more}); what is learned here are two "
            "classes. Choose another column, or bring only the rows of two classes."
        )
    for name in names:
        if len(name) > MAX_NAME:
            raise PeftClassroomError(
                f"The class {shortened(name, SHOWN)!r} has a name of {len(name):,} characters; at most {MAX_NAME} can "
                "be shown. Is this the column of the labels?"
            )
    return names[0], names[1]


def class_name(cell: str) -> str:
    """A cell of a column of labels as a name on one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in cell).split())


def rows_with_both(texts: Sequence[str], cells: Sequence[str]) -> list[tuple[str, str]]:
    """The texts beside the names in their column of labels, without the rows that lack one of the two."""
    named = ((text, class_name(cell)) for text, cell in zip(texts, cells, strict=True))
    return [(text, name) for text, name in named if text.strip() and name]


def of_these_classes(texts: Sequence[str], cells: Sequence[str], names: Sequence[str]) -> tuple[list[str], list[int]]:
    """More texts of two classes that a model knows already, as it reads them, and their labels as 0 and 1.

    Rows without a text or without a label are left out.

    Raises:
        PeftClassroomError: if there are none, a label is of neither class, or one text has both.
    """
    rows = rows_with_both(texts, cells)
    if not rows:
        raise PeftClassroomError("No row has a text and a label. Are these the two columns?")
    known = [folded(name) for name in names]
    if other := dict.fromkeys(name for _, name in rows if folded(name) not in known):
        listed = ", ".join(repr(shortened(name, SHOWN)) for name in list(other)[:5]) + (", …" if len(other) > 5 else "")
        raise PeftClassroomError(
            f"The two classes of this checkpoint are {names[0]!r} and {names[1]!r}; the column of labels also has "
            f"{listed}. Choose another column, or leave these rows out."
        )
    return checked([text for text, _ in rows], [name for _, name in rows], names)


def checked(
    texts: Sequence[str], labels: Sequence[Label], names: Sequence[str] = LABEL_WORDS
) -> tuple[list[str], list[int]]:
    """The texts as models read them, and their labels as 0 and 1.

    Args:
        labels: of each text 0 or 1, or the class's name.

    Raises:
        PeftClassroomError: if there are not as many of both, a label is none, or one text has two labels.
    """
    if isinstance(texts, str) or isinstance(labels, str) or len(texts) != len(labels):
        raise PeftClassroomError("Give a list of texts and a list of as many labels.")
    known: dict[Label, int] = {folded(name): number for number, name in enumerate(names)} | {0: 0, 1: 1}
    truth = [known.get(folded(label) if isinstance(label, str) else label) for label in labels]
    if None in truth:
        wrong = shortened(repr(labels[truth.index(None)]), SHOWN)
        raise PeftClassroomError(f"A label is 0 or 1, {names[0]!r} or {names[1]!r}, not {wrong}.")
    cleaned = [check_text(text) for text in texts]
    check_contradictions(cleaned, truth)
    return cleaned, truth


def check_contradictions(texts: Sequence[str], labels: Sequence[int]) -> None:
    """Raises PeftClassroomError if one text, in whatever case, has both labels."""
    first: dict[str, int] = {}
    for text, label in zip(texts, labels, strict=True):
        if first.setdefault(folded(text), label) != label:
            raise PeftClassroomError(
                f"The text {shortened(text, SHOWN)!r} has both labels. Correct one of them, or leave the text out."
            )


def check_enough(texts: Sequence[str], labels: Sequence[int], names: Sequence[str] = LABEL_WORDS) -> None:
    """See that there is enough to learn from, and not too much for a class.

    Raises:
        PeftClassroomError: if there are too few or too many texts, or too few of one class.
    """
    if not MIN_TEXTS <= len(texts) <= MAX_TEXTS:
        raise PeftClassroomError(f"Bring {MIN_TEXTS} to {MAX_TEXTS:,} texts with a label; these are {len(texts):,}.")
    if (total := sum(map(len, texts))) > MAX_TOTAL:
        raise PeftClassroomError(
            f"The texts have {total:,} characters together; at most {MAX_TOTAL:,} are possible. Bring fewer of them."
        )
    counts = Counter(labels)
    rarer = min((0, 1), key=lambda label: counts[label])
    if counts[rarer] < MIN_SHARE * len(texts):
        raise PeftClassroomError(
            f"{counts[rarer]:,} of {len(texts):,} texts are {names[rarer]}, less than {MIN_SHARE:.0%}: a model that "
            f"never says {names[rarer]} would be right {1 - counts[rarer] / len(texts):.0%} of the time. Bring more "
            "of them, or fewer of the others."
        )
    for label, name in enumerate(names):
        different = len({folded(text) for text, own in zip(texts, labels, strict=True) if own == label})
        if different < MIN_DIFFERENT:
            raise PeftClassroomError(
                f"{different} different texts are {name}; each class needs at least {MIN_DIFFERENT}. Bring more."
            )


def label_words(labels: Sequence[str], tokenizer) -> tuple[str, str]:
    """What T5 is to answer with: the classes' names, if each is one token of its own; else "bad" and "good"."""
    names = (labels[0], labels[1])
    lower = (labels[0].casefold(), labels[1].casefold())
    return next((pair for pair in (names, lower, OTHER_WORDS) if _one_token_each(pair, tokenizer)), LABEL_WORDS)


def _one_token_each(words: tuple[str, str], tokenizer) -> bool:
    ids = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
    return all(len(own) == 1 and own[0] != tokenizer.unk_token_id for own in ids) and ids[0] != ids[1]
