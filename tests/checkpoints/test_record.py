"""A figure is of certain weights: with others beside it, it is told, and never used."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from peft_core.checkpoints import listing
from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.checkpoints.listing import find_checkpoint, find_run, list_all, list_checkpoints
from peft_core.checkpoints.record import AdoptedRecord, RunRecord
from peft_core.checkpoints.run_json import SEAL, read_record, read_run_json, seal_of, write_record
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import method_of
from tests.cases import CASES, every_config
from tests.trained import make_record, trained

LORA = CASES["lora"]


@pytest.fixture
def saved(backbone, batch, tmp_path, monkeypatch):
    """A run's checkpoint, listed as "made"."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    folder = tmp_path / "runs" / "made" / "checkpoint"
    save_checkpoint(trained(backbone, LORA, batch), make_record(backbone, LORA), backbone, folder)
    return folder


def negate(folder, config=LORA):
    """Other weights of the same shapes."""
    path = folder / method_of(config).weights_file
    save_file({name: -tensor for name, tensor in load_file(path).items()}, path)


def edit(folder, sealed=True, **fields):
    """Change the record; `sealed`: as one does who knows that it has a seal."""
    path = folder / "run.json"
    data = json.loads(path.read_text()) | fields
    seal = data.pop(SEAL)
    path.write_text(json.dumps(data | {SEAL: seal_of(data) if sealed else seal}))


@every_config
def test_weights_changed_afterwards_have_no_figure_of_the_run_and_can_still_be_asked(backbone, batch, config, tmp_path):
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    before = read_record(tmp_path / "c")
    assert isinstance(before, RunRecord)
    negate(tmp_path / "c", config)
    record = read_record(tmp_path / "c")
    assert (record.origin, record.test) == ("changed", None)
    assert (record.method, record.base, record.max_length) == (before.method, before.base, before.max_length)
    assert record.trainable_parameters == before.trainable_parameters
    _, loaded = load_checkpoint(tmp_path / "c", backbone)
    assert loaded == record


def test_a_changed_checkpoint_is_told_wherever_a_figure_would_stand(saved):
    assert [info.name for info in list_checkpoints() if not info.shipped] == ["made"]
    negate(saved)
    listed = list_all()
    assert [info.name for info in listed.adopted if not info.shipped] == ["made"]
    assert not [info for info in listed.runs if not info.shipped]
    assert "were changed after" in find_checkpoint("made").why
    with pytest.raises(PeftClassroomError, match=r"made has no figures of a run\. Its weights were changed after"):
        find_run("made")


def test_the_weights_put_back_have_their_figures_again(saved):
    weights = saved / "adapter_model.safetensors"
    kept = weights.read_bytes()
    negate(saved)
    assert isinstance(read_record(saved), AdoptedRecord)
    weights.write_bytes(kept)
    assert isinstance(read_record(saved), RunRecord)


def test_a_record_of_before_the_digests_is_of_no_known_weights(saved):
    write_record(read_run_json(saved).unbound(), saved)
    assert read_record(saved).origin == "unbound"


def test_a_record_of_a_later_version_is_told_as_later(saved):
    edit(saved, format=3, something_new=1)
    with pytest.raises(PeftClassroomError, match=r"later version of this program \(format 3.*Update"):
        read_record(saved)


def test_a_figure_or_a_setting_that_was_typed_in_is_noticed(saved):
    for fields in ({"name": "better"}, {"seconds": 2.0}, {"precision": "bfloat16"}, {"max_length": 16}):
        kept = (saved / "run.json").read_text()
        edit(saved, sealed=False, **fields)
        with pytest.raises(PeftClassroomError, match="changed after it was written"):
            read_record(saved)
        (saved / "run.json").write_text(kept)
    assert isinstance(read_record(saved), RunRecord)


