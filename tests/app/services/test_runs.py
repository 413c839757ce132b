"""The app's handle on runs: a worker kept ready, and whose run it is."""

from types import SimpleNamespace

from app import services
from app.services import runs
from peft_core.config import RunConfig, TrainConfig
from peft_core.training.runs import LocalBackend, RunStore, new_spec


def test_a_worker_is_kept_ready_once_the_libraries_are_in_unless_its_memory_is_to_be_saved(open_page, monkeypatch):
    monkeypatch.setattr(
        LocalBackend, "_mind_spare", lambda self, idle: None
    )  # it takes seconds, and nothing trains here
    for setting, kept in (("0", False), ("1", True)):
        monkeypatch.setenv("PEFT_SPARE_WORKER", setting)
        services.backend.clear()
        runs._keep_spare.clear()
        open_page("home")
        assert services.backend().keep_spare is kept
    runs._keep_spare.clear()


def test_own_runs_come_first_the_newest_at_the_front_and_the_others_stay_as_they_were(monkeypatch, tmp_path):
    store = RunStore(tmp_path / "runs")
    config = RunConfig(base="tiny-t5", method="lora", train=TrainConfig(max_seconds=60))
    old, others, new = (store.create(new_spec(config, owner)) for owner in ("me", "another", "me"))
    monkeypatch.setattr(runs, "backend", lambda: SimpleNamespace(store=store))
    monkeypatch.setattr(runs, "owner", lambda: "me")

    def info(name, path, shipped=False):
        return SimpleNamespace(name=name, path=path, shipped=shipped)

    listed = [info("shipped", tmp_path / "shipped", True)]
    listed += [info(run.id, run.path / "checkpoint") for run in (others, old, new)]
    listed.append(info("opened", tmp_path / "opened" / "it"))
    names = [one.name for one in runs.own_first(iter(listed))]
    assert names == [new.id, old.id, "shipped", others.id, "opened"]
