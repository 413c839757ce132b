"""One contract over every backend: what the app asks of it. Then what a cluster alone can do to a run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from peft_core.config import run_config
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import LocalBackend, RunFolder, RunSpec, RunStatus, RunStore, new_spec, open_backend
from peft_core.training.runs.cluster.job import INTERRUPTED, JOB, OfJob
from peft_core.training.runs.cluster.jobs import ClusterError, RayJobs
from peft_core.training.runs.cluster.ray import INTERRUPTIONS, RayBackend, SharedStore
from peft_core.training.runs.cluster.settings import RaySettings, ray_settings
from peft_core.training.runs.orders import Orders, read_orders, write_orders
from peft_core.training.runs.process import is_alive
from peft_core.training.runs.worker import run_worker
from tests.training.runs.jobs_server import TOKEN, JobsServer
from tests.training.runs.stand_in import STEPS, experiment

COMMAND = [sys.executable, str(Path(__file__).with_name("stand_in.py"))]


def spec(owner: str = "ann") -> RunSpec:
    config = {"base": "t5-small", "method": {"method": "lora", "r": 8}, "train": {"max_seconds": 60}}
    return new_spec(run_config(config), owner)


def eventually(condition, what: str, seconds: float = 60.0):
    """Wait for a process to get somewhere; fails with `what` rather than hanging."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.01)
    return value


