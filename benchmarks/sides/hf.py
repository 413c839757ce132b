"""Hugging Face's side: Seq2SeqTrainer over a model of transformers, with peft's modules where peft has them.

peft 0.21.2 has LoRA and soft prompts, but no bottleneck adapter; AdapterHub's `adapters`, which has it, does not work
with transformers 5. For adapters the Trainer therefore trains this project's modules: what is compared is the loop.
"""

import tempfile
import time
import warnings
from dataclasses import dataclass, field

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig as PeftLora
from peft import PromptTuningConfig, PromptTuningInit, TaskType, get_peft_model
from torch import nn
from transformers import (
    AutoModelForSeq2SeqLM,
    DataCollatorForSeq2Seq,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    TrainerCallback,
)

from benchmarks.memory import keep_for_reuse
from benchmarks.peer_reports import SETTLING_STEPS, SideRun, TrainerSettings, Validation, as_digits
from peft_core.config import RunConfig
from peft_core.methods import apply_method
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.reviews.draws import SHARED_SEED
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.training.device import HALVES, compute_dtype, kind, pick_device
from peft_core.training.measuring import MeasuredSplit, Rows, accuracy, load_rows

IGNORED = -100
# peft 0.21 asks transformers 5.23 under the old name
warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)


def with_method(model: nn.Module, method: MethodConfig) -> tuple[nn.Module, str]:
    """(`model` with what is to be trained, whose modules those are)."""
    match method:
        case FullConfig():
            return model.requires_grad_(True), "transformers"
        case LoraConfig():
            config = PeftLora(
                task_type=TaskType.SEQ_2_SEQ_LM,
                r=method.r,
                lora_alpha=method.alpha,
                lora_dropout=method.dropout,
                target_modules=list(method.target_modules),
            )
            return get_peft_model(model, config), "peft"
        case SoftPromptConfig():
            config = PromptTuningConfig(
                task_type=TaskType.SEQ_2_SEQ_LM,
                num_virtual_tokens=method.num_virtual_tokens,
                num_transformer_submodules=1,  # peft's 2 would be rows that no forward pass reads
                prompt_tuning_init=PromptTuningInit.SAMPLE_VOCAB,
            )
            return get_peft_model(model, config), "peft"
        case AdapterConfig():
            return apply_method(model, method), "peft_core"


def as_dataset(rows: Rows, tokenizer: PreTrainedTokenizerBase, label_tokens: int) -> Dataset:
    """Token ids and, as labels, the tokens of the label word; of which the second is the end of the text."""
    words = [tokenizer(text_target=word)["input_ids"][:label_tokens] for word in LABEL_WORDS]
    return Dataset.from_dict(
        {
            "input_ids": rows.encoded,
            "attention_mask": [[1] * len(ids) for ids in rows.encoded],
            "labels": [words[label] for label in rows.labels],
        }
    )


def _flat_mask(model: nn.Module, arguments: tuple, named: dict) -> tuple[tuple, dict]:
    """peft takes a mask (batch, width) alone; on a GPU `device.inputs` gives (batch, 1, 1, width)."""
    mask = named["attention_mask"]
    return arguments, named | {"attention_mask": mask if mask.dim() == 2 else mask[:, 0, 0].long()}


@dataclass
class Watch(TrainerCallback):
    """Reads the clock after every step, and validates when this project's loop would."""

    model: nn.Module
    backbone: Backbone
    rows: Rows
    config: RunConfig
    autocast: torch.dtype | None
    step_seconds: list[float] = field(default_factory=list)
    validations: list[Validation] = field(default_factory=list)
    right: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def on_train_begin(self, args, state, control, **rest) -> None:
        self._validate(0)
        self.since = time.perf_counter()

    def on_step_end(self, args, state, control, **rest) -> None:
        step, last = state.global_step, state.max_steps
        if step in (SETTLING_STEPS, last):
            kind(pick_device()).wait(pick_device())
        self.step_seconds.append(time.perf_counter() - self.since)
        if step == last or step * self.config.train.evaluations >= len(self.validations) * last:
            self._validate(step)
        self.since = time.perf_counter()

    def _validate(self, step: int) -> None:
        started = time.perf_counter()
        device = pick_device()
        hook = self.model.register_forward_pre_hook(_flat_mask, with_kwargs=True)
        with torch.autocast(device.type, self.autocast, enabled=self.autocast is not None):
            positive = MeasuredSplit(self.rows, self.backbone, device).probabilities(self.model)
        hook.remove()
        self.right = (positive > 0.5) == self.rows.labels.astype(bool)
        share = accuracy(positive, self.rows.labels).accuracy
        self.validations.append(Validation(step=step, accuracy=share, seconds=time.perf_counter() - started))


def train(config: RunConfig, settings: TrainerSettings) -> SideRun:
    """One run of the Trainer, as `settings` say."""
    if settings.keep_freed_memory:
        keep_for_reuse()
    backbone = load_backbone(config.base)
    data, options, device = config.data, config.train, pick_device()
    rows = load_rows(backbone, data, "train", data.train_size, options.seed)
    validation = load_rows(backbone, data, "validation", data.validation_size, SHARED_SEED)
    torch.manual_seed(options.seed)
    full = isinstance(config.method, FullConfig)
    half = compute_dtype(device) if settings.bf16 and compute_dtype(device) in HALVES else None
    bf16 = half == torch.bfloat16
    base = AutoModelForSeq2SeqLM.from_pretrained(
        backbone.base.source,
        dtype=torch.bfloat16 if settings.frozen_bf16 and bf16 and not full else torch.float32,
        **({} if settings.attention is None else {"attn_implementation": settings.attention}),
        **({} if settings.dropout is None else {"dropout_rate": settings.dropout}),
    )
    model, whose = with_method(base, config.method)
    model.to(device)
    watch = Watch(model, backbone, validation, config, half)
    collator = DataCollatorForSeq2Seq(
        backbone.tokenizer, model=base, label_pad_token_id=IGNORED, pad_to_multiple_of=settings.pad_to_multiple_of
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = Seq2SeqTrainer(
            model=model,
            args=Seq2SeqTrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=options.batch_size,
                num_train_epochs=options.epochs,
                learning_rate=config.learning_rate,
                weight_decay=options.weight_decay,
                max_grad_norm=options.max_grad_norm,
                warmup_steps=options.warmup_fraction,
                lr_scheduler_type="linear",
                seed=options.seed,
                bf16=bf16,
                fp16=half == torch.float16,
                use_cpu=device.type == "cpu",
                train_sampling_strategy="group_by_length" if settings.group_by_length else "random",
                torch_compile=settings.torch_compile,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=as_dataset(rows, backbone.tokenizer, settings.label_tokens),
            data_collator=collator,
            processing_class=backbone.tokenizer,
            callbacks=[watch],
        )
        trainer.remove_callback(PrinterCallback)
        result = trainer.train()
    parameters = list(model.parameters())
    return SideRun(
        side="trainer",
        config=config,
        settings=settings,
        method_of=whose,
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        total_parameters=sum(p.numel() for p in parameters),
        data_fingerprint=rows.fingerprint,
        mean_loss=result.training_loss,
        step_seconds=tuple(watch.step_seconds),
        validations=tuple(watch.validations),
        right=as_digits(watch.right),
    )
