"""A zip that a visitor brings: looked into, asked like any other, and seen by nobody else."""

import io
import json
import zipfile
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace

import pytest

from peft_core.checkpoints.exchange import importing
from peft_core.checkpoints.exchange.zipped import pack
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.architecture import catalogue
from tests.trained import make_record, trained

service = import_module("app.services.opened")  # the package has a function of that name


@pytest.fixture
def session(monkeypatch, backbone):
    """A session whose models are those of the tests: "tiny-t5" is the tiny random one."""
    state = {}
    monkeypatch.setattr(service.st, "session_state", state)

    @contextmanager
    def exclusive(name):
        assert name in catalogue()
        yield SimpleNamespace(backbone=backbone)

    monkeypatch.setattr(service, "exclusive_predictor", exclusive)
    return state


@pytest.fixture
def zipped(backbone, batch, tmp_path):
    """A LoRA folder of peft's as a zip, with what is said in it about the base model."""

    def make(named, own_record=False):
        config = LoraConfig(r=2, alpha=4)
        save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
        path = tmp_path / "c" / "adapter_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": named}))
        if not own_record:
            (tmp_path / "c" / "run.json").unlink()
        return io.BytesIO(pack(tmp_path / "c"))

    return make


def test_what_can_be_read_can_be_asked_and_is_gone_with_the_session(session, zipped, backbone):
    said, name = service.open_zip(zipped("tiny-t5"), None, None)
    assert said.readable, said.problems
    (info,) = service.opened()
    assert (info.name, info.method, info.record.origin) == (name, "lora", "imported")
    assert info in service.askable()
    assert info.record.name == "LoRA r=2, from Hugging Face peft"
    assert load_checkpoint(info.path, backbone)[1].method == LoraConfig(r=2, alpha=4)
    for _ in range(service.MOST):
        name = service.open_zip(zipped_again(info), None, None)[1]
    assert len(service.opened()) == service.MOST and name in {each.name for each in service.opened()}
    assert not info.path.exists()  # the oldest made room
    folder = service.opened()[0].path.parent
    session.clear()
    assert service.opened() == () and not folder.exists()


def zipped_again(info) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            text = (info.path / name).read_bytes()
            if name.endswith(".json"):
                text = json.dumps(json.loads(text) | {"base_model_name_or_path": "tiny-t5"}).encode()
            file.writestr(name, text)
    return content


@pytest.mark.parametrize("named", ["/etc", "../../base", "no such model"])
def test_a_base_of_its_own_words_is_never_looked_for_on_the_disk(session, zipped, monkeypatch, named):
    seen = []
    found = importing.find_base
    monkeypatch.setattr(
        importing, "find_base", lambda name, folders: seen.append((name, folders)) or found(name, folders)
    )
    said, name = service.open_zip(zipped(named), None, None)
    assert (name, said.readable, service.opened()) == (None, False, ())
    assert seen == [(named, False)]
    assert "is not known here" in said.problems[0]


def test_what_is_no_checkpoint_leaves_nothing(session):
    for content in (b"hello", b""):
        with pytest.raises(PeftClassroomError):
            service.open_zip(io.BytesIO(content), None, None)
    assert service.opened() == ()
