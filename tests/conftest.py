"""A tiny random T5 with a word tokenizer, in a folder like any other base model; and one configuration of each kind."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch starts its threads: tests share cores with servers
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest

from peft_core.architecture import Architecture
from peft_core.configs import AdapterConfig, FullConfig, LoraConfig, SoftPromptConfig

WORDS = "a the film was good bad dull lively sad funny plot actor scene never very not and but it i".split()
TINY = Architecture(
    vocab_size=64, d_model=16, d_kv=4, d_ff=24, num_heads=3, encoder_layers=2, decoder_layers=2
)  # inner_dim 12 ≠ d_model: a confusion of the two cannot hide
GATED = Architecture(64, 16, 4, 24, 3, 2, 1, gated=True)

CONFIGS = {
    "full": FullConfig(),
    "soft_prompt-vocab": SoftPromptConfig(num_virtual_tokens=5),
    "soft_prompt-random": SoftPromptConfig(num_virtual_tokens=3, prompt_init="random"),
    "soft_prompt-text": SoftPromptConfig(num_virtual_tokens=4, prompt_init="text", prompt_text="good film"),
    "adapter-pfeiffer": AdapterConfig(bottleneck_dim=3),
    "adapter-houlsby": AdapterConfig(bottleneck_dim=5, placement="houlsby", non_linearity="gelu"),
    "lora": LoraConfig(r=4, alpha=6),
    "lora-all": LoraConfig(r=2, alpha=8, target_modules=("q", "k", "v", "o", "wi", "wo")),
}
every_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def make_base(folder, architecture: Architecture = TINY, seed: int = 0):
    """Write a random T5 of these shapes with a word tokenizer; returns the folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

    from peft_core.backbone import hf_config

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


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture(scope="session")
def backbone(base_folder):
    """Shared by all tests, as the app shares it: a test that changed it would fail others, and one checks that."""
    from peft_core.backbone import load_backbone

    return load_backbone(str(base_folder))


@pytest.fixture
def batch():
    """(input_ids, attention_mask), three rows of different length."""
    import torch

    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 27, (3, 7), generator=generator)
    mask = torch.ones_like(ids)
    ids[1, 5:], mask[1, 5:] = 0, 0
    ids[2, 2:], mask[2, 2:] = 0, 0
    return ids, mask
