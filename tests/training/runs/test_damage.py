"""A run's folder is a stranger's data: every kind of damage is told, hurts no other run, and can be deleted."""

import json
import math
import os
import time

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.training.runs import DamagedRun, LocalBackend, RunFolder, RunStatus, RunStore
from peft_core.training.runs.metrics import MAX_BYTES
from peft_core.training.runs.worker import run_worker
from tests.training.runs.test_local import log, spec

DEEP = "[" * 100_000 + "]" * 100_000


# ---------------------------------------------------------------------------------------------------------------------
# How a file is damaged


def pipe(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def link_to_zero(path):
    path.symlink_to("/dev/zero")


def link_to_a_good_one(path):
    good = path.with_name("moved-away")
    path.rename(good) if path.exists() else good.write_text("{}")
    path.symlink_to(good)


def huge(path):
    with open(path, "wb") as file:
        file.truncate(10 * MAX_BYTES)


def missing(path):
    pass


SPECIAL = {kind.__name__: kind for kind in (pipe, folder, link_to_zero, link_to_a_good_one, huge)}
TEXTS = {
    "empty": "", "half": '{"state": "succ',
    "nothing": "null", "an empty object": "{}", "a list": "[]", "a number": "7", "text": '"run"', "deep": DEEP,
    "deep inside": '{"state": ' + DEEP + "}", "no text at all": b"\xff\xfe\x00\x01", "zeros": b"\0" * 4096,
    "not JSON": "{'state': 'queued'}", "two objects": "{}{}", "many digits": '{"step": ' + "9" * 5000 + "}",
}  # fmt: skip
STATUS_FIELDS = {
    "state": ("finished", 3, None, ["queued"]),
    "phase": ("sleeping", 1),
    "step": (-1, 1.5, "many", None, 10**30, math.nan),
    "total_steps": (-1, "x", [1]),
    "seconds": (math.inf, math.nan, -1, "long", {}),
    "remaining": (math.nan, -5, "soon"),
    "heartbeat": (math.inf, math.nan, "now", None, -1, 10**15),
    "pid": (0, -1, 2**40, "me", 1.5),
    "pid_created": (math.nan, "then"),
    "device": (7, "x" * 5000),
    "message": (7, "x" * 5000, ["a"]),
    "result": (
        7,
        "good",
        [],
        {"test_accuracy": "high"},
        {"test_accuracy": 2},
        {"test_accuracy": math.nan},
        {"change": [1]},
    ),
    "surprise": (1,),
}
SPEC_FIELDS = {
    "id": ("another", "../x", 7, None),
    "owner": ("", "x" * 65, None, 7),
    "created": ("yesterday", None, "2026-01-01T00:00:00"),
    "config": (None, [], {"method": {"method": "magic"}}, {"base": 7}, {"train": {"epochs": -1}}),
    "threads": (0, "all", 10**6),
    "surprise": (1,),
}


def with_field(name, value):
    def damage(path):
        path.write_text(json.dumps(json.loads(ORIGINAL[path.name]) | {name: value}))

    return damage


def text(content):
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode())


ORIGINAL = {}  # what the file held before it was damaged
EVERYWHERE = {"missing": missing} | SPECIAL | {name: text(content) for name, content in TEXTS.items()}
CASES = [
    (file, name, damage)
    for file, fields in (("status.json", STATUS_FIELDS), ("spec.json", SPEC_FIELDS))
    for name, damage in (
        EVERYWHERE | {f"{field}={v!r:.30}": with_field(field, v) for field, values in fields.items() for v in values}
    ).items()
]


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.mark.parametrize(
    ("file", "damage"), [case[::2] for case in CASES], ids=[f"{file} {name}" for file, name, _ in CASES]
)
def test_a_damaged_run_is_told_hurts_no_other_and_can_be_deleted(store, file, damage):
    good, bad = spec(), spec()
    backend = LocalBackend(store, max_running=0)
    for run in (good, bad):
        store.create(run)
    path = store.root / bad.id / file
    ORIGINAL[file] = path.read_text()
    if damage is not link_to_a_good_one:
        path.unlink()
    before = time.monotonic()
    damage(path)
    backend.reconcile()
    assert [run.id for run in store.list()] == [good.id]
    (found,) = store.damaged()
    assert isinstance(found, DamagedRun) and found.id == bad.id
    assert found.owner == "ann"
    assert 20 < len(found.why) < 700 and "Traceback" not in found.why
    assert store.damaged("ann") == [found] and store.damaged("bob") == []
    assert (backend.queue_position(good.id), backend.queue_position(bad.id)) == (1, None)
    for attempt in (store.read, backend.resume):
        with pytest.raises(PeftClassroomError):
            attempt(bad.id)
    assert run_worker(store.root / bad.id, pytest.fail) == 2
    store.delete(bad.id)
    assert store.damaged() == [] and [run.id for run in store.list()] == [good.id]
    assert time.monotonic() - before < 10, "nobody waits for a pipe"


