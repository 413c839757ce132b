"""What tests of every room share: a tiny base model, reviews that it can learn, the command line."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # as many workers as cores: one thread each
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch starts its threads: tests share cores with servers
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("STREAMLIT_RUNNER_POST_SCRIPT_GC", "false")  # both as app/.streamlit/config.toml has it
os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
os.environ["PEFT_SPARE_WORKER"] = "0"  # pages under test train nothing, or have time

import gc
import sys

import hypothesis
import pytest

from tests.cases import GATED, make_base

hypothesis.settings.register_profile("no clock", deadline=None)  # a first call may import scipy, on busy cores
hypothesis.settings.load_profile("no clock")
SLOW_FIXTURES = {"open_page", "easy_reviews"}  # opens a page of the app, trains
SLOW = (
    "accessibility/test_screens.py",
    "analysis/spectra/test_truncation.py", "analysis/test_comparison.py", "analysis/walkthrough/", "app/playground/",
    "app/lessons/test_browser.py", "benchmarks/", "checkpoints/exchange/test_compatibility.py", "report/export/",
    "report/reproduction/", "test_browser", "test_shipped.py", "training/as_script/test_scripts_run.py",
    "training/pretraining/", "training/runs/", "training/test_stand_in_device.py",
)  # fmt: skip
GOOD, BAD = ["good", "lively", "funny"], ["bad", "dull", "sad"]


def pytest_collection_modifyitems(items):
    """`make check` leaves out what trains, opens pages or starts processes. Who waits for a browser begins first."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in ("test_browser", "accessibility")))
    for item in items:
        if SLOW_FIXTURES & set(item.fixturenames) or item.nodeid.removeprefix("tests/").startswith(SLOW):
            item.add_marker("slow")


def pytest_collection_finish():
    """What was imported stays until the end: the collector need not go through it again after every few tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture(scope="session")
def app_without_runs():
    """The address of an app, for tests that look at it and train nothing."""
    from tests.accessibility.browser import server

    with server() as address:
        yield address


@pytest.fixture(autouse=True)
def threads_as_before():
    """A page that asks a model gives torch every core; the tests after it have one thread a worker again."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    yield
    if torch:
        torch.set_num_threads(before)


@pytest.fixture
def two_threads():
    """Two threads for torch, as on a small computer: a worker has one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("bases") / "tiny")


@pytest.fixture(scope="session")
def backbone(base_folder):
    """Shared by all tests, as the app shares it: a test that changed it would fail others, and one checks that."""
    from peft_core.t5.backbone import load_backbone

    return load_backbone(str(base_folder))


@pytest.fixture(scope="session")
def gated(tmp_path_factory):
    """A backbone as T5 v1.1 is: two matrices in front of its non-linearity, an output layer with weights of its own."""
    from peft_core.t5.backbone import load_backbone

    return load_backbone(str(make_base(tmp_path_factory.mktemp("bases") / "gated", GATED)))


@pytest.fixture
def batch():
    return three_rows()


def three_rows():
    """(input_ids, attention_mask), three rows of different length."""
    import torch

    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 27, (3, 7), generator=generator)
    mask = torch.ones_like(ids)
    ids[1, 5:], mask[1, 5:] = 0, 0
    ids[2, 2:], mask[2, 2:] = 0, 0
    return ids, mask


@pytest.fixture(scope="session")
def learnable():
    """Splits of reviews that a model of 16 dimensions can learn: one word decides."""
    import numpy as np
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

    return DatasetDict({"train": split(240), "validation": split(80), "test": split(120)})


@pytest.fixture
def easy_reviews(monkeypatch, learnable, tmp_path_factory):
    """Reviews that can be learned, in place of the bundled ones; what is kept between runs, a test has for itself."""
    from peft_core.training import measuring, untrained

    kept = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(untrained, "cache_dir", lambda: kept)
    monkeypatch.setattr(measuring, "load_splits", lambda source: learnable)


@pytest.fixture
def run(monkeypatch, capsys):
    """Call a command as `python -m peft_core` does; returns (exit code, standard output, standard error)."""

    from peft_core.cli.main import main

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
