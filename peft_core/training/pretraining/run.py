"""How the bundled base models were made: a small T5 learns from a sentence encoder what tokens mean, and to answer.

    loss = mean over layers and tokens of 1 − cos( Wₗ·student(x)ₗ,ₜ + bₗ , teacher(x)ₜ )
           + λ · cross-entropy( decoder's first word, teacher's p("positive") )    of a window x of a training review
    every n-th step instead: −log p("positive", end) of labelled Rotten Tomatoes snippets

The student (student.py) reads the teacher's WordPiece tokens. What the teacher is and says: teacher.py. The first sum
teaches the encoder what tokens mean in context, the rest teaches the decoder to answer in words, as T5's own mixture
of tasks contained SST-2 (Raffel et al. 2020, section 2.3).
No IMDB label is used, and no validation or test review is ever read.

Batches depend on (seed, step) alone and the state is saved every few minutes: a stopped run goes on exactly.
"""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from peft_core.files import make_writable
from peft_core.methods.fast import fuse
from peft_core.paths import cache_dir
from peft_core.reviews.batches import Batch
from peft_core.t5.backbone import label_ids, load_backbone
from peft_core.training.loop.gradients import gradients, slices_for
from peft_core.training.loop.masters import Masters
from peft_core.training.pretraining.config import PretrainConfig
from peft_core.training.pretraining.plan import WIDTH_STEP, batch_rows, learning_rate_at, rms_scaled_adamw, set_rates
from peft_core.training.pretraining.student import (
    blocks_of_base,
    empty_student,
    layers_of_teacher,
    student_tokenizer,
    words_of_teacher,
)
from peft_core.training.pretraining.teacher import (
    SNIPPETS_HELD_OUT,
    TeacherStore,
    framed_rows,
    review_windows,
    sentiment_teacher,
    snippets,
)

PREFIX = "sentiment: "


