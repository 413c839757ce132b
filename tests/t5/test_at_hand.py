"""What lies in the Hugging Face cache is loaded, or the sentence says which file is missing and what to do."""

import os
import shutil
import subprocess
import sys

import pytest
from huggingface_hub import constants, snapshot_download, try_to_load_from_cache

from peft_core.counting.real_model import config_file
from peft_core.errors import PeftClassroomError
from peft_core.paths import ROOT
from peft_core.t5.architecture import base_model, catalogue
from peft_core.t5.at_hand import at_hand
from peft_core.t5.backbone import load_backbone, load_tokenizer
from tests.hub import VERSION, keep, make_t5_small

SMALL = base_model("t5-small")
NEW, OLD = "google-t5/t5-small", "t5-small"
FETCH = 'hf download google-t5/t5-small --include "*.json" --include "*.safetensors"'


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return make_t5_small(tmp_path_factory.mktemp("hub") / "t5-small")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache in place of the one that the libraries read; no variable names another."""
    from peft_core import hub_cache

    for variable in hub_cache.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(hub_cache, "USUAL", str(tmp_path / "home"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "read"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "read"


def refused(name="t5-small") -> str:
    """The sentence of `load_backbone`, which is that of the app."""
    said = at_hand(base_model(name)).problem
    with pytest.raises(PeftClassroomError) as error:
        load_backbone(name)
    assert str(error.value) == said
    return said


@pytest.mark.parametrize("name", [NEW, OLD])
def test_it_is_loaded_under_its_new_and_its_old_id(cache, files, name):
    folder = keep(cache, name, files)
    assert try_to_load_from_cache(name, "model.safetensors") == str(
        folder / "model.safetensors"
    )  # the layout is theirs
    assert at_hand(SMALL) == (folder, None)
    assert load_backbone("t5-small").fingerprint == load_backbone(str(files)).fingerprint
    assert load_backbone(NEW).base.name == "t5-small"
    assert load_tokenizer("t5-small")("good").input_ids == [8, 1]
    assert config_file(SMALL) == folder / "config.json"


def test_of_two_ids_the_whole_one_is_loaded(cache, files):
    folder = keep(cache, OLD, files)
    (keep(cache, NEW, files) / "model.safetensors").unlink()
    assert at_hand(SMALL) == (folder, None)


def test_what_is_not_there_at_all_says_where_it_was_sought_and_the_command(cache):
    said = refused()
    assert f"is not in the local Hugging Face cache, {cache}." in said
    assert f"With a network and without HF_HUB_OFFLINE: {FETCH}" in said
    assert "tiny-t5" in said
    assert at_hand(SMALL).folder is None


MISSING = {
    "pickles only": ("model.safetensors", "it lacks model.safetensors (there is pytorch_model.bin, but only"),
    "no tokenizer": ("tokenizer.json", "it lacks tokenizer.json (there is spiece.model, which only"),
    "no tokenizer at all": ("tokenizer.json spiece.model", "it lacks tokenizer.json."),
    "no configuration": ("config.json", "it lacks config.json."),
    "two": ("config.json model.safetensors pytorch_model.bin", "it lacks config.json and model.safetensors."),
}  # fmt: skip


@pytest.mark.parametrize(("names", "told"), MISSING.values(), ids=MISSING)
def test_the_file_that_is_missing_is_named(cache, files, names, told):
    folder = keep(cache, NEW, files)
    for name in names.split():
        (folder / name).unlink()
    said = refused()
    assert f"The base model t5-small in {folder} cannot be loaded: {told}" in said
    assert FETCH in said
    assert "\n" not in said


def test_a_part_of_a_large_model_and_a_link_to_nothing_are_named(cache, files):
    folder = keep(cache, NEW, files)
    (folder / "model.safetensors").resolve().unlink()
    assert "it lacks model.safetensors (a link to a file that is gone)." in refused()
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}'
    )
    shutil.copyfile(files / "model.safetensors", folder / "model-1-of-2.safetensors")
    assert "it lacks model-2-of-2.safetensors." in refused()


DAMAGED = {
    "config.json": (b"{", "config.json cannot be read"),
    "model.safetensors": (b"\xff" * 64, "model.safetensors is damaged"),
    "tokenizer.json": (b"[]", "tokenizer.json is damaged"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_seen_before_anybody_presses_train(cache, files, name):
    folder, (content, told) = keep(cache, NEW, files), DAMAGED[name]
    (folder / name).unlink()
    (folder / name).write_bytes(content)
    assert told in refused()


def test_a_version_that_is_not_the_current_one_is_told(cache, files):
    keep(cache, NEW, files)
    place = cache / "models--google-t5--t5-small"
    (place / "refs" / "main").unlink()
    with pytest.raises(OSError):  # nor does their own library find it
        snapshot_download(NEW, local_files_only=True)
    assert f"{place} has no current version (refs/main, and its snapshot)." in refused()
    (place / "refs" / "main").write_text("0" * len(VERSION))
    assert "has no current version" in refused()


@pytest.mark.parametrize(
    ("variable", "inside"),
    [("TRANSFORMERS_CACHE", ""), ("HF_HOME", "hub"), ("HF_HUB_CACHE", "hub"), ("HUGGINGFACE_HUB_CACHE", "")],
)
def test_a_copy_elsewhere_is_found_and_the_variable_said(cache, files, tmp_path, monkeypatch, variable, inside):
    monkeypatch.setenv(variable, str(tmp_path / "other"))
    keep(tmp_path / "other" / inside, NEW, files)
    where = tmp_path / "other" / inside
    assert refused().endswith(f"A whole copy lies in {where}, which is not read: set HF_HUB_CACHE={where}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "inside"), [("HF_HOME", "hub"), ("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", "")]
)
def test_each_variable_that_the_libraries_read_is_read(tmp_path, variable, inside):
    code = "from peft_core import hub_cache; print(hub_cache.hub_cache(), hub_cache.is_offline())"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE"))}
    environment = clean | {variable: str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.stdout.split() == [str(tmp_path / inside), "True"], done.stderr


def test_only_t5_had_another_id():
    assert base_model("t5-3b").ids == ("google-t5/t5-3b", "t5-3b")
    others = [base for base in catalogue().values() if not base.source.startswith("google-t5/")]
    assert all(base.ids == (base.source,) for base in others)
