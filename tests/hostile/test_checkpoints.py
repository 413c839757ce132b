"""Some dozens of the ten thousand changed checkpoints of `make soak`, and what they have found, by itself."""

import contextlib
import io
import json
import struct
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from peft_core.checkpoints import agreement
from peft_core.checkpoints.exchange.importing import import_checkpoint
from peft_core.checkpoints.exchange.inspecting import settings
from peft_core.checkpoints.exchange.recognise import recognise
from peft_core.checkpoints.exchange.zipped import unpack
from peft_core.checkpoints.files import load_checkpoint, read_tensors, save_checkpoint
from peft_core.checkpoints.weights_file import weights_file
from peft_core.errors import PeftClassroomError, visible
from peft_core.methods.full.method import FullConfig
from peft_core.methods.registry import METHODS
from peft_core.t5 import stored
from peft_core.t5.stored import read_head
from peft_core.validated import read_json
from tests.cases import CASES
from tests.checkpoints.exchange import golden_kinds
from tests.hostile import soak
from tests.hostile.checkpoints import MOST_CPU, MOST_GROWN, Case, World, cases
from tests.hostile.soak import Told
from tests.trained import make_record, trained

ONE_EACH = tuple(next(key for key, config in CASES.items() if config.method == name) for name in METHODS)


def test_changed_checkpoints_of_every_method_are_refused_in_a_sentence_or_harmless(tmp_path, monkeypatch, backbone):
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    told, world = Told(), World(tmp_path, ONE_EACH, backbone)
    assert {one.record.method.method for one in world.sources.values()} == set(METHODS)
    soak.try_each(cases(world), world.judge, 24, 3, told)
    assert not told.failed
    assert told.cases == 24 and len(told.outcomes) > 4
    assert told.slowest_cpu_seconds < MOST_CPU and told.most_memory_grown_mb < MOST_GROWN