@pytest.mark.parametrize("said", [None, b"", b"\xff", b"a" * 65, b"ann\n\x1b[2J"], ids=str)
def test_a_run_that_says_nowhere_whose_it_is_is_the_teachers_to_delete(store, said):
    run = spec()
    path = store.create(run).path
    (path / "spec.json").write_text("damaged")
    (path / "owner").unlink()
    if said is not None:
        (path / "owner").write_bytes(said)
    (found,) = store.damaged()
    assert found.owner is None and store.damaged("ann") == []


def test_a_folder_of_something_else_is_nobodys_business(store):
    (store.root / "notes").mkdir(parents=True)
    assert store.damaged() == []
    with pytest.raises(PeftClassroomError):
        store.delete("notes")
    assert (store.root / "notes").is_dir()


def test_a_damaged_run_that_still_trains_is_not_deleted(store):
    """Its own spec is damaged meanwhile; its process is this one."""
    from peft_core.training.runs.process import identity

    run = spec()
    folder = RunFolder(store.create(run).path)
    pid, created = identity()
    folder.write_status(RunStatus(state="running", pid=pid, pid_created=created))
    (folder.path / "spec.json").write_text("{}")
    with pytest.raises(PeftClassroomError, match="cancel it first"):
        store.delete(run.id)


# ---------------------------------------------------------------------------------------------------------------------
# The curve

GOOD = [log("start", 0), log("step", 1, train_loss=0.5), log("validation", 1, accuracy=0.5, low=0.4, high=0.6, n=100)]
A_STEP = {"event": "step", "step": 2, "total_steps": 3, "epoch": 0.0, "seconds": 0.5, "train_loss": 0.5}
NO_LINES = {
    **TEXTS,
    **{f"{name}={value!r:.20}": json.dumps(A_STEP | {name: value}) for name, values in {
        "event": ("party", None, 3), "step": (-1, 1.5, "two", None, math.nan, 10**30, True), "epoch": (math.inf, "x"),
        "seconds": (-1, math.nan, "x"), "train_loss": (None, "low", math.nan, math.inf, 1e300), "accuracy": (2, "high"),
        "total_steps": (None, -3, []), "learning_rate": ("fast", math.nan), "device": (7,),
    }.items() for value in values},
    **{f"without {name}": json.dumps({k: v for k, v in A_STEP.items() if k != name}) for name in A_STEP},
    **{f"a validation: {said}": json.dumps(A_STEP | {"event": "validation"} | said) for said in (
        {}, {"accuracy": 0.5}, {"accuracy": 0.5, "low": 0.6, "high": 0.7}, {"accuracy": None, "low": 0, "high": 1},
    )},
    "a long one": json.dumps(A_STEP | {"device": "x" * 10_000}),
}  # fmt: skip


@pytest.mark.parametrize("line", NO_LINES.values(), ids=NO_LINES)
def test_a_line_that_no_run_writes_is_left_out_and_counted(store, line):
    folder = RunFolder(store.create(spec()).path)
    for good in GOOD:
        folder.append_metrics(good)
    with open(folder.metrics_file, "ab") as file:
        file.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
    folder.append_metrics(log("step", 3, train_loss=0.25))
    metrics = folder.read_metrics()
    assert [(row["event"], row["step"]) for row in metrics.rows] == [
        ("start", 0),
        ("step", 1),
        ("validation", 1),
        ("step", 3),
    ]
    assert metrics.unread >= 1 and metrics.damaged


@pytest.mark.parametrize("name", SPECIAL)
def test_what_is_no_file_is_no_curve(store, name):
    folder = RunFolder(store.create(spec()).path)
    SPECIAL[name](folder.metrics_file)
    metrics = folder.read_metrics()
    assert metrics.rows == [] and metrics.damaged
    assert metrics.too_large is (name == "huge")
    folder.log.unlink(missing_ok=True)
    SPECIAL[name](folder.log)
    assert not folder.log_tail().strip("\0")


def test_lines_that_are_there_twice_count_once(store):
    folder = RunFolder(store.create(spec()).path)
    for good in (*GOOD, *GOOD):
        folder.append_metrics(good)
    assert len(folder.metrics()) == len(GOOD) and not folder.read_metrics().damaged


@pytest.mark.parametrize("validated", [0, 1, 2])
def test_a_curve_goes_on_behind_what_the_saved_state_knows(store, validated):
    """The state of step 2, with the validation of that step or before it; the worker had come further."""

    def measured(event, step):
        return log(event, step, accuracy=0.5, low=0.4, high=0.6, n=9)

    lines = [log("start", 0), measured("validation", 0)]
    for step in range(1, 5):
        lines += [log("step", step, train_loss=1 / step), *([measured("validation", step)] if step % 2 == 0 else [])]
    folder = RunFolder(store.create(spec()).path)
    for line in (*lines, measured("test", 4)):
        folder.append_metrics(line)
    folder.restart_metrics(log("start", 2, done=validated))
    rest = [
        line for line in lines if line.step > 2 or (line.event == "validation" and line.step == 2 and validated < 2)
    ]
    rest = ([measured("validation", 0)] if validated == 0 else []) + rest
    for line in rest:
        folder.append_metrics(line)
    found = sorted((row["event"], row["step"]) for row in folder.metrics() if row["event"] != "start")
    assert found == sorted((line.event, line.step) for line in lines if line.event != "start")
    assert [row["step"] for row in folder.metrics() if row["event"] == "start"] == [0, 2]
