"""The teacher's page: seen with the key alone; runs as text; what is deleted is said first."""

import pytest

from app import services
from app.classroom import orders, table
from peft_core.config import RunConfig, TrainConfig
from peft_core.serving.names import Names, one_line
from peft_core.training.runs import LocalBackend, RunFolder, RunStore, new_spec

NAME = '=HYPERLINK("http://evil.example") <b>**Ann**</b>'


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A run that trains, one that waits, one that has ended; nothing is started or looked for."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(LocalBackend, "reconcile", lambda self: None)
    monkeypatch.setattr(LocalBackend, "_settle", lambda self, folder: True)
    store = RunStore(tmp_path / "runs")
    config = RunConfig(base="tiny-t5", method="lora", train=TrainConfig(max_seconds=60))
    made = {}
    for state, owner in (("succeeded", "ann"), ("queued", "bob"), ("running", "ann")):
        run = store.create(new_spec(config, owner))
        folder = RunFolder(run.path)
        folder.write_status(folder.status().changed(state=state, step=3, total_steps=12))
        made[state] = run
    damaged = store.create(new_spec(config, "eve"))
    (damaged.path / "status.json").write_text("{")
    Names(store.root)["ann"] = NAME
    return made


def keys_of(app):
    return {button.key for button in app.button}


def test_nobody_else_sees_that_there_is_such_a_page(open_page, runs):
    app = open_page("classroom")
    assert "class_pause" not in keys_of(app)


def test_the_teacher_sees_all_runs_pauses_the_line_cancels_and_deletes(open_page, runs, monkeypatch):
    monkeypatch.setattr(services, "is_teacher", lambda: True)
    app = open_page("classroom")
    (frame,) = (one.value for one in app.dataframe)
    assert list(frame["state"]) == ["step 3 of 12", "number 1 in line", "finished", "damaged"]
    assert list(frame["progress"]) == [25, 25, 100, 0]
    assert frame["student"][0].startswith("'=HYPERLINK")  # a table can be taken home, into a spreadsheet
    assert len(set(frame["student"])) == 3
    app.button(key="class_pause").click().run()
    assert services.backend().orders().paused
    assert any("0 training" in one.value or "of 0" in one.value for one in app.markdown)
    app.number_input(key="class_max_seconds").set_value(120).run()
    assert services.backend().orders().max_seconds == 120
    app.number_input(key="class_max_seconds").set_value(900).run()
    assert services.backend().orders().max_seconds is None
    app.button(key="class_pause").click().run()
    assert not services.backend().orders().paused
    assert not app.exception


def test_what_is_deleted_is_said_first_and_a_waiting_run_is_cancelled(runs, monkeypatch):
    """The buttons' own doing: AppTest chooses no rows of a table."""
    monkeypatch.setattr(services, "is_teacher", lambda: True)
    services.backend.clear()
    store = services.backend().store
    state = {}
    monkeypatch.setattr(table.st, "session_state", state)
    table._each("cancel", [runs["queued"].id])
    assert store.read(runs["queued"].id).status.state == "cancelled"
    table._each("delete", [runs["running"].id, runs["succeeded"].id])
    assert "cancel it first" in state["class refused"]
    assert {run.id for run in store.list()} == {runs["running"].id, runs["queued"].id}
    monkeypatch.setattr(services, "is_teacher", lambda: False)  # the key has run out since the page was drawn
    table._each("delete", [runs["queued"].id])
    orders.order(paused=True)
    assert len(store.list()) == 2
    assert not services.backend().orders().paused
    services.backend.clear()


def test_rows_stay_in_their_places_while_some_are_chosen(runs, monkeypatch):
    state = {}
    monkeypatch.setattr(table.st, "session_state", state)
    first = [runs["running"], runs["succeeded"]]
    rows, key = table._in_their_places(first)
    assert rows == first
    state[key] = {"selection": {"rows": [1]}}
    again, same = table._in_their_places([runs["queued"], runs["succeeded"], runs["running"]])
    assert ([run.id for run in again], same) == ([run.id for run in first], key)
    gone, other = table._in_their_places([runs["queued"], runs["running"]])
    assert [run.id for run in gone] == [runs["queued"].id, runs["running"].id]
    assert other != key
    assert table._chosen(other) == []


def test_a_name_is_one_line_of_what_is_seen_and_is_forgotten_with_the_last_run(tmp_path):
    assert one_line(" Ann\n\tB.\u202e \x00 ") == "Ann B."
    assert len(one_line("é" * 1000)) == 40
    names = Names(tmp_path)
    assert names["ann"] == ""
    names["ann"], names["bob"] = "Ann", "../../Bob"
    assert (names["ann"], names["bob"]) == ("Ann", "../../Bob")
    names.keep_only({"bob"})
    assert (names["ann"], names["bob"]) == ("", "../../Bob")
    names["bob"] = "  "
    assert names["bob"] == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
