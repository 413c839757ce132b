"""Tiny runs, queued from the race's screen and started by the real backend: the lanes fill, and the end is told."""

import re
import sys
import time

import pytest

from peft_core.config import RunConfig, TrainConfig
from peft_core.reviews.config import DataConfig
from peft_core.training.runs import LocalBackend, RunStore
from peft_core.training.runs.spec import Limits

# The real worker; the first run is the real experiment. The others log again what that one logged, after a moment in
# which the page can look: what they would train, and three times seven libraries, is nothing that the screen shows. A
# classroom's server does not train a base model that lies in a folder.
WORKER = """
import sys
import time
from pathlib import Path
from peft_core.training.loop.step_log import StepLog
from peft_core.training.runs import RunStore, worker
from peft_core.training.runs.spec import Limits

class AnyBase(Limits):
    def bases(self):
        return [sys.argv[1]]

store = RunStore(Path(sys.argv[2]).parent)
ended = [run for run in store.list() if run.status.state == "succeeded"]

def again(config, folder, should_stop, should_keep):
    time.sleep(1.5)
    yield from (StepLog(**row) for row in store.metrics(ended[0].id))
    return ended[0].status.result

sys.exit(worker.main(sys.argv[2:], experiment=again if ended else None, limits=AnyBase()))
"""
SECONDS = 240  # on two cores that others want, too; by themselves the runs take about ten


def lanes_of(app) -> int:
    """How many lanes the chart has."""
    charts = app.get("vega_lite_chart")
    return charts[0].proto.alt.count("%") if charts else 0


@pytest.fixture
def backend(monkeypatch, base_folder, tmp_path):
    """What the page's backend is made of: nothing is pretended but that the tiny base may be trained here."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    made = []

    class AnyBase(Limits):
        def bases(self):
            return [str(base_folder)]

    def make():
        command = [sys.executable, str(script), str(base_folder)]
        made.append(LocalBackend(RunStore(), max_queued_per_owner=1, command=command, limits=AnyBase()))
        return made[-1]

    monkeypatch.setattr("app.services.runs.open_backend", make)
    yield
    for child in (child for one in made for child in one._children):
        child.kill()
        child.wait(timeout=30)


def test_the_lanes_fill_one_after_the_other_as_the_line_has_places_and_the_end_is_told(
    open_page, backend, monkeypatch, base_folder
):
    from app.race import live

    def tiny(lane):
        return RunConfig(
            base=str(base_folder),
            method=lane.method,
            data=DataConfig(train_size=24, validation_size=20, test_size=20, max_length=16),
            train=TrainConfig(epochs=1, batch_size=8, evaluations=3, max_seconds=60),
        )

    monkeypatch.setattr(live, "budget", tiny)
    app = open_page("race", race="live", lane=["lora-8", "ia3", "prefix-10"])
    app.get_by_key("race_guess_highest").set_value("ia3").run()
    app.get_by_key("race_queue").click().run()
    assert not app.exception
    assert len(app.query_params["race_run"]) == 2, "one trains, one waits"
    assert any("2 of 3 runs were taken. The other 1 follow" in i.value for i in app.info)
    seen, until = [lanes_of(app)], time.monotonic() + SECONDS
    while not (told := " ".join(m.value for m in app.markdown if "You said" in m.value)):
        assert time.monotonic() < until, f"not in time; lanes so far: {seen}"
        time.sleep(0.5)
        app.run()
        assert not app.exception
        seen.append(lanes_of(app))
    assert seen == sorted(seen), "a lane that is there stays"
    assert {1, 2, 3} <= set(seen), "each starts when the one before has ended"
    assert len(app.query_params["race_run"]) == 3, "nobody has pressed the button again"
    assert r"You said \(IA\)³." in told and re.search(r"Highest at the end: .*\d%", told)
    assert "answers to test reviews are not compared here" in " ".join(m.value for m in app.markdown)