def snippet_task(tokenizer, teacher_tokenizer, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Labelled snippets as text-to-text: ids (N, width) and targets (N, 2) = label word, end of text."""
    texts, labels = snippets()
    encoded = teacher_tokenizer(texts, add_special_tokens=False)["input_ids"]
    rows = framed_rows(teacher_tokenizer, encoded, PREFIX, width)[:, 1:]
    words = np.array(label_ids(tokenizer))
    return rows, np.stack([words[labels], np.full(len(labels), tokenizer.eos_token_id)], 1)


@torch.inference_mode()
def snippet_accuracy(model, ids: np.ndarray, targets: np.ndarray, words: tuple[int, int]) -> float:
    """Share of held-out snippets whose label word has the higher logit after one decoder step."""
    logits = first_words(model, torch.from_numpy(ids))[0][:, list(words)]
    return (torch.tensor(words)[logits.argmax(-1)] == torch.from_numpy(targets[:, 0])).float().mean().item()


def first_words(model, ids: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """ids (batch, length), 0 is padding → logits (batch, vocabulary) of one decoder step, encoder's hidden states"""
    start = torch.full((len(ids), 1), model.config.decoder_start_token_id)
    out = model(
        input_ids=ids,
        attention_mask=(ids != 0).long(),
        decoder_input_ids=start,
        use_cache=False,
        output_hidden_states=True,
    )
    return out.logits[:, 0], out.encoder_hidden_states


# ---------------------------------------------------------------------------------------------------------------------
# The run


class Pretraining:
    """One resumable pretraining run in `work` (state.safetensors, log.jsonl)."""

    def __init__(self, config: PretrainConfig, work: Path) -> None:
        self.config, self.work = config, work
        make_writable(work)
        cache = cache_dir() / "pretraining"
        teacher, teacher_tokenizer = sentiment_teacher(cache / "teacher", PREFIX, self.log)
        hidden, self.teacher_accuracy = teacher.encoder.config.hidden_size, teacher.held_out_accuracy
        self.tokenizer = student_tokenizer(teacher_tokenizer)
        self.words = label_ids(self.tokenizer)
        before = len(teacher_tokenizer(PREFIX, add_special_tokens=False)["input_ids"]) + 1
        windows = review_windows(teacher_tokenizer, config.window - before, config.max_reviews)
        rows = framed_rows(teacher_tokenizer, windows, PREFIX, config.window)
        layers = tuple(config.taught.values())
        name = f"states-{config.window}-{'-'.join(map(str, layers))}-{config.max_reviews or 'all'}"
        self.store = TeacherStore(cache / name, rows, hidden, layers)
        self.store.fill(teacher, self.log)
        self.lengths = (rows != 0).sum(1) - 1  # the student reads no [CLS]
        self.states, self.positive = self.store.states(), self.store.positive()
        self.model = self._student(teacher.encoder)
        self.maps = nn.ModuleList(nn.Linear(config.d_model, hidden) for _ in layers)
        if config.from_layers or config.from_base:
            for linear in self.maps:
                nn.init.eye_(linear.weight)
        self.named = {f"model.{n}": p for n, p in self.model.named_parameters()}
        self.named |= {f"maps.{n}": p for n, p in self.maps.named_parameters()}
        self.masters = Masters(self.named, before_cast=True)
        self.model.to(torch.bfloat16)
        self.maps.to(torch.bfloat16)
        fuse(self.model, torch.device("cpu"))
        self.slices = slices_for(self.model, torch.device("cpu"), config.batch_size)
        self.optimizer = rms_scaled_adamw(list(self.masters.values()))
        self.snippets, self.answers = snippet_task(self.tokenizer, teacher_tokenizer, config.snippet_width)
        self.step, self.seconds = 0, 0.0

    def _student(self, bert: nn.Module):
        config = self.config
        shape = {
            "d_model": config.d_model,
            "d_ff": config.d_ff,
            "num_heads": config.num_heads,
            "num_layers": config.encoder_layers,
            "num_decoder_layers": config.decoder_layers,
        }
        model = empty_student(shape, self.tokenizer, config.seed)
        if config.from_layers:
            layers_of_teacher(model, bert, config.window)
        elif config.from_base:
            blocks_of_base(model, load_backbone(config.from_base).model, config.kept_blocks)
        else:
            words_of_teacher(model, bert.get_input_embeddings().weight.detach())
        return model

    def log(self, **fields) -> None:
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S"), **fields})
        with (self.work / "log.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    # -- state ---------------------------------------------------------------------------------------------------
    def save_state(self) -> None:
        tensors = {name: p.detach().contiguous() for name, p in self.masters.items()}
        tensors |= self.masters.adam_state(self.optimizer)
        temporary = self.work / "state.tmp"
        save_file(tensors, temporary, {"step": str(self.step), "seconds": str(self.seconds)})
        temporary.replace(self.work / "state.safetensors")

    def load_state(self) -> None:
        from safetensors import safe_open

        path = self.work / "state.safetensors"
        if not path.exists():
            return
        with safe_open(path, "pt") as file:
            meta = file.metadata()
        self.step, self.seconds = int(meta["step"]), float(meta["seconds"])
        tensors = load_file(path)
        for name, p in self.masters.items():
            p.data.copy_(tensors[name])
        self.masters.load_adam_state(self.optimizer, tensors)  # a tensor that one task moves counts that task's steps
        self.masters.to_model()
        self.log(event="resumed", step=self.step)

    # -- steps ---------------------------------------------------------------------------------------------------
    def window_batch(self, index: int) -> Batch:
        """The `index`-th batch of windows, as long as its longest."""
        chosen = batch_rows(self.lengths, self.config.batch_size, index, self.config.seed)
        ids = self.store.rows[chosen][:, 1:]
        return _batch(ids, chosen)

    def window_loss(self, batch: Batch, tokens: int, rows: int) -> torch.Tensor:
        """What these rows add to the loss of a batch that has `tokens` and `rows` in all."""
        logits, hidden = first_words(self.model, torch.from_numpy(batch.input_ids))
        loss = torch.zeros(())
        for distance in self.distances(batch, hidden):
            loss = loss + distance.sum() / (tokens * len(self.maps))
        p = torch.from_numpy(self.positive[batch.rows])
        answer = torch.log_softmax(logits.float(), -1)[:, list(self.words)]
        surprise = -(1 - p) * answer[:, 0] - p * answer[:, 1]
        return loss + self.config.sentiment_weight * surprise.sum() / rows

    def distances(self, batch: Batch, hidden: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """1 − cosine to the teacher, of every token of the batch (tokens,): for each layer that is taught."""
        mask = torch.from_numpy(batch.attention_mask) != 0
        wanted = torch.from_numpy(self.states[batch.rows][:, :, : mask.shape[1]].astype(np.float32))
        mapped = [
            linear(hidden[blocks][mask]).float() for blocks, linear in zip(self.config.taught, self.maps, strict=True)
        ]
        return [1 - F.cosine_similarity(m, wanted[:, place][mask], dim=-1) for place, m in enumerate(mapped)]

    def snippet_batch(self, index: int) -> Batch:
        """The `index`-th batch of labelled snippets that may be learned from."""
        count = len(self.snippets) - SNIPPETS_HELD_OUT
        lengths = (self.snippets[:count] != 0).sum(1)
        chosen = batch_rows(lengths, self.config.snippet_batch_size, index, self.config.seed)
        return _batch(self.snippets[chosen], chosen)

    def snippet_loss(self, batch: Batch, rows: int) -> torch.Tensor:
        """What these rows add to the loss, a mean over target tokens, of a batch that has `rows` in all."""
        ids, answers = torch.from_numpy(batch.input_ids), torch.from_numpy(self.answers[batch.rows])
        logits = self.model(input_ids=ids, attention_mask=(ids != 0).long(), labels=answers, use_cache=False).logits
        return (
            F.cross_entropy(logits.float().flatten(0, 1), answers.flatten(), reduction="sum")
            / answers[0].numel()
            / rows
        )

    def one_step(self) -> tuple[str, float]:
        """Each task sees a gradient of its own; AdamW skips the tensors that got none."""
        every = self.config.snippet_every
        snippet = self.step % every == every - 1
        if snippet:
            batch = self.snippet_batch(self.step // every)
            names = [name for name in self.named if not name.startswith("maps.")]
            loss = lambda part: self.snippet_loss(part, len(batch.rows))  # noqa: E731
        else:
            batch = self.window_batch(self.step - self.step // every)
            names, tokens = list(self.named), int(batch.attention_mask.sum())
            loss = lambda part: self.window_loss(part, tokens, len(batch.rows))  # noqa: E731
        value, grads = gradients(loss, [self.named[name] for name in names], batch, self.slices)
        for master in self.masters.values():
            master.grad = None
        for name, grad in zip(names, grads, strict=True):
            self.masters[name].grad = grad
        torch.nn.utils.clip_grad_norm_(list(self.masters.values()), self.config.max_grad_norm)
        set_rates(self.optimizer, learning_rate_at(self.step, self.config))
        self.optimizer.step()
        self.masters.to_model()
        self.step += 1
        return ("snippet" if snippet else "window"), value

    def run(self, save_every_seconds: float = 240, log_every: int = 50) -> dict:
        """Train to the last step; returns the figures of the model card."""
        self.load_state()
        losses: dict[str, list[float]] = {"window": [], "snippet": []}
        started = saved = time.monotonic()
        before = self.seconds
        while self.step < self.config.steps:
            kind, loss = self.one_step()
            losses[kind].append(loss)
            self.seconds = before + time.monotonic() - started
            last = self.step == self.config.steps
            if self.step % log_every == 0 or last:
                figures = {k: round(float(np.mean(v[-log_every:])), 4) for k, v in losses.items() if v}
                if self.step % (log_every * 4) == 0 or last:
                    figures |= self.held_out()
                self.log(event="step", step=self.step, seconds=round(self.seconds), **figures)
            if last or time.monotonic() - saved > save_every_seconds:
                self.save_state()
                saved = time.monotonic()
        return {
            "steps": self.step,
            "seconds": round(self.seconds),
            "windows": len(self.store.rows),
            "snippets_held_out": SNIPPETS_HELD_OUT,
            "teacher_accuracy": self.teacher_accuracy,
            **self.held_out(),
        }

    @torch.inference_mode()
    def held_out(self) -> dict[str, float]:
        """Accuracy on the held-out snippets, and on some windows the distance to the teacher, a number a layer.

        The windows are training windows, met in every pass: the distance says how near the student came, no more.
        """
        self.model.eval()
        accuracy = snippet_accuracy(
            self.model, self.snippets[-SNIPPETS_HELD_OUT:], self.answers[-SNIPPETS_HELD_OUT:], self.words
        )
        batch = self.window_batch(0)
        _, hidden = first_words(self.model, torch.from_numpy(batch.input_ids))
        distances = {
            f"distance_after_{blocks}": round(distance.mean().item(), 4)
            for blocks, distance in zip(self.config.taught, self.distances(batch, hidden), strict=True)
        }
        self.model.train()
        return {"snippet_accuracy": round(accuracy, 4), **distances}


def _batch(ids: np.ndarray, rows: np.ndarray) -> Batch:
    """Rows of ids without the padding that none of them needs, of a width that is a multiple of WIDTH_STEP tokens."""
    longest = int((ids != 0).sum(1).max())
    ids = ids[:, : math.ceil(longest / WIDTH_STEP) * WIDTH_STEP]
    return Batch(ids, (ids != 0).astype(np.int64), rows)
