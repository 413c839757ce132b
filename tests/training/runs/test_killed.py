"""A worker that is killed at any moment leaves no half checkpoint, and its run ends in the same bytes.

The runs are real; `make soak` kills a hundred. What a worker says of its end, and what the server says for one that
could not, stands here too.
"""

import errno
import os
import signal
import subprocess
import sys

import pytest

from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import LocalBackend, RunFolder, RunStatus, RunStore, aftermath
from peft_core.training.runs.worker import run_worker
from tests.training.runs.killing import GOES_WELL, MADE_WORSE, killer, moments
from tests.training.runs.test_local import log, spec


@pytest.fixture(scope="module")
def killing(tmp_path_factory, base_folder):
    with killer(tmp_path_factory.mktemp("killed") / "runs", base_folder) as found:
        yield found


def test_a_run_that_is_killed_at_any_moment_ends_in_the_same_bytes(killing):
    for rate, how in moments(killing, seed=1, kills=5):
        killing.kill(rate, **how)


@pytest.mark.parametrize(("rate", "published"), [(GOES_WELL, "checkpoint"), (MADE_WORSE, "checkpoint-last")])
def test_a_run_that_is_killed_between_two_words_of_its_end_has_its_result(killing, rate, published):
    """Right after a checkpoint came into its place: the first is its success, the last comes before the first."""
    _, touched, _ = killing.whole(rate)
    before = killing.states["succeeded"]
    killing.kill(rate, at=touched.index(("os.rename", published)) + 1)
    assert killing.states["succeeded"] - before == (published == "checkpoint")


def test_a_published_checkpoint_is_the_success_of_its_run_whatever_was_said_of_it(killing):
    """As an earlier version left it: lost, cancelled or failed, with a checkpoint that nobody may replace."""
    run_dir = killing.new(GOES_WELL)
    assert killing.order(run_dir)["code"] == 0
    folder, backend = RunFolder(run_dir), killing.backend
    for state in ("lost", "cancelled", "failed"):
        folder.write_status(RunStatus(state=state, message="checkpoint exists already."))
        folder.resume_state.write_text("left behind")
        backend.resume(folder.id)
        status = folder.status()
        assert (status.state, status.message) == ("succeeded", None)
        assert status.result["test_accuracy"] == read_record(folder.checkpoint).test.accuracy
        assert not folder.resume_state.exists()
    folder.write_status(RunStatus(state="queued"))
    assert run_worker(run_dir, pytest.fail) == 0
    assert folder.status().state == "succeeded"

    other = killing.new(MADE_WORSE)  # a checkpoint of another run is not its result
    os.rename(run_dir / "checkpoint", other / "checkpoint")
    RunFolder(other).write_status(RunStatus(state="lost"))
    backend.resume(other.name)
    assert RunFolder(other).status().queued
    killing.order(other)
    status = RunFolder(other).status()
    assert status.state == "failed" and "holds a checkpoint that is not its result; delete the run" in status.message


# ---------------------------------------------------------------------------------------------------------------------
# What is said of an end


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


ENDS = {
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "it was ended by a signal (SIGSEGV) that did not",
    "import os; os.abort()": "it was ended by a signal (SIGABRT)",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": "it was ended by a signal (SIGKILL)",
    "raise SystemExit(3)": "it ended by itself (exit code 3); log.txt in the folder of the run may say why",
}


@pytest.mark.parametrize("code", ENDS)
def test_of_a_process_that_is_gone_is_said_what_the_system_says(store, code, monkeypatch):
    monkeypatch.setattr(aftermath, "killed_for_memory", lambda: 0)
    monkeypatch.setattr("peft_core.training.runs.local.killed_for_memory", lambda: 0)
    backend = LocalBackend(store, command=[sys.executable, "-S", "-c", code])
    run = spec()
    backend.submit(run)
    backend._children[0].wait(timeout=60)
    backend.reconcile()
    status = store.read(run.id).status
    assert status.state == "lost"
    assert status.message.startswith(f"The training process is gone without a result: {ENDS[code]}")
    assert status.message.endswith("; resume it to go on from the beginning.")


def test_whether_memory_was_short_is_asked_of_the_system(store, monkeypatch):
    counts = iter([7, 8])
    monkeypatch.setattr("peft_core.training.runs.local.killed_for_memory", lambda: next(counts))
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    backend = LocalBackend(store, command=[sys.executable, "-S", "-c", kill])
    run = spec()
    backend.submit(run)
    backend._children[0].wait(timeout=60)
    backend.reconcile()
    assert "has ended a process for lack of memory since it was started" in store.read(run.id).status.message


