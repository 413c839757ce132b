"""What has been answered is not computed again, for no session; what was replaced or has gone is not remembered."""

import itertools
import os
import re
import shutil
import threading

import pytest
import streamlit as st
from streamlit.runtime.caching import cache_utils

from app import services
from app.services import models
from app.services.remembered import Remembered, remembered_for
from peft_core.checkpoints.listing import find_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.paths import ROOT
from peft_core.reviews.config import Learned

TEXTS = ["a quiet film that trusts its audience", "two hours of noise"]


@pytest.fixture
def computed(monkeypatch) -> list[tuple]:
    """The questions that reach the predictor."""
    models._remembered.clear()
    asked, answer = [], models._answer
    models._together.clear()

    def noted(base, questions):
        asked.extend((tuple(one.texts), len(one.checkpoints)) for one in questions)
        return answer(base, questions)

    monkeypatch.setattr(models, "_answer", noted)
    yield asked
    models._together.clear()


def test_only_what_is_new_is_computed_and_the_answers_are_the_same(computed):
    two, one = [find_checkpoint("ia3"), "tiny-t5"], [find_checkpoint("layer-norm")]
    first = services.ask(TEXTS[:1], two)
    again = services.ask(TEXTS[:1], [*one, *two])
    assert again[1:] == first
    assert services.ask(TEXTS, two)[0][0] == first[0][0]
    assert computed == [((TEXTS[0],), 2), ((TEXTS[0],), 1), ((TEXTS[1],), 2)]
    assert TEXTS[0] not in repr(vars(models._remembered()))


def test_a_base_model_answers_every_task_by_itself(computed):
    services.ask(TEXTS[:1], ["tiny-t5"])
    services.ask(TEXTS[:1], ["tiny-t5"], Learned(task="lie"))
    assert len(computed) == 2


def test_a_checkpoint_that_is_replaced_is_asked_again_and_one_that_is_gone_says_so(computed, tmp_path):
    info = find_checkpoint("ia3")
    folder = shutil.copytree(info.path, tmp_path / "one")
    copied = info.model_copy(update={"path": folder})
    before = services.ask(TEXTS[:1], [copied])
    shutil.copytree(find_checkpoint("layer-norm").path, folder, dirs_exist_ok=True)
    os.utime(folder / "run.json", ns=(1, 1))
    assert services.ask(TEXTS[:1], [copied])[0][0].probability_positive != before[0][0].probability_positive
    shutil.rmtree(folder)
    assert isinstance(services.ask(TEXTS[:1], [copied])[0], PeftClassroomError)


def test_the_oldest_goes_first_whoever_remembers():
    kept: Remembered[int] = Remembered(50)
    threads = [
        threading.Thread(target=lambda who=who: [kept.put(str(n), who, n) for n in range(40)]) for who in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(kept.get(str(n), who) is not None for n in range(40) for who in range(4)) == 50
    kept.put("new", 0, 7)
    assert kept.get("new", 0) == 7 and kept.get("new", 1) is None


def test_a_result_whose_time_ends_between_a_look_and_the_taking_is_no_error(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(cache_utils, "TTLCACHE_TIMER", lambda: float(next(clock)))  # each look takes a second

    def ends_in_an_error(keep) -> bool:
        calls = []

        def answer(seconds: int) -> int:
            calls.append(seconds)
            return seconds

        try:
            assert [keep(answer)(30) for _ in range(60)] == [30] * 60
        except KeyError:
            return True
        assert 1 < len(calls) < 60  # remembered, and asked again
        return False

    lengths = range(3, 12)
    assert any(ends_in_an_error(st.cache_resource(ttl=n, show_spinner=False)) for n in lengths)  # else this can go
    assert not any(ends_in_an_error(remembered_for(n)) for n in lengths)


def test_an_error_of_the_function_itself_is_raised():
    @remembered_for(seconds=60)
    def broken() -> None:
        raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        broken()


def test_nothing_with_an_end_is_remembered_in_another_way():
    ends = re.compile(r"cache_resource\([^)]*ttl")
    found = [path.name for path in (ROOT / "app").rglob("*.py") if ends.search(path.read_text(encoding="utf-8"))]
    assert found == ["remembered.py"]
