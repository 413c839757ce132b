"""Whose turn it is, how long that takes, how much anybody may have; with owners that are many and greedy."""

import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.training.runs import CLASSROOM_LIMITS, LocalBackend, Run, RunStatus, RunStore, seconds_until_free
from peft_core.training.runs.queue import in_turn
from tests.training.runs.test_local import eventually, spec

NOW = 1_000_000.0


def run(owner: str, since: float, state: str = "queued", pid: int | None = None) -> Run:
    made = spec(owner).model_copy(update={"created": datetime.fromtimestamp(since, UTC)})
    return Run(made, RunStatus(state=state, heartbeat=since, pid=pid), Path(made.id))


def owners(runs: list[Run]) -> str:
    return "".join(one.spec.owner for one in runs)


def test_everybodys_next_run_comes_before_anybodys_second():
    runs = [run("a", NOW + n) for n in range(3)] + [run("b", NOW + 5), run("c", NOW + 6), run("b", NOW + 7)]
    assert owners(in_turn(runs)) == "abcaba"
    assert owners(in_turn([*runs, run("a", NOW - 9, "running", 1)])) == "bcabaa", "one of a's trains already"


def test_places_go_round_and_nobody_is_passed_over_for_ever():
    """Three owners who always have two runs waiting, and a stream of people who come for the first time."""
    clock, served = NOW, []
    line = [run(owner, NOW) for owner in "aabbcc"]
    ended: list[Run] = []
    for turn in range(60):
        clock += 10
        if turn % 3 == 0:
            line.append(run(chr(ord("A") + turn % 26), clock))
        now = in_turn([*line, *ended])[0]
        line.remove(now)
        served.append(now.spec.owner)
        ended.append(run(now.spec.owner, clock + 9, "succeeded", 1))
        if now.spec.owner in "abc":
            line.append(run(now.spec.owner, clock + 9))
    counts = Counter(served)
    assert max(counts[o] for o in "abc") - min(counts[o] for o in "abc") <= 1
    for owner in "abc":
        turns = [turn for turn, who in enumerate(served) if who == owner]
        assert max(b - a for a, b in pairwise(turns)) <= 6, "three others and those who came meanwhile"


def test_a_clock_that_was_put_back_keeps_nobody_waiting(monkeypatch):
    """Times in the future are of the old clock: they say nothing."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    old, new = run("a", NOW + 86_400), run("b", NOW - 1)
    assert owners(in_turn([new, old])) == "ab"
    just_ended = run("b", NOW + 86_400, "succeeded", 1)
    assert owners(in_turn([new, run("c", NOW), just_ended])) == "bc"


def test_what_was_cancelled_in_the_line_is_no_place_that_somebody_had():
    runs = [run("a", NOW), run("b", NOW + 1), run("a", NOW + 50, "cancelled")]
    assert owners(in_turn(runs)) == "ab"
    assert owners(in_turn([*runs, run("a", NOW + 50, "cancelled", 7)])) == "ba"


@pytest.mark.parametrize(
    ("training", "ahead", "places", "seconds"),
    [
        ([], [], 1, 0), ([30], [], 1, 30), ([30], [60, 90], 1, 180), ([30, 40], [60, 90], 2, 90), ([30], [], 2, 0),
        ([30, 40, 50], [], 2, 40), ([None], [], 1, None), ([30], [None], 1, None), ([], [], 0, None),
    ],
)  # fmt: skip
def test_the_wait_is_told_from_what_is_measured_or_not_at_all(training, ahead, places, seconds):
    assert seconds_until_free(training, ahead, places) == seconds


# ---------------------------------------------------------------------------------------------------------------------
# Thirty at once

STAND_IN = """
import json, os, sys, time
status = os.path.join(sys.argv[1], "status.json")
with open(os.path.join(os.path.dirname(sys.argv[1]), "order"), "a") as order:
    print(os.path.basename(sys.argv[1]), "begins", file=order)
while True:  # the server enters the pid while it holds the lock
    with open(status) as file:
        told = json.load(file)
    if told["pid"] == os.getpid():
        break
    time.sleep(0.002)
