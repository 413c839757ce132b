"""Checkpoints of every method that somebody has changed, at the three doors through which they come in.

    listed      a folder among the others: it is listed, then asked
    import      another library's, read and saved in our form, then asked
    upload      a zip file of a visitor

Each is refused in a sentence, or it is harmless: it answers as before, or with finite numbers and without a figure that
was measured of other weights. `python -m tests.hostile.checkpoints` is the long form (`make soak`).
"""

import io
import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from peft_core.checkpoints.exchange.importing import import_checkpoint
from peft_core.checkpoints.files import save_checkpoint
from peft_core.checkpoints.listing import list_all
from peft_core.checkpoints.record import AdoptedRecord, RunRecord
from peft_core.checkpoints.run_json import RECORD, read_run
from peft_core.errors import PeftClassroomError
from peft_core.t5.backbone import Backbone, load_backbone
from tests.cases import CASES, make_base
from tests.checkpoints.exchange import golden_kinds
from tests.conftest import three_rows
from tests.hostile import soak, zips
from tests.hostile.mutations import changed
from tests.hostile.soak import Told
from tests.trained import make_record, trained

DOORS = ("listed", "import", "upload")
IN_PLACE = ("", "", "", "", "", "pipe", "folder", "link out", "link to itself", "link to zeros", "huge")
GOLDEN = (
    ("adapterhub", "seq_rf2"), ("adapterhub", "lora"), ("adapterhub", "ia3"), ("opendelta", "lora"),
    ("opendelta", "soft_prompt_1"), ("opendelta", "adapter_24"),
)  # fmt: skip
QUESTION = "the film was good"
MOST_CPU, MOST_GROWN = 20.0, 400  # seconds of one case, and megabytes of all together
SENTENCE = 1_200  # characters; the longest is the one on pickles, with its two lines of Python


@dataclass(frozen=True)
class Case:
    """One checkpoint to be tried. `files`: of the folder; `content`: of the zip; `in_place`: what lies instead of
    one."""

    source: str
    door: str
    how: tuple[str, ...]
    files: dict[str, bytes]
    content: bytes = b""
    in_place: tuple[str, str] = ("", "")

    def __str__(self) -> str:
        return f"{self.door} {self.source}: {'; '.join(self.how)}"


@dataclass(frozen=True)
class Source:
    """A checkpoint as it was saved, or as another library has it, and what it answers."""

    files: dict[str, bytes]
    answer: float
    record: RunRecord | AdoptedRecord
    backbone: Backbone


