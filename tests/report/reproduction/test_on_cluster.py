"""The table's rows on a cluster: several at once, and whatever becomes of a machine."""

import json
import threading

import pytest
from pydantic import SecretStr

from peft_core.report.reproduction.collect import run_table
from peft_core.report.reproduction.on_cluster import TRIES, on_cluster
from peft_core.report.reproduction.plan import Table
from peft_core.report.reproduction.worker import FINISHED, STOPPED
from peft_core.training.runs.cluster.jobs import RayJobs
from peft_core.training.runs.cluster.settings import RaySettings
from tests.training.runs.jobs_server import TOKEN, JobsServer

# Called as PYTHON -m peft_core.report.reproduction.worker FOLDER
WORKER = """#!/bin/sh
[ "$2" = peft_core.report.reproduction.worker ] || exit 99
cd "$3" || exit 98
echo '{"event": "step", "step": '$$', "total_steps": 2, "epoch": 0, "seconds": 0, "train_loss": 1}' >> metrics.jsonl
trap 'exit 3' TERM
%s
"""


@pytest.fixture
def server():
    made = JobsServer(places=2)
    yield made
    made.close()


@pytest.fixture
def act(server, tmp_path):
    """What works on a run, its worker doing this."""

    def make(does: str):
        worker = tmp_path / "worker.sh"
        worker.write_text(WORKER % does)
        worker.chmod(0o755)
        settings = RaySettings(address=server.address, token=SecretStr(TOKEN), python=str(worker))
        return on_cluster(RayJobs(settings), look_every=0.02)

    return make


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "lora-8"
    made.mkdir()
    return made


@pytest.mark.parametrize(("does", "code"), [("exit 0", FINISHED), ("exit 1", 1), ("kill -KILL $$", -9)])
def test_the_end_of_a_job_is_the_end_of_the_run(act, folder, does, code):
    told = []
    assert act(does)(folder, told.append, lambda: False) == code
    assert [event["event"] for event in told] == ["step"]
    assert (folder / "log.txt").exists() == (code != FINISHED)


def test_a_stop_is_passed_on(act, folder, server):
    told = []
    code = act("while :; do sleep 0.02; done")(folder, told.append, lambda: bool(told))
    assert code == STOPPED and [job["status"] for job in server.told.values()] == ["STOPPED"]


def test_a_run_whose_machine_went_is_begun_again_but_not_for_ever(act, folder, server):
    def kill(event):
        server.kill_node(list(server.processes)[-1])

    assert act("while :; do sleep 0.02; done")(folder, kill, lambda: False) == 1
    assert len(server.processes) == TRIES
    assert "terminated unexpectedly" in (folder / "log.txt").read_text()


def test_a_cluster_that_is_away_for_a_while_loses_nothing(act, folder, server):
    server.broken = True
    threading.Timer(0.1, lambda: setattr(server, "broken", False)).start()
    assert act("exit 0")(folder, lambda event: None, lambda: False) == FINISHED
    assert len(server.processes) == 1


def test_as_many_runs_at_once_as_there_is_room_for(tmp_path, monkeypatch):
    """Both wait until the other has begun."""
    both = threading.Barrier(2, timeout=30)
    worked = []

    def act(folder, report, should_stop):
        both.wait()
        worked.append(folder.name)
        return FINISHED

    names = [f"lora-{number}" for number in range(4)]
    table, nothing = _table(names), json.dumps({})
    monkeypatch.setattr("peft_core.report.reproduction.collect.collect", lambda *_: _NothingDone())
    monkeypatch.setattr(
        "peft_core.report.reproduction.collect.write_results", lambda results, out: out.write_text(nothing)
    )
    monkeypatch.setattr("peft_core.report.reproduction.collect._check_nothing_is_lost", lambda *_: None)
    monkeypatch.setattr("peft_core.report.reproduction.collect.make_folder", _folder)
    run_table(table, tmp_path, tmp_path / "r.json", names, act=act, at_once=2)
    assert sorted(worked) == names


class _NothingDone:
    def result(self, name):
        return self

    state = "not run"


def _folder(work, name, planned):
    (work / name).mkdir()
    return work / name


def _table(names) -> Table:
    return Table(None, "", {}, dict.fromkeys(names), (), ())