def test_the_soak_notices_what_it_is_for(tmp_path, monkeypatch, backbone):
    """A door that answers other than before, raises something else than a sentence, or leaves something behind."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    world = World(tmp_path, ("lora",), backbone)
    case = Case("lora", "listed", (), dict(world.sources["lora"].files))
    told = Told()
    soak.try_each(st.just(case), world.judge, 1, 2, told)
    assert told.outcomes == {"listed: same answers": 1}
    answer = world.answer

    def raises(error):
        def broken(*which):
            raise error

        return broken

    for broken in (
        lambda *which: answer(*which) + 0.1,
        lambda *which: (world.root / "left").mkdir() or answer(*which),
        raises(KeyError("x")),
        raises(PeftClassroomError("x" * 5000)),
        raises(PeftClassroomError("Traceback (most recent call last).")),
    ):
        monkeypatch.setattr(world, "answer", broken)
        told = Told()
        soak.try_each(st.just(case), world.judge, 1, 2, told)
        assert len(told.failed) == 1


# ---------------------------------------------------------------------------------------------------------------------
# What it has found


def test_a_zip_whose_packed_bytes_are_damaged_is_refused(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("run.json", bytes(range(256)) * 20)
    data = bytearray(content.getvalue())
    begin = data.find(b"run.json") + 8
    data[begin : begin + 4] = b"\xff\xff\xff\xff"  # no block of its packing begins so
    with pytest.raises(zlib.error), zipfile.ZipFile(io.BytesIO(data)) as file:
        file.read("run.json")
    with pytest.raises(PeftClassroomError, match="no zip file that can be read"):
        unpack(bytes(data), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sign", ["\x1b[31m", "\r", "\x00", "\u202e", "\ud800", "\x9b"])
def test_no_sentence_steers_a_terminal(tmp_path, sign):
    assert sign not in str(PeftClassroomError(f"The file holds {sign}.")) and visible(sign).isascii()
    assert all(sign not in name for name in settings({f"a{sign}": 1}))
    lines = "two\nlines, “quoted”, 1\u00a0MB, \u05e9\u05dc\u05d5\u05dd"
    assert str(PeftClassroomError(lines)) == lines


def test_a_link_to_itself_is_refused(tmp_path):
    path = tmp_path / "adapter_config.json"
    path.symlink_to(path.name)
    with pytest.raises(PeftClassroomError, match="cannot be read"):
        read_json(path, dict, "Restore it.")
    with pytest.raises(PeftClassroomError):
        recognise(tmp_path)


def head(path, **about):
    text = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | about}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    return path


@pytest.mark.parametrize(
    "about",
    [
        {"shape": ["x", 2**40]}, {"shape": [2**60]}, {"shape": [-1]}, {"shape": [1.5]}, {"shape": [True]}, {"shape":
        "16"},
        {"shape": [2] * 100}, {"shape": {"a": 1}}, {"dtype": 3}, {"dtype": None}, {"data_offsets": [0]},
        {"data_offsets": ["a", "b"]}, {"data_offsets": [0, -4]},
    ],
    ids=str,
)  # fmt: skip
def test_a_head_that_says_no_shape_type_or_place_is_refused(tmp_path, about):
    with pytest.raises(PeftClassroomError, match="is damaged"):
        read_head(head(tmp_path / "w.safetensors", **about))


def test_a_head_without_end_is_read_by_nobody(tmp_path, monkeypatch):
    path = tmp_path / "w.safetensors"
    save_file({"w" * 100: np.zeros(1, np.float32)}, path)
    assert read_tensors(path) and weights_file(tmp_path).elements == 1
    monkeypatch.setattr(stored, "LONGEST_HEAD", 50)
    for read in (read_head, read_tensors, lambda path: weights_file(path.parent)):
        with pytest.raises(PeftClassroomError, match="its head has no end"):
            read(path)


def test_settings_and_words_of_a_whole_model_that_are_too_large_are_not_read(backbone, batch, tmp_path, monkeypatch):
    config = FullConfig()
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    agreement.check_whole_model(tmp_path / "c", backbone)
    monkeypatch.setattr(agreement, "MOST_BYTES", 1000)
    with pytest.raises(PeftClassroomError, match=r"json has 0 MB, more than"):
        agreement.check_whole_model(tmp_path / "c", backbone)


def test_settings_of_a_wrong_type_in_a_whole_model_are_refused(backbone, batch, tmp_path):
    """The library that reads them has an error of its own for this, of no kind that Python has."""
    config = FullConfig()
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    path = tmp_path / "c" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"relative_attention_num_buckets": "x"}))
    with pytest.raises(PeftClassroomError, match="cannot be read"):
        agreement.check_whole_model(tmp_path / "c", backbone)


def test_a_tokenizer_that_brings_a_program_of_its_own_asks_nobody_at_the_servers_terminal(
    backbone, batch, tmp_path, monkeypatch
):
    config = FullConfig()
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    path = tmp_path / "c" / "tokenizer_config.json"
    brings = {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}, "tokenizer_class": "Evil"}
    path.write_text(json.dumps(json.loads(path.read_text()) | brings))
    settings = tmp_path / "c" / "config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"model_type": "evil"}))
    (tmp_path / "c" / "evil.py").write_text("raise SystemExit(7)")
    asked = []
    monkeypatch.setattr("builtins.input", lambda *words: asked.append(words) or "y")
    with contextlib.suppress(PeftClassroomError):
        agreement.check_whole_model(tmp_path / "c", backbone)
    assert not asked


def test_a_base_model_that_is_named_by_a_list_is_passed_over(backbone, batch, tmp_path):
    config = CASES["lora"]
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    path = tmp_path / "c" / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": ["x"]}))
    assert load_checkpoint(tmp_path / "c", backbone)


@pytest.mark.parametrize(
    ("library", "name"), [("opendelta", "adapter_24"), ("opendelta", "lora"), ("adapterhub", "lora")]
)
def test_a_tensor_that_is_a_single_number_is_refused(tmp_path, library, name):
    folder = golden_kinds.converted(library, name, tmp_path / "c")
    (path,) = folder.glob("*.safetensors")
    save_file({key: np.zeros((), np.float32) for key in load_file(path)}, path)
    with pytest.raises(PeftClassroomError):
        import_checkpoint(folder, tmp_path / "out", str(golden_kinds.BASE))
    save_file({"encoder.q.lora_A": np.zeros((), np.float32)}, tmp_path / "one.safetensors")
    with pytest.raises(PeftClassroomError, match="a single number"):
        recognise(tmp_path / "one.safetensors").native(1.0)