with open(os.path.join(os.path.dirname(sys.argv[1]), "order"), "a") as order:
    print(os.path.basename(sys.argv[1]), "ends", file=order)
with open(status + ".new", "w") as file:
    json.dump(told | {"state": "succeeded"}, file)
os.replace(status + ".new", status)
"""


@pytest.fixture
def stand_in(tmp_path):
    """What makes backends over one store, whose workers train nothing and note when they begin and end."""
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    backends = []

    def make(**options) -> LocalBackend:
        backends.append(
            LocalBackend(RunStore(tmp_path / "runs"), command=[sys.executable, "-S", str(script)], **options)
        )
        return backends[-1]

    yield make
    for child in (child for backend in backends for child in backend._children):
        child.wait(timeout=60)


def at_once(calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def until_all_ended(*backends):
    def ended():
        for backend in backends:
            backend.reconcile()
        return all(one.status.finished for one in backends[0].store.list())

    eventually(ended, "all have ended", 120)


def test_thirty_press_train_at_once_and_twice_and_each_has_one_run(stand_in):
    backend = stand_in(max_running=2)
    greedy = [spec("greedy") for _ in range(3)]
    for one in greedy:
        backend.submit(one)
    asked = [spec(f"student-{number}") for number in range(30)]
    failed = []

    def press(one):
        try:
            for _ in range(2):  # a double click
                backend.submit(one)
        except PeftClassroomError as error:
            failed.append(error)

    at_once([lambda one=one: press(one) for one in asked])
    assert not failed and len(backend.store.list()) == 33
    until_all_ended(backend)
    assert {one.status.state for one in backend.store.list()} == {"succeeded"}
    lines = [line.split() for line in (backend.store.root / "order").read_text().splitlines()]
    assert Counter(run_id for run_id, word in lines if word == "begins") == {one.id: 1 for one in (*greedy, *asked)}
    together = 0
    for _, word in lines:
        together += 1 if word == "begins" else -1
        assert together <= 2


def test_two_servers_over_one_folder_train_one_run_at_a_time(stand_in):
    one, two = stand_in(), stand_in()
    at_once([lambda b=b, n=n: b.submit(spec(f"student-{n}")) for n in range(3) for b in (one, two)])
    until_all_ended(one, two)
    assert [run.status.state for run in one.store.list()] == ["succeeded"] * 6
    words = [line.split()[1] for line in (one.store.root / "order").read_text().splitlines()]
    assert words == ["begins", "ends"] * 6


# ---------------------------------------------------------------------------------------------------------------------
# How much anybody may have


def test_one_owner_trains_no_more_at_a_time_than_he_may(stand_in):
    backend = stand_in(max_running=0, max_running_per_owner=1)
    for owner in ("ann", "ann", "bob"):
        backend.submit(spec(owner))
    backend.max_running = 3
    started = []
    backend._start = lambda folder: started.append(folder.spec().owner) or True
    backend.reconcile()
    assert started == ["ann", "bob"]


def test_an_owner_who_has_filled_his_part_of_the_disk_deletes_first(tmp_path):
    limits = CLASSROOM_LIMITS.model_copy(update={"owner_gb": 1e-4})
    backend = LocalBackend(RunStore(tmp_path / "runs"), max_running=0, limits=limits)
    first = spec("ann")
    backend.submit(first)
    (backend.store.root / first.id / "state.safetensors").write_bytes(bytes(200_000))
    with pytest.raises(
        PeftClassroomError, match=r"Your runs take up 0\.0 GB, and one person may have 0\.0 GB here; delete"
    ):
        backend.submit(spec("ann"))
    backend.submit(spec("bob"))
    backend.cancel(first.id)
    backend.store.delete(first.id)
    backend.submit(spec("ann"))


def test_a_disk_that_is_nearly_full_takes_no_run(tmp_path, monkeypatch):
    from peft_core.training.runs import upkeep

    monkeypatch.setattr(upkeep.shutil, "disk_usage", lambda path: SimpleNamespace(free=100_000_000))
    with pytest.raises(PeftClassroomError, match=r"disk of this server has 0\.10 GB left"):
        LocalBackend(RunStore(tmp_path / "runs"), max_running=0).submit(spec())