class World:
    """The unchanged checkpoints of every method's examples over a tiny base model, and the three doors."""

    def __init__(
        self,
        root: Path,
        names: tuple[str, ...] = tuple(CASES),
        backbone: Backbone | None = None,
        golden: tuple[tuple[str, str], ...] = (),
    ) -> None:
        from peft_core.checkpoints.asking.predictor import Predictor

        self.root, self.golden = root, None
        self.backbone = backbone or load_backbone(str(make_base(root / "base")))
        self.opened = import_module("app.services.opened")
        self.predictor = lambda backbone: Predictor(backbone, max_checkpoints=1)
        self.sources: dict[str, Source] = {}
        for name in names:
            self._add(name, CASES[name])
        for library, name in golden:
            self._add_golden(library, name)

    def _add(self, name: str, config: Any) -> None:
        folder = self.root / "sources" / name
        save_checkpoint(
            trained(self.backbone, config, three_rows()), make_record(self.backbone, config), self.backbone, folder
        )
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        answer, record = self.answer(folder, self.backbone), read_run(folder)
        self.sources[name] = Source(files, answer, record, self.backbone)
        theirs = {each: content for each, content in files.items() if each != RECORD}
        try:
            self.imported(theirs, self.backbone)
        except PeftClassroomError:
            return  # a form that our own export writes otherwise, as for a large base
        self.sources[f"{name}, theirs"] = Source(theirs, answer, record, self.backbone)
        if name == "lora":
            one = {"lora.safetensors": _as_loralib(theirs)}
            self.sources["lora, loralib"] = Source(one, answer, record, self.backbone)

    def _add_golden(self, library: str, name: str) -> None:
        """A folder that the library itself has saved, over its own base model."""
        if self.golden is None:
            self.golden = load_backbone(str(golden_kinds.BASE))
        folder = golden_kinds.converted(library, name, self.root / "sources" / f"{library}-{name}")
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        answer, record = self.imported(files, self.golden)
        self.sources[f"{library} {name}"] = Source(files, answer, record, self.golden)

    def imported(self, files: dict[str, bytes], backbone: Backbone) -> tuple[float, AdoptedRecord]:
        """(What a foreign checkpoint answers once it is imported, its record.)"""
        with self.folder() as folder:
            _write(folder / "c", files)
            record = import_checkpoint(folder / "c", folder / "out", backbone.base.source)
            return self.answer(folder / "out", backbone), record

    def answer(self, folder: Path, backbone: Backbone) -> float:
        """The probability that it gives one text."""
        return self.predictor(backbone).classify(QUESTION, folder)[0].probability_positive

    @contextmanager
    def folder(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(dir=self.root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    # -----------------------------------------------------------------------------------------------------------------

    def judge(self, case: Case) -> str:
        """The outcome of one case, in words.

        Raises:
            AssertionError: if it is not as it has to be. Whatever else is raised is wrong as well.
        """
        before = set(os.listdir(self.root))
        with soak.listened("peft_core", "streamlit") as log, self.folder() as folder:
            try:
                outcome = getattr(self, f"_{case.door}")(case, folder)
            except PeftClassroomError as error:
                check_sentence(error)
                outcome = "refused in a sentence"
        assert not log.kept, log.kept
        assert set(os.listdir(self.root)) == before, "something was left behind"
        return f"{case.door}: {outcome}"

    def _asked(self, folder: Path, record: Any, case: Case) -> str:
        """What a checkpoint that came in answers, beside what it answered before it was changed."""
        wanted, found = self.sources[case.source], self.answer(folder, self.sources[case.source].backbone)
        assert 0 <= found <= 1
        if isinstance(record, RunRecord):  # figures of a run: of these weights, and sealed
            assert found == wanted.answer, (found, wanted.answer)
            return "same answers"
        assert getattr(record, "test", None) is None
        return (
            "same answers, no figures" if abs(found - wanted.answer) < 1e-6 else "read as what it says now, no figures"
        )

    def _listed(self, case: Case, folder: Path) -> str:
        mine, sound = folder / "c", folder / "sound"
        _write(mine, case.files, case.in_place)
        _write(sound, self.sources[case.source].files)
        listing = list_all([mine, sound])
        found = [info for info in listing.usable if info.path == mine]
        assert any(info.path == sound for info in listing.usable), "it hides others"
        for damaged in (each for each in listing.damaged if each.path == mine):
            check_sentence(damaged.why)
            return "damaged, said in the list"
        if not found:
            return "no checkpoint"
        record = found[0].record
        _check_printable(record.name, record.base, getattr(record, "source", ""), *getattr(record, "notes", ()))
        if isinstance(record, RunRecord) and record != self.sources[case.source].record:
            return f"a record of somebody's own, sealed by them: {self._own_record(mine, case)}"
        return self._asked(mine, record, case)

    def _own_record(self, folder: Path, case: Case) -> str:
        """A seal is no signature: whoever writes a record anew may write any. It can be asked or is refused."""
        try:
            assert 0 <= self.answer(folder, self.sources[case.source].backbone) <= 1
        except PeftClassroomError as error:
            check_sentence(error)
            return "refused when asked"
        return "asked"

    def _import(self, case: Case, folder: Path) -> str:
        out = folder / "out"
        _write(folder / "c", case.files, case.in_place)
        path = folder / "c" / "lora.safetensors" if case.source.endswith("loralib") else folder / "c"
        try:
            record = import_checkpoint(
                path, out, self.sources[case.source].backbone.base.source, alpha=16 if path.is_file() else None
            )
        except PeftClassroomError:
            assert {each.name for each in folder.iterdir()} == {"c"}, "half an import"
            raise
        return self._asked(out, record, case)

    def _upload(self, case: Case, folder: Path) -> str:
        @contextmanager
        def exclusive(name: str) -> Iterator[Any]:
            yield SimpleNamespace(backbone=self.sources[case.source].backbone)

        session = {}
        with (
            mock.patch.object(self.opened.st, "session_state", session),
            mock.patch.object(self.opened, "exclusive_predictor", exclusive),
            mock.patch.object(tempfile, "tempdir", str(folder)),
        ):
            said, name = self.opened.open_zip(io.BytesIO(case.content), "tiny-t5", 16.0)
            _check_printable(
                said.whose, said.base_named, said.label, *said.notes, *said.settings, *said.settings.values()
            )
            if name is None:
                assert said.problems
                for problem in said.problems:
                    check_sentence(problem)
                return "refused in a sentence"
            (info,) = self.opened.opened()
            there = {str(path.relative_to(folder)).split("/")[0] for path in folder.rglob("*")}
            assert len(there) == 1, there
            assert info.path.is_relative_to(folder) and not any(path.is_symlink() for path in folder.rglob("*"))
            if (
                isinstance(info.record, RunRecord)
                and info.record.weights_sha256 != self.sources[case.source].record.weights_sha256
            ):
                return f"a record of somebody's own, sealed by them: {self._own_record(info.path, case)}"
            record = info.record
            if isinstance(record, RunRecord) and record.method != self.sources[case.source].record.method:
                return f"a record of somebody's own, sealed by them: {self._own_record(info.path, case)}"
            return self._asked(info.path, record, case)


def check_sentence(error: object) -> None:
    """It can be read: short, printable, with a full stop, no word of a program's insides."""
    words = str(error)
    assert words and len(words) <= SENTENCE, f"{len(words)} characters: {words[:200]}"
    assert "Traceback" not in words and " object at 0x" not in words, words
    assert words.rstrip()[-1] in ".)'\"", words
    _check_printable(words)


def _check_printable(*texts: str) -> None:
    """Nothing that steers a terminal or turns letters round: these words are printed, and shown."""
    for words in texts:
        bad = [each for each in words if not (each.isprintable() or each in "\n\xa0\u200c\u200d")]
        assert not bad, f"unprintable {bad[:3]!r} in {words[:300]!r}"


def _as_loralib(files: dict[str, bytes]) -> bytes:
    """peft's tensors under loralib's names."""
    from safetensors.torch import load, save

    (weights,) = (content for name, content in files.items() if name.endswith(".safetensors"))
    return save(
        {
            name.removeprefix("base_model.model.")
            .replace(".lora_A.weight", ".lora_A")
            .replace(".lora_B.weight", ".lora_B"): tensor
            for name, tensor in load(weights).items()
        }
    )


def _write(folder: Path, files: dict[str, bytes], in_place: tuple[str, str] = ("", "")) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    name, kind = in_place
    path = folder / name
    if not kind:
        return
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        with path.open("wb") as file:
            if name.endswith(".safetensors"):
                file.write(struct.pack("<Q", 100_000_000))
            file.truncate(300_000_000)
    else:
        path.symlink_to({"link out": "/etc/passwd", "link to itself": name, "link to zeros": "/dev/zero"}[kind])


@st.composite
def cases(draw: Any, world: World) -> Case:
    """A source, a door that it could come through, and what was changed."""
    door = draw(st.sampled_from(DOORS))
    wanted = [name for name, one in world.sources.items() if (door == "listed") <= (RECORD in one.files)]
    if door == "import":
        wanted = [name for name in wanted if RECORD not in world.sources[name].files]
    source = draw(st.sampled_from(wanted))
    files = dict(world.sources[source].files)
    if door == "upload":
        if draw(st.integers(0, 249)) == 0:
            size = draw(st.sampled_from((20, 140, 900)))
            name = draw(
                st.sampled_from(("run.json", "adapter_model.safetensors", "tokenizer.json", "adapter_config.json"))
            )
            return Case(source, door, (f"{size} MB of zeros in {name}",), {}, zips.bomb(size, name))
        how = changed(draw, files) if draw(st.booleans()) else []
        content, kind = zips.packed(draw, files, tricks=not how or draw(st.booleans()))
        return Case(source, door, (*how, f"zip {kind}"), {}, content)
    in_place = draw(st.sampled_from(IN_PLACE))
    if in_place:
        name = draw(st.sampled_from(sorted(files)))
        return Case(source, door, (f"{in_place} in place of {name}",), files, in_place=(name, in_place))
    return Case(source, door, tuple(changed(draw, files)), files)


@contextmanager
def judging(told: Told) -> Iterator[Any]:
    """The world that a soak tries its cases in."""
    yield WORLD[0].judge


WORLD: list[World] = []


def main() -> None:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PEFT_RUNS_DIR"] = str(Path(folder) / "runs")
        WORLD[:] = [World(Path(folder) / "world", golden=GOLDEN)]
        sys.exit(soak.main("hostile_checkpoints", cases(WORLD[0]), judging))


if __name__ == "__main__":
    main()
