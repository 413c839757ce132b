"""Folders that are written to: where they lie, what stands in for one that cannot be written, what is said of it."""

import ast
import errno
import logging
import os
from pathlib import Path

import pytest

from peft_core import paths
from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable, temporary_folder, writing
from peft_core.paths import CACHE, ROOT, RUNS, cache_dir, can_be_written, runs_dir, stands_in

SOURCES = sorted([*(ROOT / "peft_core").rglob("*.py"), *(ROOT / "app").rglob("*.py")])
MAKES = {"mkdir", "mkdtemp", "TemporaryDirectory", "TemporaryFile", "write_text", "write_bytes"}
SAYS = {"writing", "saving", "published"}  # what makes a sentence of an OSError inside
ELSEWHERE = {  # function → why it says itself what is wrong, or why there is nothing to say
    "peft_core/paths.py:can_be_written": "it asks whether that is possible",
    "peft_core/files.py:temporary_folder": "it says so itself: no folder of ours",
    "peft_core/training/untrained.py:keep_answers": "what is not kept is measured again",
    "peft_core/training/runs/process.py:is_first_to_go": "the system's, a wish and no more",
    "peft_core/serving/live/servers.py:sign_on": "the log says so, and the server does without",
    "peft_core/checkpoints/files.py:write_files": "into what `published` has made",
    "peft_core/checkpoints/files.py:_write_config": "into what `published` has made",
    "peft_core/training/pretraining/teacher.py:fill": "into what `make_writable` has made, for hours",
    "peft_core/training/pretraining/model_card.py:export": "into what `make_writable` has made",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project on a disk that cannot be written (it lies below a file), and a user's folders that can."""
    (tmp_path / "disk").write_text("")
    for variable in (RUNS, CACHE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(paths, "INSTALLED", False)
    monkeypatch.setattr(paths, "ROOT", tmp_path / "disk" / "project")
    monkeypatch.setattr(paths, "user_data_path", lambda name: tmp_path / "home" / "data")
    monkeypatch.setattr(paths, "user_cache_path", lambda name: tmp_path / "home" / "cache")
    return tmp_path


def test_the_users_folders_stand_in_for_those_that_cannot_be_written_and_that_is_said_once(project, caplog):
    with caplog.at_level(logging.WARNING, "peft_core.paths"):
        for _ in range(2):
            assert runs_dir() == project / "home" / "data" / "runs"
            assert cache_dir() == project / "home" / "cache"
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    for variable, sentence, folder in zip((RUNS, CACHE), said, ("runs", ".cache"), strict=True):
        assert f"{folder} cannot be written" in sentence and str(project / "home") in sentence
        assert f"{variable} names another folder" in sentence
        assert stands_in(variable) == sentence
    make_writable(runs_dir())
    assert not (project / "disk").is_dir()


def test_where_the_project_can_be_written_nothing_is_said(project, monkeypatch, caplog):
    monkeypatch.setattr(paths, "ROOT", project)
    assert (runs_dir(), cache_dir()) == (project / "runs", project / ".cache")
    assert [*map(stands_in, (RUNS, CACHE))] == ["", ""] and not caplog.records
    assert not (project / "runs").exists()


def test_where_neither_can_be_written_the_sentence_is_about_the_projects_own(project, monkeypatch):
    monkeypatch.setattr(paths, "user_data_path", lambda name: project / "disk" / "data")
    assert runs_dir() == project / "disk" / "project" / "runs"
    with pytest.raises(PeftClassroomError, match=f"cannot be written .*set {RUNS} to a folder that can be written"):
        make_writable(runs_dir())


def test_a_folder_that_a_variable_names_is_never_passed_over(project, monkeypatch):
    monkeypatch.setenv(RUNS, str(project / "disk" / "mine"))
    assert runs_dir() == project / "disk" / "mine"
    assert stands_in(RUNS) == ""


def test_what_can_be_written(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    assert can_be_written(tmp_path) and can_be_written(tmp_path / "new" / "deeper")
    assert not can_be_written(file) and not can_be_written(file / "below")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert not can_be_written(tmp_path)


@pytest.mark.parametrize(
    ("number", "space"), [(errno.EROFS, False), (errno.EACCES, False), (errno.ENOSPC, True), (errno.EDQUOT, True)]
)
def test_more_space_is_asked_for_where_it_would_help(monkeypatch, tmp_path, number, space):
    monkeypatch.setenv(CACHE, str(tmp_path))
    with pytest.raises(PeftClassroomError, match=f"set {CACHE} to a folder") as raised, writing(tmp_path / "reviews"):
        raise OSError(number, os.strerror(number))
    assert ("free some space" in str(raised.value)) is space


def test_without_a_temporary_folder_its_variable_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(PeftClassroomError, match=r"No temporary folder can be made .*set (TMPDIR|TEMP) to"):
        temporary_folder("mine-")


def test_reviews_that_cannot_be_made_ready_are_a_sentence(monkeypatch, tmp_path):
    from datasets import Dataset

    from peft_core.reviews import splits

    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE, str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(splits, "_read_csv", lambda source: Dataset.from_dict({"text": ["good"], "label": [1]}))
    with pytest.raises(PeftClassroomError, match=f"cannot be written .*set {CACHE} to a folder that can be written"):
        splits.load_source("imdb")
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    assert splits.load_source("imdb")["text"] == ["good"] and splits.is_kept()


# ---------------------------------------------------------------------------------------------------------------------
# Every place that writes


def unguarded(path: Path) -> set[str]:
    """Functions of a file that make folders or files where an OSError would be a traceback."""
    found = set()

    def visit(node: ast.AST, function: str, guarded: bool) -> None:
        if isinstance(node, ast.FunctionDef):
            function, guarded = node.name, False
        if isinstance(node, ast.With):
            managers = {ast.unparse(item.context_expr).partition("(")[0] for item in node.items}
            for item in node.items:
                visit(item, function, guarded or bool(managers & SAYS))
            for inner in node.body:
                visit(inner, function, guarded or bool(managers & SAYS))
            return
        if isinstance(node, ast.Call) and not guarded and ast.unparse(node.func).rpartition(".")[2] in MAKES:
            found.add(f"{path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name}:{function}")
        for child in ast.iter_child_nodes(node):
            visit(child, function, guarded)

    visit(ast.parse(path.read_text(encoding="utf-8")), "", False)
    return found


def test_whoever_writes_says_in_a_sentence_where_that_is_not_possible():
    assert {place for path in SOURCES for place in unguarded(path)} == set(ELSEWHERE)


def test_a_write_without_a_sentence_would_be_noticed(tmp_path):
    careless = tmp_path / "careless.py"
    body = "x.mkdir()"
    careless.write_text(f"def f(x):\n  with writing(x):\n    {body}\n\ndef g(x):\n  with open(x):\n    {body}\n")
    assert unguarded(careless) == {f"{careless.name}:g"}
