"""How `checkpoints/base/tiny-t5` was made: a small T5 that learns from a sentence encoder.

    loss = 1 − cos( W·student(x)ₜ , teacher(x)ₜ )    averaged over the tokens t of a window of a training review
    every n-th step instead: −log p("positive" | "sentiment: …") on labelled Rotten Tomatoes snippets

The student (T5, d_model 256) reads the teacher's WordPiece tokens, and its embeddings start as the teacher's on their
first 256 principal components. The first loss teaches the encoder what tokens mean in context; the second teaches the
decoder to answer in words, as T5's own pretraining mixture contained SST-2 (Raffel et al. 2020, section 2.3).
No IMDB label is used, and no validation or test review is ever read.

Batches depend on (seed, step) alone and the state is saved every few minutes: a stopped run goes on exactly.
"""

import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from peft_core.data import LABEL_WORDS, load_source
from peft_core.distillation import TeacherStore, load_teacher, review_rows
from peft_core.paths import cache_dir

PREFIX = "sentiment: "
SNIPPETS_HELD_OUT = 800
SENTINELS = 100
ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")
VOCABULARY_MULTIPLE = 128  # rounded up so that matrix products have even sizes


class PretrainConfig(BaseModel):
    """Shape, data and schedule of the base model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    d_model: int = Field(256, ge=16)
    d_ff: int = Field(1024, ge=16)
    num_heads: int = Field(8, ge=1)
    encoder_layers: int = Field(4, ge=1)
    decoder_layers: int = Field(2, ge=1)
    window: int = Field(128, ge=8, description="tokens of a review in one training row")
    batch_size: int = Field(64, ge=1)
    snippet_batch_size: int = Field(32, ge=1)
    snippet_width: int = Field(64, ge=8)
    snippet_every: int = Field(8, ge=2, description="every n-th step is a batch of the snippet task")
    steps: int = Field(4400, ge=1)
    warmup_steps: int = Field(100, ge=0)
    decay_fraction: float = Field(0.25, gt=0, le=1, description="last part of the run, rate falls linearly to zero")
    learning_rate: float = Field(2e-2, gt=0, description="times each tensor's root mean square")
    max_grad_norm: float = Field(1.0, gt=0)
    max_reviews: int | None = Field(None, ge=2, description="fewer training reviews, for a trial")
    seed: int = 0


# ---------------------------------------------------------------------------------------------------------------------
# Student


def student_tokenizer(teacher_tokenizer) -> PreTrainedTokenizerFast:
    """The teacher's WordPiece vocabulary with T5's habits: no [CLS], [SEP] ends a text, 100 sentinels."""
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    backend = Tokenizer.from_str(teacher_tokenizer.backend_tokenizer.to_str())
    backend.post_processor = TemplateProcessing(
        single="$A [SEP]", special_tokens=[("[SEP]", teacher_tokenizer.sep_token_id)]
    )
    backend.no_truncation()
    backend.no_padding()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        eos_token="[SEP]",
        unk_token="[UNK]",
        additional_special_tokens=[f"<extra_id_{i}>" for i in range(SENTINELS)],
        model_max_length=512,
    )


def build_student(config: PretrainConfig, tokenizer, teacher_embeddings: torch.Tensor) -> T5ForConditionalGeneration:
    """A T5 v1.0 whose token embeddings are the teacher's, centred, on their first d_model principal components."""
    torch.manual_seed(config.seed)
    vocabulary = math.ceil(len(tokenizer) / VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=vocabulary,
            d_model=config.d_model,
            d_kv=config.d_model // config.num_heads,
            d_ff=config.d_ff,
            num_layers=config.encoder_layers,
            num_decoder_layers=config.decoder_layers,
            num_heads=config.num_heads,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.pad_token_id,
            dropout_rate=0.0,  # windows outnumber epochs: nothing is seen often enough to overfit
        )
    )
    centred = teacher_embeddings.float() - teacher_embeddings.float().mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    projected = centred @ directions[: config.d_model].T
    model.shared.weight.data[: len(projected)] = projected / projected.std()
    model.set_attn_implementation("eager")  # the trainable position bias keeps SDPA off its fast path
    return model


