"""What every test may ask for: a tiny base model, a page of the app, a command, small reviews."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch starts its threads: tests share cores with servers
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["PEFT_SPARE_WORKER"] = "0"  # pages under test train nothing, or have time

import sys

import numpy as np
import pytest
import torch
from helpers.models import make_base
from helpers.tables import SHIPPED

import peft_core.training.measuring as split_predictions
from peft_core.checkpoints.listing import find_checkpoint
from peft_core.cli.main import main


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


@pytest.fixture
def run(monkeypatch, capsys):
    """Call a command as `python -m peft_core` does; returns (exit code, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["peft_core", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


GOOD, BAD = ["good", "lively", "funny"], ["bad", "dull", "sad"]


@pytest.fixture
def easy_reviews(monkeypatch):
    """Reviews that a model of 16 dimensions can learn: one word decides."""
    from datasets import Dataset, DatasetDict

    generator = np.random.default_rng(0)

    def split(size):
        texts, labels = [], []
        for row in range(size):
            words = list(generator.choice(["a", "the", "film", "was", "plot"], 5))
            words[generator.integers(5)] = str(generator.choice((BAD, GOOD)[row % 2]))
            texts.append(" ".join(words))
            labels.append(row % 2)
        return Dataset.from_dict({"text": texts, "label": labels})

    splits = DatasetDict({"train": split(240), "validation": split(80), "test": split(120)})
    monkeypatch.setattr(split_predictions, "load_splits", lambda source: splits)


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """The four checkpoints by name, and no results file."""
    from peft_core.report import build

    monkeypatch.setattr(build, "shipped_results", lambda base: tmp_path / "none.json")
    return {name: find_checkpoint(name) for name in SHIPPED}
