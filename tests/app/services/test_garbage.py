"""Garbage: not after every rerun, but in a moment of rest, and in any case after a while."""

import gc
import weakref

import pytest
from streamlit import config

from app.services import garbage
from peft_core.paths import ROOT


def test_an_app_started_from_anywhere_does_not_collect_after_every_rerun(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    options = {"_config_options": None, "_main_script_path": str(ROOT / "app" / "main.py")}  # as `streamlit run` has it
    for name, value in options.items():
        monkeypatch.setattr(config, name, value)
    assert config.get_option("runner.postScriptGC") is False


class Ring:
    """Points at itself: no count of references ends it."""

    def __init__(self) -> None:
        self.itself = self


class Process:
    """One that computes for so many looks and then rests; remembers how often it was looked at."""

    def __init__(self, busy: int) -> None:
        self.busy, self.looks, self.seconds = busy, 0, 0.0

    def sleep(self, seconds: float) -> None:
        assert self.ring() is not None  # nothing is collected before the moment has been looked at
        self.looks += 1
        self.seconds += seconds if self.looks <= self.busy else 0.01 * seconds

    def collected_after(self) -> int:
        gc.disable()
        try:
            self.ring = weakref.ref(Ring())
            garbage.collect_at_rest(lambda: self.seconds, self.sleep)
            assert self.ring() is None
        finally:
            gc.enable()
        return self.looks


@pytest.mark.parametrize(("busy", "looks"), [(0, 1), (3, 4), (10**9, garbage.LOOKS)])
def test_it_waits_for_a_moment_of_rest_but_not_for_ever(busy, looks):
    assert Process(busy).collected_after() == looks


def test_what_is_frozen_is_not_looked_through_again():
    kept = [Ring() for _ in range(100)]
    before = gc.get_freeze_count()
    garbage.freeze()
    try:
        assert gc.get_freeze_count() >= before + len(kept)
        assert not any(each is kept for each in gc.get_objects())
    finally:
        gc.unfreeze()
