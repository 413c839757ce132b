"""Old runs are collected, after it was said; what nobody owns any more is swept; what somebody keeps stays."""

import os
import time

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.training.runs import LocalBackend, RunFolder, RunStatus, RunStore, upkeep
from peft_core.training.runs.aftermath import sweep
from peft_core.training.runs.upkeep import Collection, Upkeep
from tests.training.runs.test_local import spec

DAY = 86_400.0


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def ended(store, days: float, size: int = 1_000_000, state: str = "succeeded") -> RunFolder:
    """A run that ended so many days ago, with a file of `size` bytes."""
    folder = RunFolder(store.create(spec()).path)
    folder.write_status(RunStatus(state=state, heartbeat=time.time() - days * DAY))
    folder.log.write_bytes(bytes(size))
    return folder


def there(*folders: RunFolder) -> list[bool]:
    return [folder.path.is_dir() for folder in folders]


def test_a_run_goes_when_it_is_old_and_that_was_said_a_day_before(store):
    old, young, waiting = ended(store, 29.5), ended(store, 28), ended(store, 400, state="queued")
    kept = ended(store, 400)
    store.keep(kept.id, True)
    looks = Upkeep(store, Collection(days=30))
    looks.collect()
    assert there(old, young, kept, waiting) == [True] * 4
    assert old.leaving == pytest.approx(time.time(), abs=60)
    assert (young.leaving, kept.leaving, waiting.leaving) == (None, None, None)
    looks.collect()
    assert old.path.is_dir(), "said a moment ago"
    os.utime(old.leaving_file, (time.time() - DAY,) * 2)
    looks.collect()
    assert there(old, young, kept, waiting) == [False, True, True, True]


def test_to_keep_a_run_takes_its_mark_away_and_to_give_it_up_brings_it_back(store):
    old = ended(store, 31)
    looks = Upkeep(store, Collection(days=30))
    looks.collect()
    store.keep(old.id, True)
    assert old.kept and old.leaving is None
    os.utime(old.kept_file, (0, 0))
    looks.collect()
    assert old.path.is_dir() and old.leaving is None
    store.keep(old.id, False)
    looks.collect()
    assert old.leaving is not None and old.path.is_dir()


def test_the_oldest_go_that_are_too_much_and_no_more(store):
    folders = [ended(store, days) for days in (4, 3, 2, 1)]
    store.keep(folders[0].id, True)  # it takes up room, and stays
    looks = Upkeep(store, Collection(gigabytes=0.0025, notice_seconds=0))
    looks.collect()
    assert [folder.leaving is not None for folder in folders] == [False, True, True, False]
    looks.collect()
    assert there(*folders) == [True, False, False, True]


def test_what_is_not_too_much_any_more_is_not_going_any_more(store):
    one, other = ended(store, 2), ended(store, 1)
    looks = Upkeep(store, Collection(gigabytes=0.0015, notice_seconds=DAY))
    looks.collect()
    assert one.leaving is not None
    store.delete(other.id)
    looks.collect()
    assert one.leaving is None


def test_a_clock_that_jumps_deletes_nothing_at_once(store, monkeypatch):
    folder, now = ended(store, 1), time.time()
    looks = Upkeep(store, Collection(days=30))
    monkeypatch.setattr(time, "time", lambda: now + 3650 * DAY)
    looks.collect()
    assert folder.leaving is not None
    monkeypatch.setattr(time, "time", lambda: now)
    looks.collect()
    assert folder.leaving is None and folder.path.is_dir()


def test_a_damaged_run_grows_old_too(store):
    folder = ended(store, 0)
    (folder.path / "status.json").write_text("{}")
    for name in ("spec.json", "status.json"):
        os.utime(folder.path / name, (time.time() - 40 * DAY,) * 2)
    looks = Upkeep(store, Collection(days=30, notice_seconds=0))
    looks.collect()
    assert folder.leaving is not None
    looks.collect()
    assert not folder.path.exists()


def test_nothing_is_collected_unless_somebody_says_so(store, monkeypatch):
    folder = ended(store, 4000)
    for variable in ("PEFT_KEEP_DAYS", "PEFT_KEEP_GB"):
        monkeypatch.delenv(variable, raising=False)
    looks = Upkeep(store, Collection.from_environment())
    looks.collect()
    assert folder.leaving is None and not looks.collection.on
    monkeypatch.setenv("PEFT_KEEP_DAYS", "30")
    assert LocalBackend(store).upkeep.collection == Collection(days=30)
    for odd in ("", "0", "-1", "nan", "inf", "a month"):
        monkeypatch.setenv("PEFT_KEEP_GB", odd)
        with pytest.raises(PeftClassroomError, match="PEFT_KEEP_GB must be a number above 0"):
            Collection.from_environment()


def test_what_killed_workers_leave_is_swept_and_nothing_else(store):
    folder = RunFolder(store.create(spec()).path)
    (folder.path / "snapshots").mkdir()
    rubbish = ["state.tmp", ".status.json.12-34", ".metrics.jsonl.1-2", "snapshots/.7.123"]
    whole = [
        "state.safetensors",
        "metrics.jsonl",
        "log.txt",
        "kept",
        "snapshots/00000007.safetensors",
        "status.json",
        "spec.json",
        "owner",
    ]
    for name in (*rubbish, *whole[:5]):
        (folder.path / name).write_text("x")
    for name in (".checkpoint-abc", ".checkpoint-last-abc"):
        (folder.path / name).mkdir()
        (folder.path / name / "model.safetensors").write_text("x")
    sweep(folder)
    assert sorted(str(p.relative_to(folder.path)) for p in folder.path.rglob("*") if p.is_file()) == sorted(whole)
    assert [path.name for path in folder.path.iterdir() if path.is_dir()] == ["snapshots"]


def test_what_was_being_made_or_deleted_is_tidied_once_nobody_can_be_at_it(store):
    run = RunFolder(store.create(spec()).path)
    for name in (".new-a-1", ".new-b-2", ".deleted-c-3"):
        (store.root / name).mkdir()
    os.utime(store.root / ".new-a-1", (time.time() - 3600,) * 2)
    (store.root / ".new-file").write_text("x")
    backend = LocalBackend(store, max_running=0)
    backend.reconcile()
    assert {path.name for path in store.root.iterdir()} == {run.id, ".new-b-2", ".new-file", ".lock"}


def test_it_looks_now_and_then_only(store, monkeypatch):
    store.create(spec())
    looked = []
    monkeypatch.setattr(Upkeep, "tidy", lambda self: looked.append(1))
    backend = LocalBackend(store, max_running=0)
    for _ in range(3):
        backend.reconcile()
    assert len(looked) == 1
    backend.upkeep._looked -= upkeep.SECONDS_BETWEEN_LOOKS
    backend.reconcile()
    assert len(looked) == 2