def snippet_task(tokenizer, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotten Tomatoes snippets as text-to-text: ids (N, width) and targets (N, 2) = label word, end of text."""
    rows = load_source("rotten_tomatoes")
    order = np.random.default_rng(0).permutation(len(rows))
    texts = [PREFIX + rows["text"][int(i)] for i in order]
    encoded = tokenizer(texts, truncation=True, max_length=width, padding="max_length")["input_ids"]
    words = [tokenizer.convert_tokens_to_ids(word) for word in LABEL_WORDS]
    targets = [[words[rows["label"][int(i)]], tokenizer.eos_token_id] for i in order]
    return np.array(encoded), np.array(targets)


@torch.inference_mode()
def snippet_accuracy(model, ids: np.ndarray, targets: np.ndarray, words: list[int]) -> float:
    """Share of held-out snippets whose label word has the higher logit after one decoder step."""
    model.eval()
    start = torch.full((len(ids), 1), model.config.decoder_start_token_id)
    rows = torch.from_numpy(ids)
    mask = (rows != 0).long()
    logits = model(input_ids=rows, attention_mask=mask, decoder_input_ids=start, use_cache=False).logits[:, 0]
    model.train()
    guesses = logits[:, words].argmax(-1)
    return (torch.tensor(words)[guesses] == torch.from_numpy(targets[:, 0])).float().mean().item()


# ---------------------------------------------------------------------------------------------------------------------
# Optimisation


def learning_rate_at(step: int, config: PretrainConfig) -> float:
    """Warm-up, constant, linear decay. The constant part makes a longer `--steps` continue the same run."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    left = (config.steps - step) / (config.decay_fraction * config.steps)
    return config.learning_rate * min(1.0, left)


def rms_scaled_adamw(parameters: list[nn.Parameter]) -> torch.optim.AdamW:
    """AdamW with one group a tensor, so that each tensor can have a rate of its own.

    T5 tensors differ in scale by orders of magnitude (embeddings ≈ 1, q ≈ 1/√(d·d_kv)): one common rate leaves such a
    model at chance. As in Adafactor (Shazeer & Stern 2018, section 8) the step is relative to the tensor's own size.
    """
    groups = [{"params": [p]} for p in parameters]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0, fused=True)