class World:
    """A folder of runs, and backends of one kind over it."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind, self.cluster = kind, None
        root = folder / "runs"
        if kind == "ray":
            root.mkdir()
            self.cluster = JobsServer(places=1)
        self.store = SharedStore(root) if kind == "ray" else RunStore(root)
        self.made: list = []

    def backend(self, **options):
        """A new one, as if the server had been started again."""
        if self.kind == "ray":
            settings = RaySettings(address=self.cluster.address, token=SecretStr(TOKEN))
            options = {"ask_after": 0.1, "forgotten": 0.5} | options
            self.made.append(RayBackend(self.store, settings, command=COMMAND, **options))
        else:
            self.made.append(LocalBackend(self.store, command=COMMAND, **options))
        return self.made[-1]

    def status(self, run: RunSpec) -> RunStatus:
        return self.store.read(run.id).status

    def reach(self, backend, run: RunSpec, state: str) -> RunStatus:
        """Ask again and again, as pages do, until the run is in this state."""

        def reached():
            backend.reconcile()
            status = self.status(run)
            assert status.state == state or not status.finished, f"{status.state}: {status.message}"
            return status if status.state == state else None

        return eventually(reached, f"{run.id} {state}")

    def steps(self, run: RunSpec) -> int:
        return max([row["step"] for row in self.store.metrics(run.id) if row["event"] == "step"], default=0)

    def train(self, backend, run: RunSpec) -> RunStatus:
        """Let it take all its steps; it waits there for `finish`."""
        eventually(lambda: backend.reconcile() or self.steps(run) == STEPS, "all steps")
        return self.status(run)

    def finish(self) -> None:
        (self.store.root / "go").touch()

    def digest(self, run: RunSpec) -> str:
        return (self.store.root / run.id / "checkpoint" / "digest").read_text()

    def close(self) -> None:
        for run in self.store.list():
            if is_alive(run.status.pid, run.status.pid_created):
                os.killpg(run.status.pid, signal.SIGKILL)
        if self.cluster:
            self.cluster.close()
        for backend in self.made:
            for child in backend._children:
                child.wait(timeout=30)


@pytest.fixture(params=["local", "ray"])
def world(request, tmp_path):
    """What every backend has to do."""
    made = World(tmp_path, request.param)
    yield made
    made.close()


@pytest.fixture
def cluster(tmp_path):
    """What happens on a cluster alone."""
    made = World(tmp_path, "ray")
    yield made
    made.close()


def uninterrupted(tmp_path) -> str:
    """What a run ends in that nothing happened to."""
    store = RunStore(tmp_path / "plain")
    run = spec()
    store.create(run)
    (store.root / "go").touch()
    assert run_worker(store.root / run.id, experiment) == 0
    return (store.root / run.id / "checkpoint" / "digest").read_text()


# -- the contract -----------------------------------------------------------------------------------------------------
def test_runs_take_turns_and_succeed_and_a_new_server_goes_on_with_them(world):
    backend = world.backend()
    first, second, third = spec("ann"), spec("bob"), spec("cem")
    backend.submit(first)
    backend.submit(first)  # a double click
    backend.submit(second)
    backend.submit(third)
    assert [world.status(run).state for run in (second, third)] == ["queued", "queued"]
    assert [backend.queue_position(run.id) for run in (first, second, third)] == [None, 1, 2]
    assert {run.id for run in backend.ahead_of(third.id)} == {first.id, second.id}
    assert backend.max_running == 1 and backend.trouble is None

    backend.cancel(second.id)  # it waits: gone at once
    assert world.status(second).state == "cancelled" and backend.queue_position(third.id) == 1
    running = world.train(backend, first)
    assert running.state == "running" and running.device.startswith("stand-in")

    later = world.backend()
    later.reconcile()
    assert world.status(first).pid == running.pid and world.status(third).queued
    world.finish()
    done = world.reach(later, first, "succeeded")
    assert done.result["test_accuracy"] == 0.9 and world.store.read(first.id).checkpoint
    world.reach(later, third, "succeeded")
    assert world.store.log_tail(first.id).count("training with pid") == 1, "one click, one process"


def test_what_was_cancelled_is_resumed_and_ends_in_the_same_bytes(world, tmp_path):
    backend = world.backend()
    run = spec()
    backend.submit(run)
    world.train(backend, run)
    backend.cancel(run.id)
    assert "its progress is kept" in world.reach(backend, run, "cancelled").message
    world.finish()
    backend.resume(run.id)
    world.reach(backend, run, "succeeded")
    assert world.digest(run) == uninterrupted(tmp_path)
    assert [row["step"] for row in world.store.metrics(run.id)] == [0, 1, 2, 3, 4, 5, 5, 6]
    with pytest.raises(PeftClassroomError, match="only one that was cancelled"):
        backend.resume(run.id)


def test_a_killed_worker_is_lost_and_resumed_and_ends_in_the_same_bytes(world, tmp_path):
    backend = world.backend()
    run = spec()
    backend.submit(run)
    os.kill(world.train(backend, run).pid, signal.SIGKILL)
    assert "gone without a result" in world.reach(backend, run, "lost").message
    world.finish()
    backend.resume(run.id)
    world.reach(backend, run, "succeeded")
    assert world.digest(run) == uninterrupted(tmp_path)


def test_stop_and_keep_publishes(world):
    backend = world.backend()
    run, waiting = spec(), spec()
    backend.submit(run)
    backend.submit(waiting)
    with pytest.raises(PeftClassroomError, match="has not trained yet"):
        backend.keep(waiting.id)
    backend.cancel(waiting.id)
    eventually(lambda: world.status(run).step, "a step")
    backend.keep(run.id)
    world.reach(backend, run, "succeeded")
    assert world.store.read(run.id).checkpoint


def test_what_the_teacher_orders_and_what_runs_take_up_is_told_by_every_backend(world):
    backend = world.backend(max_running=2) if world.kind == "local" else world.backend()
    backend.reconcile()
    most = backend.max_running
    assert backend.orders() == read_orders(world.store.root)
    assert backend.places == backend.orders().at_once(most) == most
    write_orders(world.store.root, Orders(paused=True))
    assert backend.orders().paused and backend.places == 0
    run = spec()
    backend.submit(run)
    assert backend.upkeep.size(world.store.read(run.id)) > 0 and not backend.upkeep.collection.on


def test_nobody_fills_the_queue(world):
    backend = world.backend(max_queued=3)
    for _ in range(3):  # one trains, two wait
        backend.submit(spec("ann"))
    with pytest.raises(PeftClassroomError, match="waiting already"):
        backend.submit(spec("ann"))
    backend.submit(spec("bob"))
    with pytest.raises(PeftClassroomError, match="3 runs are waiting already"):
        backend.submit(spec("cem"))
    assert len(world.store.list()) == 4


# -- a cluster --------------------------------------------------------------------------------------------------------
def test_a_run_whose_machine_went_goes_on_elsewhere_and_ends_in_the_same_bytes(cluster, tmp_path):
    backend = cluster.backend()
    run = spec()
    backend.submit(run)
    before = cluster.train(backend, run)
    cluster.cluster.kill_node(before.job)
    after = eventually(
        lambda: backend.reconcile() or ((now := cluster.status(run)).job != before.job and now), "another job"
    )
    assert after.state == "starting" and after.interruptions == 1
    cluster.finish()
    assert cluster.reach(backend, run, "succeeded").interruptions == 1
    assert cluster.digest(run) == uninterrupted(tmp_path)


def test_a_run_is_not_tried_for_ever(cluster):
    backend = cluster.backend()
    run = spec()
    backend.submit(run)
    for number in range(INTERRUPTIONS + 1):
        eventually(lambda n=number: cluster.status(run).interruptions == n or backend.reconcile(), f"try {number}")
        cluster.cluster.kill_node(cluster.status(run).job)
    assert f"interrupted {INTERRUPTIONS + 1} times" in cluster.reach(backend, run, "lost").message
    cluster.finish()
    backend.resume(run.id)
    cluster.reach(backend, run, "succeeded")


def test_a_run_that_lives_while_the_head_forgets_it_is_left_alone(cluster):
    backend = cluster.backend(forgotten=30)
    run = spec()
    backend.submit(run)
    before = cluster.train(backend, run)
    cluster.cluster.forget()
    time.sleep(0.3)  # silent for long enough to be asked for
    backend.reconcile()
    assert cluster.status(run).job == before.job
    cluster.finish()
    assert cluster.reach(backend, run, "succeeded").interruptions == 0
    assert list(cluster.cluster.processes) == [before.job]


def test_of_two_workers_of_one_run_the_older_ends_and_writes_nothing(cluster, tmp_path):
    """The head was started again and the worker was silent for too long, but alive."""
    backend = cluster.backend(forgotten=0.2)
    run = spec()
    backend.submit(run)
    before = cluster.train(backend, run)
    os.kill(before.pid, signal.SIGSTOP)
    cluster.cluster.forget()
    after = eventually(
        lambda: backend.reconcile() or ((now := cluster.status(run)).job != before.job and now), "another job"
    )
    eventually(lambda: (status := cluster.status(run)).pid not in (None, before.pid) and status, "its worker")
    os.kill(before.pid, signal.SIGCONT)
    assert cluster.cluster.processes[before.job].wait(30) == 2
    assert cluster.status(run).job == after.job
    cluster.finish()
    cluster.reach(backend, run, "succeeded")
    assert cluster.digest(run) == uninterrupted(tmp_path)
    assert f"no longer that of job {before.job}" in cluster.store.log_tail(run.id)


def test_a_job_that_never_began_is_cancelled_at_once(cluster):
    backend = cluster.backend(cancel_grace=60)
    run = spec()
    backend.submit(run)
    job = cluster.status(run).job
    os.killpg(cluster.cluster.processes[job].pid, signal.SIGKILL)
    cluster.cluster.told[job] = {"status": "PENDING"}  # other people's jobs take the cluster
    backend.cancel(run.id)
    status = cluster.status(run)
    assert status.state == "cancelled" and status.message == "The run was cancelled while it waited."
    assert cluster.cluster.told[job] == {"status": "STOPPED"}


def test_a_cluster_that_is_away_loses_nothing(cluster):
    backend = cluster.backend()
    cluster.cluster.broken = True
    run = spec()
    backend.submit(run)
    backend.reconcile()
    assert cluster.status(run).queued and backend.queue_position(run.id) == 1
    assert "answers with an error (500)" in backend.trouble
    cluster.cluster.broken = False
    backend._look_again_at = 0.0
    backend.reconcile()
    assert cluster.status(run).state == "starting" and backend.trouble is None
    cluster.train(backend, run)
    cluster.cluster.broken = True
    time.sleep(0.2)
    backend.reconcile()
    assert cluster.status(run).state == "running", "nobody can say that it is not"


@pytest.mark.parametrize("what", ["open to all", "another token", "nobody there"])
def test_a_cluster_that_cannot_be_trusted_gets_nothing(cluster, what):
    backend = cluster.backend()
    said = {"open to all": "for anybody", "another token": "does not accept the token", "nobody there": "not answer"}
    if what == "open to all":
        cluster.cluster.guarded = False
    elif what == "another token":
        backend.jobs = RayJobs(RaySettings(address=cluster.cluster.address, token=SecretStr("a guess")))
    else:
        backend.jobs = RayJobs(RaySettings(address="http://127.0.0.1:9", token=SecretStr(TOKEN)))
    run = spec()
    backend.submit(run)
    backend.reconcile()
    assert cluster.status(run).queued and said[what] in backend.trouble
    assert not cluster.cluster.submitted and TOKEN not in backend.trouble


def test_while_the_shared_folder_is_away_nothing_is_made_in_its_place(cluster, tmp_path):
    backend = cluster.backend()
    run = spec()
    backend.submit(run)
    cluster.train(backend, run)
    root = cluster.store.root
    os.rename(root, tmp_path / "away")
    for action in (lambda: backend.submit(spec()), lambda: backend.cancel(run.id)):
        with pytest.raises(PeftClassroomError, match="shared folder of runs is not there"):
            action()
    backend.reconcile()
    time.sleep(0.3)
    assert not root.exists()
    os.rename(tmp_path / "away", root)
    cluster.finish()
    assert cluster.reach(backend, run, "succeeded").interruptions == 0
    assert cluster.digest(run) == uninterrupted(tmp_path)
    assert "was away and is back" in cluster.store.log_tail(run.id)


# -- the worker's side ------------------------------------------------------------------------------------------------
def started(store: RunStore, job: str = "job-1") -> RunFolder:
    run = spec()
    folder = RunFolder(store.create(run).path)
    folder.write_status(RunStatus(state="starting", job=job))
    (store.root / "go").touch()
    return folder


def test_a_worker_of_another_job_does_not_begin(tmp_path):
    folder = started(RunStore(tmp_path / "runs"))
    assert run_worker(folder.path, pytest.fail, job=OfJob("job-0", folder)) == 2
    assert folder.status().state == "starting"
    assert run_worker(folder.path, experiment, job=OfJob("job-1", folder)) == 0
    assert folder.status().state == "succeeded"


def test_what_was_being_written_when_the_disk_went_is_tried_again(tmp_path):
    store = RunStore(tmp_path / "runs")
    folder = started(store)

    def goes_away(config, path, should_stop, should_keep):
        yield from ()
        os.rename(store.root, tmp_path / "away")
        (path / "state.safetensors").write_text("")

    assert run_worker(folder.path, goes_away, job=OfJob("job-1", folder)) == INTERRUPTED
    os.rename(tmp_path / "away", store.root)
    assert folder.status().state == "starting", "it says nothing of what it could not do"


def test_a_node_without_the_shared_folder_says_so(tmp_path, monkeypatch, capsys):
    from peft_core.training.runs import worker
    from peft_core.training.runs.cluster import job

    monkeypatch.setenv(JOB, "job-1")
    monkeypatch.setattr(job, "PATIENCE", 0.0)
    monkeypatch.setattr(worker, "_lower_priority", lambda: None)
    monkeypatch.setattr(worker, "stop_on_signals", lambda: lambda: False)
    assert worker.main([str(tmp_path / "runs" / "a-run")]) == INTERRUPTED
    assert "does not see the folder" in capsys.readouterr().err


# -- settings ---------------------------------------------------------------------------------------------------------
def test_the_settings_come_from_the_environment(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    found = ray_settings(
        {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token"), "PEFT_RAY_CPUS": "2.5", "PEFT_RAY_GPUS": "0.5"}
    )
    assert (found.address, found.cpus, found.gpus, found.threads) == ("http://127.0.0.1:8265", 2.5, 0.5, 2)
    assert found.token.get_secret_value() == "secret" and "secret" not in repr(found)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"RAY_AUTH_TOKEN_PATH": "/no/such/file"}, "There is no token"),
        ({"RAY_API_SERVER_ADDRESS": "ray://head:10001"}, "described by RAY_API_SERVER_ADDRESS: address"),
        ({"RAY_API_SERVER_ADDRESS": "http://me:word@head"}, "described by RAY_API_SERVER_ADDRESS: address"),
        ({"PEFT_RAY_CPUS": "0"}, "described by PEFT_RAY_CPUS: cpus"),
        ({"PEFT_RAY_RUNNING": "many"}, "described by PEFT_RAY_RUNNING: running"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(given, said):
    token = {} if "RAY_AUTH_TOKEN_PATH" in given else {"RAY_AUTH_TOKEN": "secret"}
    with pytest.raises(PeftClassroomError) as error:
        ray_settings({**token, **given})
    assert said in str(error.value) and "secret" not in str(error.value)


def test_the_backend_is_chosen_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    monkeypatch.delenv("PEFT_CLASSROOM_BACKEND", raising=False)
    assert type(open_backend()) is LocalBackend
    monkeypatch.setenv("PEFT_CLASSROOM_BACKEND", "ray")
    with pytest.raises(PeftClassroomError, match="every node mounts"):
        open_backend()
    (tmp_path / "runs").mkdir()
    assert isinstance(open_backend(), RayBackend)
    monkeypatch.setenv("PEFT_CLASSROOM_BACKEND", "slurm")
    with pytest.raises(PeftClassroomError, match="no backend 'slurm'"):
        open_backend()


def test_half_a_gpu_each_makes_two_a_card_and_a_node_without_cards_has_no_room():
    settings = RaySettings(token=SecretStr("secret"), cpus=2, gpus=0.5)
    room = RayJobs(settings)._room_on
    assert room({"CPU": 8, "GPU": 1}) == 2 and room({"CPU": 3, "GPU": 4}) == 1 and room({"CPU": 64}) == 0


def test_an_answer_that_is_none_of_rays_is_no_answer(monkeypatch):
    jobs = RayJobs(RaySettings(token=SecretStr("secret")))
    for answer in (b"<html>", b'{"status": "MELTED"}', b"[]", b'"x"'):
        monkeypatch.setattr(jobs, "_open", lambda *_, answer=answer, **__: answer)
        with pytest.raises(ClusterError, match="does not answer"):
            jobs.find("a-job")


def test_the_server_needs_no_ray():
    code = "import peft_core.training.runs.cluster.ray, sys; print([m for m in ('ray', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
