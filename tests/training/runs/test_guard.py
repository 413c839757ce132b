"""What a run takes is watched: time, memory, disk, and whether it gets on; and whether its process lives at all."""

import math
import os
import signal
import sys
import time

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.training.runs import CLASSROOM_LIMITS, LocalBackend, RunFolder, RunStatus, RunStore, guard, worker
from peft_core.training.runs.guard import Guard, allowed_memory
from peft_core.training.runs.process import is_alive, memory_of_machine
from peft_core.training.runs.spec import Limits
from tests.training.runs.test_local import FAKE_WORKER, eventually, log, spec


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.fixture
def looks_often(monkeypatch):
    monkeypatch.setattr(guard, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(worker, "Guard", lambda *arguments: Guard(*arguments, seconds_between_looks=0.01))


LIMITED = {
    "memory": ({}, "has taken more memory than the 0.0 GB"),
    "disk": ({"run_gb": 5e-5}, "has taken more of the disk than the 0.0 GB"),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_a_run_that_takes_too_much_saves_its_state_and_says_so(store, looks_often, limit, monkeypatch):
    values, said = LIMITED[limit]
    begun = []
    if limit == "memory":
        monkeypatch.setattr(guard, "allowed_memory", lambda limits: 1e6 if begun else math.inf)
    run = spec()
    folder = RunFolder(store.create(run).path)

    def experiment(config, path, should_stop, should_keep):
        yield log("start", 0)
        begun.append(True)
        folder.log.write_bytes(bytes(100_000))
        eventually(should_stop, "it is asked to stop", 30)
        folder.resume_state.write_text("saved")

    code = worker.run_worker(folder.path, experiment, limits=CLASSROOM_LIMITS.model_copy(update=values))
    status = folder.status()
    assert (code, status.state) == (1, "failed")
    assert said in status.message and status.message.endswith("its progress is kept, resume it to go on.")
    assert status.resumable


def test_time_on_the_wall_is_limited_and_so_is_getting_nowhere(store, monkeypatch):
    folder = RunFolder(store.create(spec()).path)
    monkeypatch.setattr(Limits, "wall_seconds", 0.05)
    given_up = []
    with Guard(folder, CLASSROOM_LIMITS, given_up.append, seconds_between_looks=0.01, grace=0.05) as watching:
        eventually(lambda: given_up, "it is given up", 30)
    assert "has taken longer than the 0 seconds" in watching.why and given_up == [watching.why]
    monkeypatch.setattr(Limits, "wall_seconds", 1e9)
    with Guard(folder, CLASSROOM_LIMITS, given_up.append, seconds_between_looks=0.01, quiet=0.3) as watching:
        for _ in range(20):
            watching.hear()
            time.sleep(0.02)
            assert watching.why is None
        eventually(lambda: watching.why, "it is quiet", 30)
    assert "has not got on for" in watching.why


def test_the_memory_of_a_run_is_limited_to_most_of_the_computers(monkeypatch):
    assert 0 < allowed_memory(Limits()) < memory_of_machine()
    assert allowed_memory(Limits(memory_gb=2)) == 2e9


def test_a_worker_shows_that_it_lives_while_its_training_says_nothing(store, looks_often):
    folder = RunFolder(store.create(spec()).path)

    def experiment(config, path, should_stop, should_keep):
        yield log("start", 0)
        os.utime(folder.alive_file, (0, 0))
        eventually(lambda: folder.seen_alive() > 0, "a sign of life", 30)
        return {}

    assert worker.run_worker(folder.path, experiment) == 0


@pytest.fixture
def hanging(store, tmp_path):
    """A backend with a worker that runs, and that is then stopped like a program that hangs."""
    script = tmp_path / "fake_worker.py"
    script.write_text(FAKE_WORKER)
    backend = LocalBackend(store, command=[sys.executable, str(script), "normal"], hung_after=0.3)
    run = spec()
    backend.hung_after = 60
    backend.submit(run)
    status = eventually(lambda: (s := store.read(run.id).status).state == "running" and s, "running")
    os.kill(status.pid, signal.SIGSTOP)
    backend.hung_after = 0.3
    yield backend, run, status
    for child in backend._children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(timeout=30)


def test_a_worker_that_hangs_is_ended_and_the_next_run_starts(hanging, store):
    backend, run, status = hanging
    other = spec("bob")
    backend.submit(other)
    assert store.read(other.id).status.queued

    def ended():
        backend.reconcile()
        return store.read(run.id).status.finished

    eventually(ended, "the silence is noticed", 30)
    found = store.read(run.id).status
    assert found.state == "lost" and "gave no sign of life for 0 seconds and was ended" in found.message
    assert "from the beginning" in found.message
    eventually(lambda: not is_alive(status.pid, status.pid_created), "its process is gone", 30)
    assert store.read(other.id).status.active


def test_a_clock_that_jumps_ends_no_worker(hanging, store, monkeypatch):
    """Of the computer's clock nothing is believed: the worker lives, whatever year it is."""
    backend, run, status = hanging
    os.kill(status.pid, signal.SIGCONT)
    backend.hung_after = 60
    for years in (-50, 50):
        monkeypatch.setattr(time, "time", lambda years=years: 1.7e9 + years * 3.15e7)
        backend.reconcile()
        assert store.read(run.id).status.state == "running"


def test_limits_are_set_in_the_environment_and_an_odd_one_is_a_sentence(monkeypatch):
    from peft_core.training.runs import spec as spec_module

    monkeypatch.setenv("PEFT_MAX_MEMORY_GB", "4")
    monkeypatch.setenv("PEFT_MAX_RUN_GB", "1.5")
    limits = spec_module._from_environment()
    assert (limits.memory_gb, limits.run_gb, limits.max_seconds) == (4, 1.5, 900)
    monkeypatch.setenv("PEFT_MAX_OWNER_GB", "much")
    with pytest.raises(PeftClassroomError, match="PEFT_MAX_OWNER_GB must be a number of gigabytes above 0, not 'much'"):
        spec_module._from_environment()


def test_a_run_that_was_never_entered_waits_again(store):
    """A server that was killed while it started it left no process in the status."""
    folder = RunFolder(store.create(spec()).path)
    folder.write_status(RunStatus(state="starting"))
    LocalBackend(store, max_running=0).reconcile()
    assert folder.status().queued
