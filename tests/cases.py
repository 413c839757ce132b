"""A tiny random T5 with a word tokenizer, in a folder like any other base model; and one configuration of each kind."""

import pytest

from peft_core.methods.registry import METHODS
from peft_core.t5.architecture import Architecture, catalogue

WORDS = "a the film was good bad dull lively sad funny plot actor scene never very not and but it i".split()
TINY = Architecture(
    vocab_size=64, d_model=16, d_kv=4, d_ff=24, num_heads=3, encoder_layers=2, decoder_layers=2
)  # inner_dim 12 ≠ d_model: a confusion of the two cannot hide
GATED = Architecture(64, 16, 4, 24, 3, 2, 1, gated=True, tied=False)  # as T5 v1.1 and Flan-T5 are
SHAPES = list({base.architecture: base for base in catalogue().values()}.values())  # Flan-T5 has the shapes of v1.1

CASES = {  # the methods' own examples: "lora", "lora-all", …
    f"{name}-{key}" if key else name: config
    for name, method in METHODS.items()
    for key, config in method.examples.items()
}
every_config = pytest.mark.parametrize("config", CASES.values(), ids=CASES.keys())


def make_base(folder, architecture: Architecture = TINY, seed: int = 0):
    """Write a random T5 of these shapes with a word tokenizer; returns the folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    from peft_core.t5.backbone import hf_config, untrained_t5

    vocabulary = ["<pad>", "</s>", "<unk>", "negative", "positive", "sst2", "sentence:", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    torch.manual_seed(seed)
    untrained_t5(hf_config(architecture), architecture.tied).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    return folder
