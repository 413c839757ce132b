"""Tiny models, one configuration of each kind, and checkpoints made of them."""

import pytest
import torch

from peft_core.checkpoints.record import Measured, RunRecord
from peft_core.config import RunConfig
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.registry import METHODS
from peft_core.t5.architecture import Architecture
from peft_core.t5.backbone import label_logits

WORDS = "a the film was good bad dull lively sad funny plot actor scene never very not and but it i".split()
TINY = Architecture(
    vocab_size=64, d_model=16, d_kv=4, d_ff=24, num_heads=3, encoder_layers=2, decoder_layers=2
)  # inner_dim 12 ≠ d_model: a confusion of the two cannot hide

GATED = Architecture(64, 16, 4, 24, 3, 2, 1, gated=True)
CONFIGS = {  # the methods' own examples: "lora", "lora-all", …
    f"{name}-{key}" if key else name: config
    for name, method in METHODS.items()
    for key, config in method.examples.items()
}


every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def make_base(folder, architecture: Architecture = TINY, seed: int = 0):
    """Write a random T5 of these shapes with a word tokenizer; returns the folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

    from peft_core.t5.backbone import hf_config

    vocabulary = ["<pad>", "</s>", "<unk>", "negative", "positive", "sst2", "sentence:", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    torch.manual_seed(seed)
    T5ForConditionalGeneration(hf_config(architecture)).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    return folder


PROMPT_IDS = [8, 9]


def apply(backbone, config, seed=0):
    torch.manual_seed(seed)
    return apply_method(backbone.own_copy(), config, PROMPT_IDS)


def logits(model, batch, backbone):
    with torch.inference_mode():
        return label_logits(model, *batch, backbone.label_ids)


def train_a_little(model, batch, steps=3):
    """Real gradient steps; large ones, so that every trainable tensor visibly moves."""
    optimizer = torch.optim.AdamW(trainable_tensors(model).values(), lr=0.05, weight_decay=0.0)
    ids, mask = batch
    for _ in range(steps):
        start = ids.new_zeros(len(ids), 1)
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False)
        loss = torch.nn.functional.cross_entropy(out.logits[:, 0], torch.tensor([3, 4, 3]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def make_record(backbone, config) -> RunRecord:
    nothing = {"accuracy": 0.5, "low": 0.1, "high": 0.9, "n": 2}
    return RunRecord(
        name="made in a test",
        config=RunConfig(base=backbone.base.name, method=config),
        learning_rate=1e-3,
        base_fingerprint=backbone.fingerprint,
        data_fingerprint="0" * 64,
        split_sizes={"train": 2, "validation": 2, "test": 2},
        trainable_parameters=1,
        total_parameters=2,
        steps=1,
        planned_steps=1,
        stopped_by="epochs",
        best_step=1,
        untrained=Measured(split="validation", **nothing),
        validation=Measured(split="validation", **nothing),
        test=Measured(split="test", **nothing),
        validations=((0, 0.5), (1, 0.5)),
        seconds=1.0,
        examples_per_second=2.0,
        device="CPU",
        precision="float32",
        created="2026-01-01T00:00:00Z",
        versions={},
    )


def trained(backbone, config, batch):
    model = apply(backbone, config, seed=3)
    train_a_little(model, batch)
    return model.eval()
