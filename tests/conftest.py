"""A tiny random T5 with a word tokenizer, in a folder like any other base model; and one configuration of each kind."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch starts its threads: tests share cores with servers
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["PEFT_SPARE_WORKER"] = "0"  # pages under test train nothing, or have time

import pytest

from peft_core.methods.registry import METHODS
from peft_core.t5.architecture import Architecture

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


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture(scope="session")
def backbone(base_folder):
    """Shared by all tests, as the app shares it: a test that changed it would fail others, and one checks that."""
    from peft_core.t5.backbone import load_backbone

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


@pytest.fixture
def open_page(monkeypatch, tmp_path):
    """Open a page of the app as a link does, with torch already in and no runs; `query` is the rest of the link.

    AppTest forgets the query when it switches pages, so the page is made the one that the app opens with.
    """
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    from app import services
    from app.kit.pages import script_of
    from peft_core.paths import ROOT

    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    make_page = st.Page

    def at_page(name: str, **query: str) -> AppTest:
        services.heavy().finished.wait(timeout=120)
        services.checkpoints.clear()
        this = script_of(name)
        monkeypatch.setattr(st, "Page", lambda path, **rest: make_page(path, **rest | {"default": path == this}))
        app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        assert not app.exception
        return app

    services.backend.clear()
    yield at_page
    services.backend.clear()
    services.checkpoints.clear()


@pytest.fixture
def line(monkeypatch):
    """Runs that are submitted stay in line: no process is wanted here. Gives the list of their specs."""
    from peft_core.training.runs import LocalBackend

    submitted = []

    def submit(self, spec):
        submitted.append(spec)
        self.store.create(spec)

    monkeypatch.setattr(LocalBackend, "submit", submit)
    monkeypatch.setattr(LocalBackend, "reconcile", lambda self: None)
    return submitted
