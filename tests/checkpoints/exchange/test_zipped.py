"""What goes out comes in again; what no checkpoint has does not come in."""

import io
import pickle
import stat
import zipfile

import pytest

from peft_core.checkpoints.exchange import zipped
from peft_core.checkpoints.exchange.zipped import pack, unpack
from peft_core.errors import PeftClassroomError


def made(*entries, **options) -> bytes:
    """A zip of (name, content); a name may be a ZipInfo."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", **options) as file:
        for name, data in entries:
            file.writestr(name, data)
    return content.getvalue()


def entry(name, mode=0):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_what_is_packed_is_unpacked_byte_for_byte_and_what_is_no_file_of_a_checkpoint_stays_behind(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in (("run.json", b"{}"), ("adapter.safetensors", bytes(range(256))), ("secret.txt", b"mine")):
        (folder / name).write_bytes(content)
    unpack(pack(folder), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "run.json": b"{}",
        "adapter.safetensors": bytes(range(256)),
    }


@pytest.mark.parametrize("parent", ["", "my-lora/"])
def test_flat_or_in_one_folder_and_what_computers_add_is_passed_over(tmp_path, parent):
    unpack(
        made(
            *([(parent, "")] if parent else []),
            (f"{parent}adapter_config.json", "{}"),
            (f"{parent}README.md", "notes"),
            (f"{parent}.DS_Store", "x"),
            (f"__MACOSX/{parent}._adapter_config.json", "x"),
        ),
        tmp_path / "out",
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["adapter_config.json"]


BAD = {
    "the folder above": (made(("../run.json", "{}")), "only files in one folder"),
    "two folders deep": (made(("a/b/run.json", "{}")), "only files in one folder"),
    "an absolute path": (made(("/etc/run.json", "{}")), "only files in one folder"),
    "a drive": (made(("C:run.json", "{}")), "only files in one folder"),
    "the folder above, of Windows": (made((entry("..\\run.json"), "{}")), "only files in one folder"),
    "a link": (made((entry("run.json", stat.S_IFLNK | 0o777), "/etc/passwd")), "a link or no file"),
    "a pipe": (made((entry("run.json", stat.S_IFIFO | 0o644), "")), "a link or no file"),
    "a pickle": (made(("adapter_model.bin", pickle.dumps([1]))), "nothing is ever unpickled"),
    "a zip": (made(("inner.zip", made(("run.json", "{}")))), "no file of a checkpoint"),
    "a program": (made(("run.json", "{}"), ("train.py", "")), "no file of a checkpoint"),
    "two folders": (made(("a/run.json", "{}"), ("b/config.json", "{}")), "several folders"),
    "a file twice": (made(("run.json", "{}"), ("a/run.json", "{}")), "twice"),
    "nothing": (made(), "no file of a checkpoint"),
    "notes alone": (made(("README.md", "x")), "no file of a checkpoint"),
    "another packing": (made(("run.json", "{}"), compression=zipfile.ZIP_LZMA), "unusual way"),
    "a thousand entries": (made(*((f"{n}.txt", "") for n in range(1000))), "1,000 entries"),
    "no zip": (b"hello", "no zip file"),
    "cut": (made(("run.json", "{}" * 500))[:-30], "no zip file"),
    "empty": (b"", "no zip file"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD)
def test_whatever_else_is_refused_and_nothing_is_left_behind(tmp_path, content, sentence):
    with pytest.raises(PeftClassroomError, match=sentence):
        unpack(content, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_sizes_are_counted_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(zipped, "MOST_UNPACKED", 2000)
    bomb = bytearray(made(("run.json", "0" * 100_000), compression=zipfile.ZIP_DEFLATED))
    assert len(bomb) < 1000
    with pytest.raises(PeftClassroomError, match="the most that is opened"):
        unpack(bytes(bomb), tmp_path / "out")
    said = (100_000).to_bytes(4, "little")
    while (at := bomb.find(said)) >= 0:  # it says of itself that it is small
        bomb[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(PeftClassroomError):
        unpack(bytes(bomb), tmp_path / "out")
    monkeypatch.setattr(zipped, "MOST_BYTES", 100)
    with pytest.raises(PeftClassroomError, match="The file has"):
        unpack(made(("run.json", "0" * 1000)), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_damaged_byte_is_noticed(tmp_path):
    content = bytearray(made(("run.json", "a" * 1000)))
    content[500] ^= 1
    with pytest.raises(PeftClassroomError, match="no zip file that can be read"):
        unpack(bytes(content), tmp_path / "out")
    assert not list(tmp_path.iterdir())
