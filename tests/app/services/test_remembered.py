"""What has been answered is not computed again, for no session; what was replaced or has gone is not remembered."""

import os
import shutil
import threading

import pytest

from app import services
from app.services import models
from app.services.remembered import Remembered
from peft_core.checkpoints.listing import find_checkpoint
from peft_core.errors import PeftClassroomError
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
