"""Runs as processes and folders. The experiment is a small fake; processes, files and signals are real."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from peft_core.config import run_config
from peft_core.errors import PeftClassroomError
from peft_core.paths import ROOT
from peft_core.training.loop.step_log import StepLog
from peft_core.training.runs import (
    CLASSROOM_LIMITS,
    LocalBackend,
    RunFolder,
    RunSpec,
    RunStatus,
    RunStore,
    check_limits,
    new_run_id,
    new_spec,
)
from peft_core.training.runs.process import identity, is_alive
from peft_core.training.runs.worker import run_worker

# Started as a process by the backend: the real worker with an experiment that only pretends to train.
FAKE_WORKER = '''
import json, os, sys, time
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import worker
from peft_core.training.loop.step_log import StepLog

def log(event, step, **rest):
    return StepLog(event, step, 6, 0.0, 0.5, **rest)

def experiment(config, folder, should_stop, should_keep):
    """Steps until `folder/go` exists, then publishes; saves its step when stopped."""
    print("training with pid", os.getpid(), flush=True)
    saved = folder / "state.safetensors"
    step = int(saved.read_text()) if saved.exists() else 0
    yield log("start", step, device="fake")
    while not (folder.parent / "go").exists() and not should_keep():
        if should_stop() and behaviour != "stubborn":
            saved.write_text(str(step))
            return None
        if behaviour == "error":
            raise ZeroDivisionError("secret detail")
        if behaviour == "sentence":
            raise PeftClassroomError("The base model is missing; run make download.")
        if step < 5:
            step += 1
            yield log("step", step, train_loss=1 / step)
        time.sleep(0.01)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "run.json").write_text("{}")
    yield log("test", 6, accuracy=0.9, low=0.8, high=0.95, n=100)
    return {"checkpoint": folder / "checkpoint", "test_accuracy": 0.9}

behaviour = sys.argv[1]
sys.exit(worker.main(sys.argv[2:], experiment=experiment))
'''


def log(event: str, step: int, total: int = 3, **rest) -> StepLog:
    return StepLog(event, step, total, 0.0, 0.5, **rest)


def config(**train):
    train = {"max_seconds": 60, **train}
    return run_config({"base": "t5-small", "method": {"method": "lora", "r": 8}, "train": train})


def spec(owner: str = "ann") -> RunSpec:
    return new_spec(config(), owner)


def eventually(condition, what: str, seconds: float = 60.0):
    """Wait for a process to get somewhere; fails with `what` rather than hanging."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.01)
    return value


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.fixture
def make_backend(store, tmp_path):
    """Backends over one store with a fake worker; whatever they started is ended after the test."""
    script = tmp_path / "fake_worker.py"
    script.write_text(FAKE_WORKER)

    backends = []

    def make(behaviour: str = "normal", **options) -> LocalBackend:
        backends.append(LocalBackend(store, command=[sys.executable, str(script), behaviour], **options))
        return backends[-1]

    yield make
    for run in store.list():
        if is_alive(run.status.pid, run.status.pid_created):
            os.killpg(run.status.pid, signal.SIGKILL)
    for backend in backends:  # a handle that is dropped while its process runs is a warning, and warnings are errors
        for child in backend._children + ([backend._spare] if backend._spare else []):
            if child.stdin:
                child.stdin.close()
            child.wait(timeout=30)


def await_state(backend: LocalBackend, run_id: str, state: str) -> RunStatus:
    def reached():
        backend.reconcile()
        status = backend.store.read(run_id).status
        assert status.state == state or not status.finished, f"{status.state}: {status.message}"
        return status if status.state == state else None

    return eventually(reached, f"{run_id} {state}")


def finish(store: RunStore) -> None:
    """Let every fake experiment come to its end."""
    (store.root / "go").touch()