def test_of_a_process_that_another_server_started_is_said_that_nothing_is_known(store, monkeypatch):
    folder = RunFolder(store.create(spec()).path)
    monkeypatch.setattr(aftermath, "_started_again_since", lambda time: False)
    folder.write_status(RunStatus(state="running", pid=1, pid_created=0.0))
    folder.resume_state.write_text("")
    LocalBackend(store, max_running=0).reconcile()
    message = folder.status().message
    assert "why is not known, because it was not this server" in message and "from the last saved state" in message


def test_a_computer_that_was_started_again_is_the_reason(store):
    folder = RunFolder(store.create(spec()).path)
    folder.write_status(RunStatus(state="running", pid=1, pid_created=0.0, heartbeat=10.0))
    LocalBackend(store, max_running=0).reconcile()
    assert "was started again meanwhile" in folder.status().message


SHORT = {
    "memory": (MemoryError(), "has not enough memory"),
    "torch's memory": (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "has not enough memory"),
    "a card's memory": (RuntimeError("CUDA out of memory. Tried to allocate"), "has not enough memory"),
    "the disk": (OSError(errno.ENOSPC, "No space left on device"), "The disk of the server is full"),
}


@pytest.mark.parametrize("what", SHORT)
def test_too_little_of_something_is_told_as_that(store, what):
    error, said = SHORT[what]
    run = spec()

    def experiment(config, path, should_stop, should_keep):
        yield log("start", 0)
        raise error

    store.create(run)
    assert run_worker(store.root / run.id, experiment) == 1
    status = store.read(run.id).status
    assert status.state == "failed" and said in status.message


# ---------------------------------------------------------------------------------------------------------------------
# A disk that is full, a folder that may not be written


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_where_nothing_can_be_written_pages_are_drawn_and_no_process_is_started(store, monkeypatch, number):
    waiting, training = spec("ann"), spec("bob")
    for run in (waiting, training):
        store.create(run)
    folder = store.folder(training.id)
    folder.write_status(RunStatus(state="running", pid=1, pid_created=0.0))

    def refused(*_, **__):
        raise OSError(number, os.strerror(number))

    backend = LocalBackend(store)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", refused)
        patch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("no process"))
        backend.reconcile()
        assert os.strerror(number) in backend.trouble
        assert store.read(waiting.id).status.queued and store.read(training.id).status.active
        with pytest.raises(PeftClassroomError, match="cannot be written"):
            backend.submit(spec("cem"))
    backend.max_running = 0
    backend.reconcile()
    assert backend.trouble is None and store.read(training.id).status.state == "lost"


def test_a_lock_that_may_not_be_taken_is_told(store, monkeypatch):
    store.create(spec())
    backend = LocalBackend(store, max_running=0)

    def refused(self, timeout):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("filelock.FileLock.acquire", refused)
        backend.reconcile()
    assert "cannot be written (Permission denied)" in backend.trouble
    backend.reconcile()
    assert backend.trouble is None


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to mount")
def test_a_disk_that_fills_up_while_it_trains_fails_the_run_in_words(tmp_path, monkeypatch):
    root = tmp_path / "small"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(root)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount")
    try:
        store = RunStore(root / "runs")
        run = spec()
        store.create(run)

        def experiment(config, path, should_stop, should_keep):
            yield log("start", 0)
            for step in range(1, 100_000):
                yield log("step", step, 100_000, train_loss=0.5)

        assert run_worker(store.root / run.id, experiment) == 1
        monkeypatch.setattr("peft_core.training.runs.local.is_alive", lambda *_: False)  # it was this process
        folder, backend = store.folder(run.id), LocalBackend(store, max_running=0)
        assert folder.metrics()[-1]["event"] == "step" and not folder.read_metrics().unread
        backend.reconcile()
        assert store.read(run.id).status.finished or "No space left on device" in backend.trouble
        folder.metrics_file.write_bytes(folder.metrics_file.read_bytes()[:50_000])
        backend.reconcile()
        assert backend.trouble is None and store.read(run.id).status.finished
    finally:
        subprocess.run(["umount", str(root)], check=True)


def test_signals_have_names():
    assert aftermath._name(signal.SIGTERM) == "SIGTERM" and aftermath._name(99) == "number 99"
