"""docs/library: its scripts run as they stand, and its reference has every name of the face."""

import re
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location

import pytest

import peft_core
from peft_core.checkpoints.record import AdoptedRecord
from peft_core.checkpoints.run_json import read_record
from peft_core.counting.by_hand import count
from peft_core.methods.registry import CONFIGS
from peft_core.paths import ROOT

PAGE = (ROOT / "docs" / "library" / "index.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def hook():
    spec = spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A script of the page, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda script: exec(compile(script, "docs/library/index.md", "exec"), {"__name__": "page"})


def test_the_ten_lines_train_count_keep_ask_and_look(run, capsys, tmp_path):
    run(SCRIPTS[0])
    lines = capsys.readouterr().out.splitlines()
    counted = count(peft_core.base_model("tiny-t5").architecture, peft_core.LoraConfig(r=8))
    assert lines[0] == f"{counted.trainable_parameters:,} of {counted.total_parameters:,} numbers were trained"
    assert re.fullmatch(r"\d+% of 6 held-out texts right, \d+% before", lines[1])
    assert lines[2] == "positive"
    spectra = dict(line.split(" ", 1) for line in lines[3:] if line[0] in "ed")
    assert spectra.keys() >= {"encoder.0.self_attention.q", "decoder.1.cross_attention.v"}
    assert re.fullmatch(r"\[[ 0.]+\]", spectra["decoder.0.self_attention.q"])  # it cannot learn
    assert isinstance(read_record(tmp_path / "my-lora"), AdoptedRecord)


def test_the_loop_of_ones_own_is_kept(run, tmp_path):
    run(SCRIPTS[1])
    assert "my own loop" in read_record(tmp_path / "from-my-loop").why
    assert len(SCRIPTS) == 2


def test_the_reference_has_every_name_of_the_face_and_every_methods_configuration():
    names = [*hook().face(), *hook().configurations()]
    assert sorted(name.rpartition(".")[2] for name in names) == sorted(peft_core.__all__)
    assert {kind.__name__ for kind in CONFIGS} == {name.rpartition(".")[2] for name in hook().configurations()}
    for name in names:
        module, _, last = name.rpartition(".")
        assert getattr(import_module(module), last) is getattr(peft_core, last)
