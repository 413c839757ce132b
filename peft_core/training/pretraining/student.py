"""The T5 that pretraining starts from: the teacher's words and, if it has the teacher's shape, the teacher's layers; or
some blocks of a base model that is there already.

BERT normalises the sum of a layer and its input (post-norm), T5 what a layer reads (pre-norm):

    BERT   hᵢ = γᵢ·norm(hᵢ₋₁ + Fᵢ(hᵢ₋₁)) + βᵢ          T5   xᵢ = xᵢ₋₁ + Fᵢ(γᵢ₋₁·norm(xᵢ₋₁))

So the weights of F and γ are taken over as they are. Lost are the biases, β, the mean that BERT's norm takes away, the
size of x, which grows from layer to layer, GELU (now ReLU) and absolute positions (now T5's relative ones): that is
what distillation has to make up for. After six layers the cosine distance to the teacher's states is 0.74 at first.
"""

import math
import re
from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from peft_core.errors import PeftClassroomError

SENTINELS = 100
VOCABULARY_MULTIPLE = 128  # rounded up so that matrix products have even sizes


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


def empty_student(shape: dict[str, int], tokenizer, seed: int) -> T5ForConditionalGeneration:
    """A T5 v1.0 with random weights. `shape`: d_model, d_ff, num_heads, num_layers, num_decoder_layers."""
    torch.manual_seed(seed)
    vocabulary = math.ceil(len(tokenizer) / VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE
    model = T5ForConditionalGeneration(
        T5Config(
            **shape,
            vocab_size=vocabulary,
            d_kv=shape["d_model"] // shape["num_heads"],
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=tokenizer.pad_token_id,
            dropout_rate=0.0,  # windows outnumber epochs: nothing is seen often enough to overfit
        )
    )
    model.set_attn_implementation("eager")  # the trainable position bias keeps SDPA off its fast path
    return model


@torch.no_grad()
def words_of_teacher(model: T5ForConditionalGeneration, words: torch.Tensor) -> None:
    """Let words start as the teacher's (words, hidden), centred, on their first d_model principal components."""
    centred = words.float() - words.float().mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    projected = centred @ directions[: model.config.d_model].T
    model.shared.weight[: len(projected)] = projected / projected.std()


@torch.no_grad()
def layers_of_teacher(model: T5ForConditionalGeneration, bert: nn.Module, width: int) -> None:
    """Let words and encoder start as the teacher's, as the head of this file says. `width`: tokens of a training row.

    Raises:
        PeftClassroomError: if the shapes differ.
    """
    config, wanted = bert.config, model.config
    shape = (config.hidden_size, config.intermediate_size, config.num_attention_heads, config.num_hidden_layers)
    if shape != (wanted.d_model, wanted.d_ff, wanted.num_heads, wanted.num_layers):
        raise PeftClassroomError(
            f"A student that starts from its teacher's layers has their shape: d_model {shape[0]}, d_ff {shape[1]}, "
            f"{shape[2]} heads, {shape[3]} encoder blocks."
        )
    words = bert.embeddings
    added = words.token_type_embeddings.weight[0] + words.position_embeddings.weight[:width].mean(0)
    model.shared.weight[: config.vocab_size] = words.LayerNorm(words.word_embeddings.weight + added)
    gamma = torch.full((config.hidden_size,), model.shared.weight.square().mean().sqrt())  # the words are normalised
    for block, layer in zip(model.encoder.block, bert.encoder.layer, strict=True):
        attention, feed_forward, own = block.layer[0], block.layer[1], layer.attention.self
        attention.layer_norm.weight.copy_(gamma)
        attention.SelfAttention.q.weight.copy_(own.query.weight / math.sqrt(wanted.d_kv))  # T5 does not scale scores
        attention.SelfAttention.k.weight.copy_(own.key.weight)
        attention.SelfAttention.v.weight.copy_(own.value.weight)
        attention.SelfAttention.o.weight.copy_(_centred(layer.attention.output.dense.weight))
        feed_forward.layer_norm.weight.copy_(layer.attention.output.LayerNorm.weight)
        feed_forward.DenseReluDense.wi.weight.copy_(layer.intermediate.dense.weight)
        feed_forward.DenseReluDense.wo.weight.copy_(_centred(layer.output.dense.weight))
        gamma = layer.output.LayerNorm.weight
    model.encoder.final_layer_norm.weight.copy_(gamma)


@torch.no_grad()
def blocks_of_base(model: T5ForConditionalGeneration, base: nn.Module, kept: Sequence[int]) -> None:
    """Let everything start as in a deeper T5 `base`, the encoder as its blocks `kept` (from 0), as Sanh et al. (2019,
    section 3) did with BERT: each block adds to what the ones before it wrote, so a stack without some still works.

    `base`: in fp32.

    Raises:
        PeftClassroomError: if the rest of the shape differs, or a block does not exist.
    """
    wanted, config = model.config, base.config
    names = ("vocab_size", "d_model", "d_ff", "num_heads", "num_decoder_layers")
    differ = [name for name in names if getattr(wanted, name) != getattr(config, name)]
    if differ or len(kept) != wanted.num_layers or not set(kept) <= set(range(config.num_layers)):
        raise PeftClassroomError(
            f"A student that starts from blocks of a base model has its shape but for the number of encoder blocks: "
            f"{', '.join(f'{name} {getattr(config, name)}' for name in names)}; {wanted.num_layers} of the blocks 0 to "
            f"{config.num_layers - 1}."
        )
    place = {f"encoder.block.{old}.": f"encoder.block.{new}." for new, old in enumerate(kept)}
    positions = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"  # one table serves all blocks
    tensors = {}
    for name, tensor in base.state_dict().items():
        block = re.match(r"encoder\.block\.\d+\.", name)
        if name == positions or not block:
            tensors[name] = tensor
        elif block[0] in place:
            tensors[place[block[0]] + name[block.end() :]] = tensor
    model.load_state_dict(tensors)


def _centred(weight: torch.Tensor) -> torch.Tensor:
    """Without the mean over outputs: BERT's norm takes that away."""
    return weight - weight.mean(0)
