"""`reproduce --base t5-small --source hub`, end to end: the download alone is not tried.

Model and reviews lie in a cache of the Hub's layout (tests/hub.py), and offline they are all that there is. The model's
file has random weights of few dimensions; nothing on the way looks at its size.
"""

import json

import pytest
from huggingface_hub import constants

from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.run_json import read_run
from peft_core.errors import PeftClassroomError
from peft_core.report.reproduction.worker import work
from peft_core.reviews.splits import load_splits
from peft_core.t5.backbone import load_backbone
from tests.hub import keep, make_imdb, make_t5_small

SIZES = "--train-size 8 --validation-size 4 --test-size 6 --max-length 16 --epochs 1 --evaluations 1 --seeds 0".split()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("PEFT_CACHE_DIR", str(tmp_path / "ours"))
    monkeypatch.setattr("peft_core.report.reproduction.collect.in_a_process", work)  # other tests start processes
    return tmp_path / "hub"


def test_t5_small_is_trained_on_the_reviews_of_the_hub_and_published(cache, run, tmp_path):
    keep(cache, "t5-small", make_t5_small(tmp_path / "t5-small"))  # under its old id
    rows = keep(cache, "stanfordnlp/imdb", make_imdb(tmp_path / "imdb"), "dataset")
    command = ["reproduce", "--base", "t5-small", "--source", "hub", "--rows", "lora-1,bag-of-words-2000", *SIZES]
    code, out, err = run(*command, "--publish", tmp_path / "shipped", "--json")
    assert code == 0, err
    done = json.loads(out)
    assert {one["run"]: one["state"] for one in done["runs"]} == {"lora-1": "done", "bag-of-words-2000": "done"}
    backbone = load_backbone("t5-small")
    assert done["results"] == str(tmp_path / "ours" / "reproduce" / "t5-small" / "results.json")
    record = read_run(tmp_path / "shipped" / "lora-1")
    assert (record.base, record.config.data.source, record.test.n) == ("t5-small", "hub", 6)
    load_checkpoint(tmp_path / "shipped" / "lora-1", backbone)
    described = json.loads((tmp_path / "shipped" / "lora-1" / "adapter_config.json").read_text())
    assert described["base_model_name_or_path"] == "google-t5/t5-small"
    splits = load_splits("hub")
    assert {name: len(split) for name, split in splits.items()} == {"train": 23_000, "validation": 2_000, "test": 40}
    assert splits["validation"][0] == {"text": "a bad film the plot was 11500", "label": 0}
    code, out, _ = run(*command, "--dry-run", "--json")
    assert [one["state"] for one in json.loads(out)] == ["done", "done"]
    (rows / "plain_text" / "test-00000-of-00001.parquet").unlink()
    with pytest.raises(PeftClassroomError, match=r"imdb in .* lacks plain_text/test-\*\.parquet .*hf download stanf"):
        load_splits("hub")


def test_without_the_reviews_nothing_is_begun(cache, run, tmp_path):
    keep(cache, "google-t5/t5-small", make_t5_small(tmp_path / "t5-small"))
    code, _, err = run("reproduce", "--base", "t5-small", "--source", "hub", "--rows", "lora-1", *SIZES)
    assert code == 2
    said = " ".join(err.split())
    assert f"stanfordnlp/imdb is not in the local Hugging Face cache, {cache}" in said
    assert 'hf download stanfordnlp/imdb --repo-type dataset --include "plain_text/t*"' in said
    assert not (tmp_path / "ours" / "reproduce").exists()
