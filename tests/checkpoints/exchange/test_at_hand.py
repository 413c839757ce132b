"""Another library's folder can be asked as it lies, as one of ours; nothing of it stays behind."""

import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.exchange.at_hand import at_hand
from peft_core.checkpoints.exchange.importing import import_checkpoint
from peft_core.checkpoints.files import save_checkpoint
from peft_core.errors import PeftClassroomError
from tests.cases import CASES
from tests.trained import make_record, trained


@pytest.fixture
def folders(backbone, batch, tmp_path):
    """(ours, the same without its record, as peft would have saved it)"""
    config = CASES["lora"]
    for name in ("ours", "theirs"):
        save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / name)
    (tmp_path / "theirs" / "run.json").unlink()
    return str(tmp_path / "ours"), str(tmp_path / "theirs")


def test_a_foreign_folder_answers_as_the_same_checkpoint_of_ours(folders, backbone, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    told = []
    with at_hand(folders, backbone.base.source, told.append) as infos:
        answers = [Predictor(backbone).classify("a good film", info.path)[0].probability_positive for info in infos]
        assert [info.name for info in infos] == ["ours", "theirs"]
        assert infos[1].record.origin == "imported"
    assert answers[0] == answers[1]
    assert told
    assert all(sentence.startswith("theirs: ") for sentence in told)
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_is_said_once(folders, backbone, tmp_path, kind):
    path = Path(folders[1]) / "adapter_model.safetensors"
    save_file({name: tensor.to(kind) for name, tensor in load_file(path).items()}, path)
    record = import_checkpoint(Path(folders[1]), tmp_path / "half", backbone.base.source)
    assert [str(kind).removeprefix("torch.") in note for note in record.notes].count(True) == 1


def test_what_is_neither_is_told(tmp_path):
    for name, sentence in ((str(tmp_path), "nothing that can be read"), ("no such thing", "There is no checkpoint")):
        with pytest.raises(PeftClassroomError, match=sentence), at_hand([name]):
            pass
