"""What the teacher orders for all runs: it holds the queue, and makes limits smaller, never larger."""

import pytest

from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import Limits, LocalBackend, Orders, RunStore, new_spec, read_orders, workers, write_orders


@pytest.fixture
def backend(tmp_path, monkeypatch):
    """A backend whose runs start without a process: `started` has their ids."""
    backend = LocalBackend(RunStore(tmp_path / "runs"), max_running=2, max_queued_per_owner=2)
    backend.started = []

    def start(folder):
        backend.started.append(folder.id)
        folder.write_status(folder.status().changed(state="running"))
        return True

    monkeypatch.setattr(backend, "_start", start)
    monkeypatch.setattr(backend, "_settle", lambda folder: True)
    return backend


def submit(backend, owner="ann", seconds=60):
    spec = new_spec(RunConfig(base="tiny-t5", method="lora", train=TrainConfig(max_seconds=seconds)), owner)
    backend.submit(spec)
    return spec.id


def order(backend, **orders):
    write_orders(backend.store.root, Orders(**orders))


def test_a_paused_queue_takes_runs_and_starts_none_until_it_goes_on(backend):
    first = submit(backend)
    order(backend, paused=True)
    second = submit(backend)
    backend.reconcile()
    assert backend.started == [first]
    assert backend.queue_position(second) == 1
    order(backend)
    backend.reconcile()
    assert backend.started == [first, second]


def test_fewer_at_once_holds_for_what_starts_next_and_more_than_the_server_allows_changes_nothing(backend):
    order(backend, max_running=1)
    for _ in range(2):
        submit(backend)
    assert len(backend.started) == 1
    order(backend, max_running=64)
    submit(backend)
    assert len(backend.started) == 2


def test_a_smaller_number_of_waiting_runs_and_of_seconds_is_said_when_a_run_is_refused(backend):
    order(backend, paused=True, max_queued_per_owner=1, max_seconds=100)
    submit(backend, seconds=100)
    with pytest.raises(PeftClassroomError, match="1 runs waiting"):
        submit(backend)
    with pytest.raises(PeftClassroomError, match="choose at most 100"):
        submit(backend, "bob", seconds=101)
    assert Orders(max_seconds=10_000).limits(Limits(max_seconds=900)).max_seconds == 900
    assert Orders().limits(Limits(max_seconds=900)) == Limits(max_seconds=900)


@pytest.mark.parametrize("content", ["", "{", '{"paused": false, "max_running": 0}', '{"free": true}', "x" * 10_000])
def test_a_damaged_file_holds_the_queue_and_saving_mends_it(backend, content):
    backend.store.root.mkdir(exist_ok=True)
    (backend.store.root / ".orders.json").write_text(content)
    submit(backend)
    assert backend.started == []
    assert read_orders(backend.store.root).paused
    order(backend)
    backend.reconcile()
    assert len(backend.started) == 1


@pytest.mark.parametrize("asked", ["0", "65", "-1", "two", "", "1.5"])
def test_the_number_of_workers_is_a_number(monkeypatch, asked):
    monkeypatch.setenv("PEFT_WORKERS", asked)
    with pytest.raises(PeftClassroomError, match="PEFT_WORKERS"):
        workers()
    monkeypatch.setenv("PEFT_WORKERS", "3")
    assert workers() == 3
    monkeypatch.delenv("PEFT_WORKERS")
    assert workers() == 1