OUT_OF_RANGE = {
    "accuracy above 1": {"test": {"accuracy": 7.5, "low": 0, "high": 1, "n": 2, "split": "test"}},
    "accuracy outside its interval": {"test": {"accuracy": 0.999, "low": 0.1, "high": 0.2, "n": 2, "split": "test"}},
    "accuracy that is no number": {"test": {"accuracy": float("nan"), "low": 0, "high": 1, "n": 2, "split": "test"}},
    "accuracy of no review": {"validation": {"accuracy": 0.5, "low": 0, "high": 1, "n": 0, "split": "validation"}},
    "negative time": {"seconds": -5},
    "more trained than there are": {"trainable_parameters": 10**9},
    "another number of trained ones than in the file": {"trainable_parameters": 12},
    "a curve above 1": {"validations": [[0, 0.5], [1, 1.5]]},
    "no learning rate": {"learning_rate": 0},
    "a digest that is none": {"weights_sha256": "x"},
}


@pytest.mark.parametrize("fields", OUT_OF_RANGE.values(), ids=OUT_OF_RANGE)
def test_a_figure_outside_its_range_is_damage_and_listed_as_that(saved, backbone, fields):
    edit(saved, **fields)
    for read in (lambda: read_record(saved), lambda: load_checkpoint(saved, backbone), lambda: find_checkpoint("made")):
        with pytest.raises(PeftClassroomError, match=r"run\.json"):
            read()
    (damaged,) = list_all().damaged
    assert damaged.name == "made"
    assert len(damaged.why) < 600


@pytest.mark.parametrize(
    "text", ["x" * 50_000, '{"format": 1} ' + "secret " * 9_000, '{"name": "' + "y" * 50_000 + '"}']
)
def test_no_sentence_quotes_more_than_200_characters_of_a_file(saved, text):
    (saved / "run.json").write_text(text)
    with pytest.raises(PeftClassroomError) as error:
        read_record(saved)
    assert len(str(error.value)) < 200 + 200 + len(str(saved))
    assert "secret secret" not in str(error.value)


def test_a_name_that_means_two_things_has_to_be_said(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(saved, tmp_path / "lora-8")
    with pytest.raises(PeftClassroomError, match=r"\./lora-8"):
        find_checkpoint("lora-8")
    assert not find_checkpoint("./lora-8").shipped
    assert find_checkpoint("made").path == saved


@pytest.mark.parametrize(
    "kind", [torch.int32, torch.int8, torch.bool, torch.complex64, torch.float8_e4m3fn], ids=lambda kind: str(kind)
)
def test_numbers_of_another_kind_are_refused(saved, backbone, kind):
    path = saved / "adapter_model.safetensors"
    save_file({name: tensor.to(kind) for name, tensor in load_file(path).items()}, path)
    with pytest.raises(PeftClassroomError, match=r"values of type|is damaged"):
        load_checkpoint(saved, backbone)


def test_answers_that_are_no_numbers_are_an_error_not_a_verdict(saved, backbone):
    path = saved / "adapter_model.safetensors"
    save_file({name: torch.full_like(tensor, 1e30) for name, tensor in load_file(path).items()}, path)
    with pytest.raises(PeftClassroomError, match="no finite number"):
        Predictor(backbone).classify(["a good film"], saved)
    others, wrong = Predictor(backbone).classify_with_each(["a good film"], [None, saved])
    assert others[0].label in ("positive", "negative")
    assert isinstance(wrong, PeftClassroomError)


def test_a_list_reads_again_only_what_has_changed(saved, monkeypatch):
    read = []
    monkeypatch.setattr(listing, "read_record", lambda folder: read.append(folder) or read_record(folder))
    listing._read_as_of.cache_clear()
    first = list_all()
    assert saved in read and len(read) == len(set(read)) == len(first.usable) + len(first.damaged)
    assert list_all() == first and len(read) == len(set(read))
    negate(saved)  # same names, same sizes
    assert saved in [info.path for info in list_all().adopted] and read[-1] == saved
    (saved / "run.json").unlink()
    assert saved not in [info.path for info in list_all().usable]