# -- one run ----------------------------------------------------------------------------------------------------------
def test_a_run_goes_from_queued_to_succeeded(store, make_backend):
    backend = make_backend()
    first, second = spec(), spec()
    backend.submit(first)
    backend.submit(second)
    assert store.read(first.id).status.state in ("starting", "running")
    assert store.read(second.id).status.queued
    assert (backend.queue_position(first.id), backend.queue_position(second.id)) == (None, 1)
    assert not any(found.checkpoint for found in store.list())

    running = await_state(backend, first.id, "running")
    assert running.device == "fake" and running.total_steps == 6 and is_alive(running.pid, running.pid_created)
    finish(store)
    done = await_state(backend, first.id, "succeeded")
    assert done.result == {"checkpoint": str(store.root / first.id / "checkpoint"), "test_accuracy": 0.9}
    assert done.step == 6 and done.message is None
    await_state(backend, second.id, "succeeded")

    metrics = store.metrics(first.id)
    assert [row["event"] for row in metrics][:1] == ["start"] and metrics[-1]["event"] == "test"
    assert [row["step"] for row in metrics] == sorted(row["step"] for row in metrics)
    assert "training with pid" in store.log_tail(first.id)
    found = {run.checkpoint for run in store.list()}
    assert found == {store.root / run.id / "checkpoint" for run in (first, second)}
    eventually(lambda: backend.reconcile() or not backend._children, "children reaped")


def test_cancel_stops_a_running_run_and_resume_goes_on_from_there(store, make_backend):
    backend = make_backend()
    run = spec()
    backend.submit(run)
    eventually(lambda: len(store.metrics(run.id)) == 6, "five steps")
    backend.cancel(run.id)
    cancelled = await_state(backend, run.id, "cancelled")
    assert cancelled.message == "The run was cancelled; its progress is kept, resume it to go on."
    assert not any(found.checkpoint for found in store.list())
    backend.cancel(run.id)  # nothing left to cancel
    assert store.read(run.id).status == cancelled

    finish(store)
    backend.resume(run.id)
    await_state(backend, run.id, "succeeded")
    events = [(row["event"], row["step"]) for row in store.metrics(run.id)]
    assert events == [("start", 0), *(("step", n) for n in range(1, 6)), ("start", 5), ("test", 6)]
    with pytest.raises(PeftClassroomError, match="is succeeded; only one that was cancelled"):
        backend.resume(run.id)


def test_stop_and_keep_finishes_a_run_that_has_trained_and_no_other(store, make_backend):
    backend = make_backend()
    run, waiting = spec(), spec()
    backend.submit(run)
    backend.submit(waiting)
    with pytest.raises(PeftClassroomError, match="has not trained yet"):
        backend.keep(waiting.id)
    assert [ahead.id for ahead in backend.ahead_of(waiting.id)] == [run.id]
    eventually(lambda: store.read(run.id).status.step, "a step")
    backend.keep(run.id)
    done = await_state(backend, run.id, "succeeded")
    assert store.read(run.id).checkpoint
    backend.keep(run.id)  # nothing left to keep
    assert store.read(run.id).status == done


def test_cancel_of_a_waiting_run_is_immediate(store, make_backend):
    backend = make_backend(max_running=0)
    run = spec()
    backend.submit(run)
    backend.cancel(run.id)
    assert store.read(run.id).status.state == "cancelled"
    backend.reconcile()
    assert backend.queue_position(run.id) is None
    backend.resume(run.id)
    assert backend.queue_position(run.id) == 1


def test_a_run_that_ignores_the_flag_is_killed(store, make_backend):
    backend = make_backend("stubborn", cancel_grace=0.0, kill_grace=0.05)
    run = spec()
    backend.submit(run)
    await_state(backend, run.id, "running")
    backend.cancel(run.id)
    assert "ended before it could save" in await_state(backend, run.id, "cancelled").message


def test_sigterm_saves_and_stops(store, make_backend):
    backend = make_backend()
    run = spec()
    backend.submit(run)
    os.kill(await_state(backend, run.id, "running").pid, signal.SIGTERM)
    assert "stopped together with the computer" in await_state(backend, run.id, "cancelled").message
    assert (store.root / run.id / "state.safetensors").exists()


