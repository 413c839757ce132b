"""The scrubber over the moments of a run, and the section around it."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from app.content import label
from peft_core.config import RunConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.backbone import load_backbone
from peft_core.training.runs import RunFolder, RunStatus, RunStore, new_spec
from peft_core.training.snapshots import moments
from tests.trained import apply, make_record, pretend, train_a_little
from tests.training.snapshots.test_camera import a_camera


def a_scrubber():
    import streamlit as st

    from app.method.inside import scrubber

    run, steps = st.session_state.get("of", "one"), st.session_state.get("steps", [0, 4, 8])
    st.write(f"at {scrubber.draw(run, steps)}")


def opened(**query) -> AppTest:
    app = AppTest.from_function(a_scrubber, default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def at(app: AppTest) -> str:
    assert not app.exception
    return app.markdown[-1].value


def press(app: AppTest, name: str) -> AppTest:
    return app.get_by_key(f"inside_{name}").click().run()


def test_the_newest_moment_is_followed_until_somebody_goes_back():
    app = opened()
    assert at(app) == "at 8" and "inside_step" not in app.query_params
    app.session_state["steps"] = [0, 4, 8, 12]
    assert at(app.run()) == "at 12"
    assert at(press(app, "back")) == "at 8"
    assert app.query_params["inside_step"] == "8"
    app.session_state["steps"] = [0, 4, 8, 12, 16]
    assert at(app.run()) == "at 8"
    press(app, "forward")
    assert at(press(app, "forward")) == "at 16"
    app.session_state["steps"] = [0, 4, 8, 12, 16, 20]
    assert at(app.run()) == "at 20" and "inside_step" not in app.query_params


def test_a_link_opens_its_moment_and_an_impossible_one_is_moved_with_a_note():
    assert at(opened(inside_step="4")) == "at 4"
    app = opened(inside_step="5")
    assert at(app) == "at 4" and "5" in app.info[0].value
    assert at(opened(inside_step="twelve")) == "at 8"


def test_a_moment_that_made_room_is_taken_by_its_neighbour_and_another_run_starts_at_its_newest():
    app = opened(inside_step="4")
    app.session_state["steps"] = [0, 5, 9]
    assert at(app.run()) == "at 5"
    app.session_state["of"] = "another"
    assert at(app.run()) == "at 9" and "inside_step" not in app.query_params
    app.session_state["steps"] = [0]
    assert at(app.run()) == "at 0", "a run that has just begun"


def test_playing_goes_from_the_start_to_the_end_and_leaves_the_address_alone(monkeypatch):
    from app.method.inside import scrubber

    now = [100.0]
    monkeypatch.setattr(scrubber.time, "monotonic", lambda: now[0])
    app = opened()
    assert at(press(app, "play")) == "at 0"
    for wanted in ("at 4", "at 8"):
        assert at(app.run()) != wanted, "not before its time"
        now[0] += scrubber.TICK
        assert at(app.run()) == wanted
        assert "inside_step" not in app.query_params
    now[0] += scrubber.TICK
    assert at(app.run()) == "at 8"
    assert app.get_by_key("inside_play").label == label("inside", "play")


@pytest.fixture
def a_run(tmp_path, batch):
    """A finished run of LoRA with two snapshots, in the folder that `open_page` looks in."""
    store, config = RunStore(tmp_path / "runs"), LoraConfig(r=2)
    backbone = load_backbone("tiny-t5")
    run = new_spec(RunConfig(method=config), "somebody")
    store.create(run)
    folder = RunFolder(store.root / run.id)
    folder.write_status(RunStatus(state="succeeded"))
    model = apply(backbone, config)
    camera = a_camera(folder.path / moments.FOLDER, backbone, model, config)
    camera.take(0, 9)
    train_a_little(model, batch, steps=1)
    camera.take(5, 9)
    return run, folder.path / moments.FOLDER


class EighteenOfTwenty:
    """Whoever is asked later answers so, in two parts."""

    def __init__(self, reel, texts):
        assert reel.found.moments and texts is None

    def __len__(self):
        return 2

    def right(self, step, part):
        assert step == 5, "the run itself has validated the other one"
        return (10, 10) if part == 0 else (8, 10)


def test_a_run_is_looked_into_and_a_damaged_moment_is_told_and_not_drawn(checked_charts, open_page, a_run, monkeypatch):
    from peft_core.analysis.inside import asked_later

    monkeypatch.setattr(asked_later, "AskedLater", EighteenOfTwenty)
    run, folder = a_run
    app = open_page("lora", section="inside", inside_run=run.id, inside_step="0")
    assert app.get_by_key("inside_run").value == run.id
    assert len(app.get("vega_lite_chart")) == 3
    assert any("Step 0 of 9" in m.value and "50.0%" in m.value for m in app.markdown)
    assert any("**0 of 2 terms are awake**" in m.value for m in app.markdown)
    press(app, "forward")
    assert any("of 2 terms are awake" in m.value and "**0 of" not in m.value for m in app.markdown)
    assert any("50.0% at 0" in m.value for m in app.markdown), "as long as its own model has not answered all"
    assert any("being asked: 10 of 20" in c.value for c in app.caption)
    app.run()
    assert any("Step 5 of 9" in m.value and "90.0% right" in m.value for m in app.markdown)
    assert any("Measured later" in c.value for c in app.caption)
    path = moments.file_of(folder, 5)
    path.write_bytes(path.read_bytes()[:-9])
    app.run()
    assert any("is damaged" in w.value for w in app.warning)
    assert any("Step 0 of 9" in m.value for m in app.markdown)


def test_a_run_of_the_command_line_is_found_by_the_moments_in_its_checkpoint(monkeypatch, tmp_path, backbone):
    from app import services
    from app.method.inside import runs

    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path))
    services.listing.clear()
    record, model = make_record(backbone, LoraConfig(r=2)), apply(backbone, LoraConfig(r=2))
    for name in ("kept", "not-kept"):
        pretend(record, tmp_path / name / "checkpoint")
    a_camera(tmp_path / "kept" / "checkpoint" / moments.FOLDER, backbone, model, LoraConfig(r=2)).take(0, 9)
    monkeypatch.setattr(services, "own_runs", list)
    monkeypatch.setattr(services, "backend", lambda: SimpleNamespace(store=RunStore(tmp_path)))
    found = runs.filmed(backbone.base.name, "lora")
    services.listing.clear()
    assert list(found) == ["checkpoint-kept"]
    (one,) = found.values()
    assert [moment.step for moment in one.moments().moments] == [0] and not one.under_way()
    assert runs.titles(found)["checkpoint-kept"] == f"{record.name} (kept)"
    assert not runs.filmed(backbone.base.name, "ia3")