@torch.no_grad()
def set_rates(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        size = group["params"][0].pow(2).mean().sqrt().item()
        group["lr"] = rate * max(1e-3, size)


def batch_rows(count: int, batch_size: int, index: int, seed: int) -> np.ndarray:
    """Rows of the `index`-th batch of an endless, reshuffled pass over `count` rows; a function of its arguments."""
    per_epoch = max(count // batch_size, 1)
    epoch, position = divmod(index, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return np.sort(order[position * batch_size : (position + 1) * batch_size])


# ---------------------------------------------------------------------------------------------------------------------
# The run


class Pretraining:
    """One resumable pretraining run in `work` (state.safetensors, log.jsonl, teacher targets)."""

    def __init__(self, config: PretrainConfig, work: Path) -> None:
        self.config, self.work = config, work
        work.mkdir(parents=True, exist_ok=True)
        teacher, teacher_tokenizer = load_teacher()
        self.tokenizer = student_tokenizer(teacher_tokenizer)
        rows = review_rows(teacher_tokenizer, config.window, config.max_reviews)
        targets = cache_dir() / "pretraining" / f"teacher-{config.window}-{config.max_reviews or 'all'}"
        self.store = TeacherStore(targets, rows, teacher.config.hidden_size)
        self.store.fill(teacher, self.log)
        self.targets = self.store.targets()
        embeddings = teacher.get_input_embeddings().weight.detach()
        self.model = build_student(config, self.tokenizer, embeddings)
        self.to_teacher = nn.Linear(config.d_model, teacher.config.hidden_size)
        self.named = {f"model.{n}": p for n, p in self.model.named_parameters()}
        self.named |= {f"to_teacher.{n}": p for n, p in self.to_teacher.named_parameters()}
        self.masters = {name: nn.Parameter(p.detach().clone()) for name, p in self.named.items()}
        self.model.to(torch.bfloat16)
        self.to_teacher.to(torch.bfloat16)
        self.optimizer = rms_scaled_adamw(list(self.masters.values()))
        self.snippets, self.answers = snippet_task(self.tokenizer, config.snippet_width)
        self.words = [self.tokenizer.convert_tokens_to_ids(word) for word in LABEL_WORDS]
        self.step, self.seconds = 0, 0.0

    def log(self, **fields) -> None:
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S"), **fields})
        with (self.work / "log.jsonl").open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)

    # -- state ---------------------------------------------------------------------------------------------------
    def save_state(self) -> None:
        tensors = {name: p.detach() for name, p in self.masters.items()}
        for name, p in self.masters.items():
            state = self.optimizer.state.get(p, {})
            tensors |= {f"{key}.{name}": state[key] for key in ADAM_STATE if key in state}
        temporary = self.work / "state.tmp"
        save_file(
            {k: v.contiguous() for k, v in tensors.items()},
            temporary,
            {"step": str(self.step), "seconds": str(self.seconds)},
        )
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
            self.named[name].data.copy_(tensors[name])
            if f"step.{name}" in tensors:  # a tensor that only one task moves counts only that task's steps
                self.optimizer.state[p] = {key: tensors[f"{key}.{name}"] for key in ADAM_STATE}
        self.log(event="resumed", step=self.step)

    # -- steps ---------------------------------------------------------------------------------------------------
    def distillation_loss(self, index: int) -> torch.Tensor:
        chosen = batch_rows(len(self.store.rows), self.config.batch_size, index, self.config.seed)
        ids = torch.from_numpy(self.store.rows[chosen][:, 1:])
        wanted = torch.from_numpy(self.targets[chosen].astype(np.float32))
        mask = ids != 0
        hidden = self.model.encoder(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        mapped = self.to_teacher(hidden).float()
        return (1 - F.cosine_similarity(mapped, wanted, dim=-1))[mask].mean()

    def snippet_step_loss(self, index: int) -> torch.Tensor:
        count = len(self.snippets) - SNIPPETS_HELD_OUT
        chosen = batch_rows(count, self.config.snippet_batch_size, index, self.config.seed)
        ids, answers = torch.from_numpy(self.snippets[chosen]), torch.from_numpy(self.answers[chosen])
        logits = self.model(input_ids=ids, attention_mask=(ids != 0).long(), labels=answers, use_cache=False).logits
        return F.cross_entropy(logits.float().flatten(0, 1), answers.flatten())

    def one_step(self) -> tuple[str, float]:
        """Each task sees a gradient of its own; AdamW skips the tensors that got none."""
        every = self.config.snippet_every
        snippet = self.step % every == every - 1
        loss = (
            self.snippet_step_loss(self.step // every)
            if snippet
            else self.distillation_loss(self.step - self.step // every)
        )
        loss.backward()
        for name, p in self.named.items():  # bf16 model, fp32 masters: half the memory traffic, no lost small updates
            self.masters[name].grad = None if p.grad is None else p.grad.float()
            p.grad = None
        torch.nn.utils.clip_grad_norm_(list(self.masters.values()), self.config.max_grad_norm)
        set_rates(self.optimizer, learning_rate_at(self.step, self.config))
        self.optimizer.step()
        with torch.no_grad():
            for name, p in self.named.items():
                p.copy_(self.masters[name])
        self.step += 1
        return ("snippet" if snippet else "distillation"), loss.item()

    def run(self, save_every_seconds: float = 240, log_every: int = 50) -> dict:
        """Train to the last step; returns the figures of the model card."""
        self.load_state()
        self.model.train()
        losses: dict[str, list[float]] = {"distillation": [], "snippet": []}
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
                    figures["snippet_accuracy"] = round(self.held_out_accuracy(), 4)
                self.log(event="step", step=self.step, seconds=round(self.seconds), **figures)
            if last or time.monotonic() - saved > save_every_seconds:
                self.save_state()
                saved = time.monotonic()
        return {
            "steps": self.step,
            "seconds": round(self.seconds),
            "windows": len(self.store.rows),
            "distillation_loss": float(np.mean(losses["distillation"][-200:])) if losses["distillation"] else None,
            "snippet_loss": float(np.mean(losses["snippet"][-50:])) if losses["snippet"] else None,
            "snippet_accuracy": self.held_out_accuracy(),
            "snippets_held_out": SNIPPETS_HELD_OUT,
        }

    def held_out_accuracy(self) -> float:
        return snippet_accuracy(
            self.model, self.snippets[-SNIPPETS_HELD_OUT:], self.answers[-SNIPPETS_HELD_OUT:], self.words
        )