def test_a_killed_worker_is_lost_and_can_be_resumed(store, make_backend):
    backend = make_backend()
    run = spec()
    backend.submit(run)
    os.kill(await_state(backend, run.id, "running").pid, signal.SIGKILL)
    assert "gone without a result" in await_state(backend, run.id, "lost").message
    with open(store.root / run.id / "metrics.jsonl", "a") as file:
        file.write('{"event": "st')  # torn by the crash
    finish(store)
    backend.resume(run.id)
    await_state(backend, run.id, "succeeded")
    assert [row["event"] for row in store.metrics(run.id)] == ["start", "test"], "started again from step 0"


def test_the_last_word_of_a_worker_is_heard(store, monkeypatch):
    """It may write its result and end between our reading of the status and our look at the process."""
    run = spec()
    folder = RunFolder(store.create(run).path)
    folder.write_status(RunStatus(state="running", pid=1, pid_created=0.0))

    def ends_meanwhile(pid, created):
        folder.write_status(RunStatus(state="succeeded"))
        return False

    monkeypatch.setattr("peft_core.training.runs.local.is_alive", ends_meanwhile)
    LocalBackend(store, command=["/no/such/program"]).reconcile()
    assert store.read(run.id).status.state == "succeeded"


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("error", "The run stopped with an internal error (ZeroDivisionError); details are in log.txt."),
        ("sentence", "The base model is missing; run make download."),
    ],
)
def test_a_failure_is_one_sentence(store, make_backend, behaviour, message):
    backend = make_backend(behaviour)
    run = spec()
    backend.submit(run)
    (child,) = backend._children
    assert await_state(backend, run.id, "failed").message == message
    assert child.wait(5) == 1
    assert "Traceback" in store.log_tail(run.id)
    assert "secret detail" not in (store.root / run.id / "status.json").read_text()


def test_a_worker_that_cannot_start_is_a_failed_run(store):
    backend = LocalBackend(store, command=["/no/such/program"])
    run = spec()
    backend.submit(run)
    status = store.read(run.id).status
    assert status.state == "failed" and "could not be started" in status.message


# -- the spare worker -------------------------------------------------------------------------------------------------
def spare_of(backend: LocalBackend) -> subprocess.Popen:
    backend.keep_spare = True
    backend.reconcile()
    return backend._spare


def test_a_run_is_trained_by_the_spare_like_by_any_worker(store, make_backend):
    backend = make_backend()
    spare = spare_of(backend)
    backend.reconcile()
    assert backend._spare is spare, "never more than one"
    run, waiting = spec(), spec()
    backend.submit(run)
    backend.submit(waiting)
    status = await_state(backend, run.id, "running")
    assert (status.pid, status.pid_created) == identity(spare.pid) and backend._spare is None
    os.kill(status.pid, signal.SIGTERM)
    assert "stopped together with the computer" in await_state(backend, run.id, "cancelled").message
    assert f"training with pid {spare.pid}" in store.log_tail(run.id)

    finish(store)
    assert await_state(backend, waiting.id, "succeeded").pid != spare.pid
    eventually(lambda: backend.reconcile() or (backend._spare and not backend._children), "the next spare")
    assert backend._spare.pid != spare.pid and spare.returncode == 0
    last = backend._spare
    backend.resume(run.id)
    assert await_state(backend, run.id, "succeeded").pid == last.pid


def test_the_spare_is_cancelled_killed_and_found_lost_like_any_worker(store, make_backend):
    backend = make_backend("stubborn", cancel_grace=0.0, kill_grace=0.05)
    run = spec()
    spare = spare_of(backend)
    backend.submit(run)
    await_state(backend, run.id, "running")
    backend.cancel(run.id)
    assert "ended before it could save" in await_state(backend, run.id, "cancelled").message
    other = eventually(lambda: backend.reconcile() or backend._spare, "the next spare")
    run = spec()
    backend.submit(run)
    await_state(backend, run.id, "running")
    os.kill(other.pid, signal.SIGKILL)
    assert "gone without a result" in await_state(backend, run.id, "lost").message
    assert spare.returncode == -signal.SIGKILL


SERVER = """
import sys, time
from peft_core.training.runs import LocalBackend, RunSpec, RunStore
root, *command = sys.argv[1:]
backend = LocalBackend(RunStore(root), command=command)
backend.keep_spare = True
backend.reconcile()
print(backend._spare.pid, flush=True)
backend.submit(RunSpec.model_validate_json(sys.stdin.readline()))
print("submitted", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("busy", [False, True])
def test_the_spare_ends_with_the_server_unless_it_trains(store, tmp_path, busy):
    """The server is killed, so that it cannot tidy up."""
    (tmp_path / "fake_worker.py").write_text(FAKE_WORKER)
    command = [
        sys.executable,
        "-c",
        SERVER,
        str(store.root),
        sys.executable,
        str(tmp_path / "fake_worker.py"),
        "normal",
    ]
    run = spec()
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        pid, created = identity(int(server.stdout.readline()))
        assert is_alive(pid, created)
        if busy:
            print(run.model_dump_json(), file=server.stdin, flush=True)
            assert server.stdout.readline() == "submitted\n"
        server.kill()
    if busy:
        eventually(lambda: store.metrics(run.id), "it trains without a server")
        assert is_alive(pid, created)
        finish(store)
        eventually(lambda: store.read(run.id).status.state == "succeeded", "its end")
    eventually(lambda: not is_alive(pid, created), "the spare has ended")


def test_what_the_spare_cannot_do_a_fresh_worker_does(store, make_backend):
    backend = make_backend(max_running=2)
    spare = spare_of(backend)
    own_threads = new_spec(config(), "ann", threads=1)  # the spare has set its number already
    backend.submit(own_threads)
    assert await_state(backend, own_threads.id, "running").pid != spare.pid and backend._spare is spare
    spare.kill()
    spare.wait()
    run = spec()
    backend.submit(run)
    assert await_state(backend, run.id, "running").pid != spare.pid
    finish(store)
    await_state(backend, run.id, "succeeded")


def test_a_spare_that_ends_by_itself_is_not_started_again(store, make_backend):
    backend = make_backend()
    spare = spare_of(backend)
    spare.kill()
    spare.wait()
    backend.reconcile()
    backend.reconcile()
    assert backend._spare is None and not backend.keep_spare


# -- several at once --------------------------------------------------------------------------------------------------
def test_two_clicks_in_two_servers_start_one_process(store, make_backend):
    run = spec()
    backends = [make_backend(max_running=4) for _ in range(2)]
    threads = [threading.Thread(target=backend.submit, args=[run]) for backend in backends * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(backend._children) for backend in backends) == [0, 1]
    finish(store)
    await_state(next(backend for backend in backends if backend._children), run.id, "succeeded")
    assert store.log_tail(run.id).count("training with pid") == 1


def test_a_new_server_adopts_what_runs(store, make_backend):
    run, waiting = spec(), spec()
    old = make_backend()
    old.submit(run)
    old.submit(waiting)
    before = await_state(old, run.id, "running")
    new = make_backend()
    new.reconcile()
    after = store.read(run.id).status
    assert (after.state, after.pid) == ("running", before.pid) and not new._children
    finish(store)
    await_state(new, waiting.id, "succeeded")
    await_state(new, run.id, "succeeded")


def test_a_second_worker_leaves_a_living_one_alone(store, make_backend):
    backend = make_backend()
    run = spec()
    backend.submit(run)
    pid = await_state(backend, run.id, "running").pid
    assert run_worker(store.root / run.id, pytest.fail) == 2
    assert store.read(run.id).status.pid == pid


def test_reconcile_never_waits_for_the_lock(store, make_backend):
    backend = make_backend(max_running=0)
    run = spec()
    backend.submit(run)
    backend.max_running = 1
    with store.lock():
        _in_thread(backend.reconcile)
        assert store.read(run.id).status.queued
    with store.lock(), pytest.raises(PeftClassroomError, match="list of runs is busy"):
        _in_thread(lambda: store.lock(timeout=0).__enter__())
    backend.reconcile()
    assert store.read(run.id).status.active


def _in_thread(call):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def test_owners_may_not_fill_the_queue(store, make_backend):
    backend = make_backend(max_running=0, max_queued=3)
    backend.submit(spec("ann"))
    last = spec("ann")
    backend.submit(last)
    with pytest.raises(PeftClassroomError, match="You have 2 runs waiting already; wait for one"):
        backend.submit(spec("ann"))
    backend.submit(last)  # not another one
    backend.submit(spec("bob"))
    with pytest.raises(PeftClassroomError, match="3 runs are waiting already"):
        backend.submit(spec("cem"))
    assert len(store.list()) == 3 and len(store.list("ann")) == 2


def test_the_longest_waiting_is_next(store, make_backend):
    backend = make_backend(max_running=0)
    runs = [spec("ann"), spec("bob"), spec("cem")]
    for run in runs:
        backend.submit(run)
    assert [backend.queue_position(run.id) for run in runs] == [1, 2, 3]
    backend.cancel(runs[0].id)
    backend.resume(runs[0].id)
    assert [backend.queue_position(run.id) for run in runs] == [3, 1, 2]


# -- limits -----------------------------------------------------------------------------------------------------------
TOO_MUCH = {
    "a time limit": {"train": {"max_seconds": None}},
    "max_seconds": {"train": {"max_seconds": 901}},
    "epochs": {"train": {"max_seconds": 9, "epochs": 21}},
    "batch_size": {"train": {"max_seconds": 9, "batch_size": 65}},
    "train_size": {"train": {"max_seconds": 9}, "data": {"train_size": 20_002}},
    "max_length": {"train": {"max_seconds": 9}, "data": {"max_length": 272}},
    "'t5-11b' cannot be trained here": {"train": {"max_seconds": 9}, "base": "t5-11b"},
    "'../secret' cannot be trained here": {"train": {"max_seconds": 9}, "base": "../secret"},
}


@pytest.mark.parametrize("said", TOO_MUCH)
def test_limits_hold_at_submit_and_in_the_worker(store, said):
    greedy = run_config({"base": "t5-small", "method": {"method": "full"}, **TOO_MUCH[said]})
    run = new_spec(greedy, "ann")
    with pytest.raises(PeftClassroomError, match=said):
        LocalBackend(store, command=["/no/such/program"]).submit(run)
    assert store.list() == []

    store.create(run)  # past the server
    assert run_worker(store.root / run.id, pytest.fail) == 1
    status = store.read(run.id).status
    assert status.state == "failed" and said in status.message


def test_limits_can_be_chosen(store):
    limits = CLASSROOM_LIMITS.model_copy(update={"max_seconds": 5, "hub_bases": ("t5-large",)})
    with pytest.raises(PeftClassroomError, match=r"max_seconds is 60, .* at most 5"):
        check_limits(config().model_copy(update={"base": "t5-large"}), limits)
    with pytest.raises(PeftClassroomError, match=r"'t5-small' cannot be trained here; choose one of: .*t5-large"):
        check_limits(config(), limits)


# -- the worker in this process ---------------------------------------------------------------------------------------
def run_here(store, experiment, **options) -> tuple[int, RunStatus]:
    run = spec()
    store.create(run)
    code = run_worker(store.root / run.id, experiment, **options)
    return code, store.read(run.id).status


def test_status_writes_are_throttled_but_the_last_counts(store, monkeypatch):
    written, write = [], RunFolder.write_status

    def counted(folder, status):
        written.append(status.state)
        write(folder, status)

    monkeypatch.setattr(RunFolder, "write_status", counted)

    def experiment(config, folder, should_stop, should_keep):
        for step in range(200):
            yield log("step" if step else "start", step, 200)
        return {}

    code, status = run_here(store, experiment)
    assert (code, status.state, status.step) == (0, "succeeded", 199)
    assert written[0:3] == ["queued", "starting", "running"] and len(written) < 20


def test_the_threads_are_set_before_the_experiment_is_imported(store, monkeypatch):
    seen = {}

    def run_experiment(config, folder, should_stop, should_keep, snapshots):
        seen.update({name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")})
        yield log("start", 0)
        return {}

    monkeypatch.setitem(sys.modules, "peft_core.training.experiment", SimpleNamespace(run_experiment=run_experiment))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "")  # remembered, so that the worker's setting ends with this test
        monkeypatch.delenv(name)
    run = new_spec(config(), "ann", threads=3)
    store.create(run)
    assert run_worker(store.root / run.id) == 0
    assert seen == {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3"}


def test_stopping_before_the_start_trains_nothing(store):
    code, status = run_here(store, pytest.fail, stop_requested=lambda: True)
    assert (code, status.state) == (0, "cancelled") and "it had no progress yet" in status.message


def test_an_experiment_without_a_summary_has_failed(store):
    code, status = run_here(store, lambda *_, **__: iter([log("start", 0)]))
    assert (code, status.state) == (1, "failed") and "internal error (RuntimeError)" in status.message


def test_a_finished_run_is_not_trained_again(store, capsys):
    run = spec()
    store.create(run)
    RunFolder(store.root / run.id).write_status(RunStatus(state="succeeded"))
    assert run_worker(store.root / run.id, pytest.fail) == 2
    assert "has ended (succeeded)" in capsys.readouterr().err


@pytest.mark.parametrize("run_dir", ["missing", "Not An Id", "."])
def test_a_worker_needs_a_run(store, run_dir):
    assert run_worker(store.root / run_dir, pytest.fail) == 2


# -- the store --------------------------------------------------------------------------------------------------------
def test_ids_are_fresh_and_valid():
    ids = {new_run_id() for _ in range(100)}
    assert len(ids) == 100
    for run_id in ids:
        assert RunSpec(id=run_id, owner="ann", created=datetime.now(UTC), config=config()).id == run_id


@pytest.mark.parametrize("run_id", ["", ".", "..", "../x", "a/b", "a\\b", "A", "a" * 65, "a\n", "a\0", "é", None, 7])
def test_ids_cannot_leave_the_folder(store, run_id):
    with pytest.raises(PeftClassroomError, match="not the id of a run"):
        store.read(run_id)
    with pytest.raises(PeftClassroomError):
        RunSpec(id=run_id, owner="ann", created=datetime.now(UTC), config=config())
    for method in (store.metrics, store.log_tail, store.delete, LocalBackend(store).cancel, LocalBackend(store).resume):
        with pytest.raises(PeftClassroomError):
            method(run_id)


def test_links_are_not_followed(store, tmp_path):
    run = spec()
    elsewhere = RunStore(tmp_path / "elsewhere")
    elsewhere.create(run)
    store.root.mkdir()
    (store.root / run.id).symlink_to(elsewhere.root / run.id)
    assert store.list() == []
    with pytest.raises(PeftClassroomError, match="link to another place"):
        store.read(run.id)
    with pytest.raises(PeftClassroomError, match="link to another place"):
        store.delete(run.id)
    assert elsewhere.read(run.id).spec == run


def test_garbage_among_the_runs_is_passed_over(store, make_backend):
    backend = make_backend(max_running=0)
    run = spec()
    backend.submit(run)
    folders = [store.root / name for name in ("empty", "no-status", "torn-spec", "torn-status", "copied", "Notes")]
    for folder in folders:
        folder.mkdir()
    (store.root / "file.txt").write_text("hello")
    text = {name: (store.root / run.id / name).read_text() for name in ("spec.json", "status.json")}
    (store.root / "no-status" / "spec.json").write_text(text["spec.json"].replace(run.id, "no-status"))
    (store.root / "torn-spec" / "spec.json").write_text(text["spec.json"][:40])
    (store.root / "torn-spec" / "status.json").write_text(text["status.json"])
    (store.root / "torn-status" / "spec.json").write_text(text["spec.json"].replace(run.id, "torn-status"))
    (store.root / "torn-status" / "status.json").write_bytes(b"\xff\0")
    for name, content in text.items():
        (store.root / "copied" / name).write_text(content)
    backend.reconcile()
    assert [found.id for found in store.list()] == [run.id]
    with pytest.raises(
        PeftClassroomError, match=r"status\.json of run torn-status is damaged: .* Delete run torn-status\."
    ):
        store.read("torn-status")
    with pytest.raises(PeftClassroomError, match="holds another run"):
        store.read("copied")


def test_a_torn_last_line_is_ignored(store):
    run = spec()
    folder = RunFolder(store.create(run).path)
    assert store.metrics(run.id) == []
    folder.append_metrics(log("step", 1, train_loss=0.5))
    with open(folder.path / "metrics.jsonl", "a") as file:
        file.write('{"step": 2, "tra')
    assert [(row["step"], row["train_loss"]) for row in store.metrics(run.id)] == [(1, 0.5)]


def test_creating_twice_makes_one_run_and_no_other(store):
    run = spec()
    assert store.create(run) == store.create(run)
    with pytest.raises(PeftClassroomError, match="already another run"):
        store.create(run.model_copy(update={"owner": "bob"}))
    assert [path.name for path in store.root.iterdir()] == [run.id], "nothing else is left behind"


def test_runs_are_listed_newest_first(store):
    now = datetime.now(UTC)
    for number in (1, 3, 2):
        store.create(RunSpec(id=f"run-{number}", owner="ann", created=now + timedelta(number), config=config()))
    assert [run.id for run in store.list()] == ["run-3", "run-2", "run-1"]
    assert RunStore(store.root / "none").list() == []


def test_only_finished_runs_are_deleted(store):
    run = spec()
    folder = RunFolder(store.create(run).path)
    for state in ("queued", "starting", "running"):
        folder.write_status(RunStatus(state=state))
        with pytest.raises(PeftClassroomError, match="cancel it first"):
            store.delete(run.id)
    folder.write_status(RunStatus(state="lost"))
    store.delete(run.id)
    with pytest.raises(PeftClassroomError, match="There is no run"):
        store.read(run.id)
    assert not [path for path in store.root.iterdir() if path.is_dir()]


def test_the_tail_of_the_log_begins_with_a_whole_line(store):
    run = spec()
    folder = RunFolder(store.create(run).path)
    assert store.log_tail(run.id) == ""
    folder.log.write_text("first\nsecond\nthird\n")
    assert store.log_tail(run.id) == "first\nsecond\nthird\n"
    assert store.log_tail(run.id, max_bytes=10) == "third\n"


def test_a_folder_that_cannot_be_written_is_named_as_the_reason(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    store = RunStore(tmp_path / "file" / "runs")
    monkeypatch.setenv("PEFT_RUNS_DIR", str(store.root))
    with pytest.raises(PeftClassroomError, match="set PEFT_RUNS_DIR"):
        LocalBackend(store).submit(spec())


def test_a_full_disk_is_named_as_the_reason(store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PeftClassroomError, match=r"cannot be written \(No space left on device\); free some space"):
        store.create(spec())
    assert list(store.root.iterdir()) == []


def test_the_list_sees_every_change(store):
    run = spec()
    folder = RunFolder(store.create(run).path)
    for state in ("running", "cancelled", "queued", "running", "succeeded"):
        folder.write_status(RunStatus(state=state))
        assert [store.list()[0].status.state for _ in range(2)] == [state, state]


def test_a_run_is_described_by_its_configuration():
    methods = {
        "LoRA r=8, 4,000 reviews, seed 0": {"method": "lora"},
        "Soft prompt n=20, 4,000 reviews, seed 0": {"method": "soft_prompt", "num_virtual_tokens": 20},
        "Adapter m=8, Pfeiffer, 4,000 reviews, seed 0": {"method": "adapter"},
        "Full fine-tuning, 4,000 reviews, seed 0": {"method": "full"},
    }
    for name, method in methods.items():
        assert new_spec(run_config({"method": method}), "ann").name == name


def test_a_process_is_more_than_its_pid():
    pid, created = identity()
    assert is_alive(pid, created)
    assert not is_alive(pid, created - 60), "another process had this pid before"
    assert not is_alive(None, None)


def test_importing_runs_loads_no_torch():
    code = "import sys, json, peft_core.training.runs.worker; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"torch", "transformers", "streamlit", "datasets", "numpy"}


def test_the_worker_is_a_command(tmp_path):
    command = [sys.executable, "-m", "peft_core.training.runs.worker", str(tmp_path / "no-run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "There is no run no-run" in done.stderr


def test_the_spare_is_a_command_that_is_ready_and_leaves_without_a_word():
    command = [sys.executable, "-m", "peft_core.training.runs.worker", "--spare"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
