"""What is done before anybody asks: nothing while the server is busy; then whoever asks finds it there."""

from app import services
from app.services import garbage, models, ready
from peft_core.counting import by_numel
from peft_core.report.build import build_table


def test_a_server_that_is_never_at_rest_is_left_alone(monkeypatch):
    monkeypatch.setattr(ready, "ask", lambda *_: 1 / 0)
    ready.get_ready(lambda looks: False)


def test_the_shipped_checkpoints_are_loaded_and_what_compare_counts_is_counted(monkeypatch):
    services.libraries().finished.wait(timeout=120)
    monkeypatch.setattr(ready, "catalogue", lambda: {"tiny-t5": None, "t5-small": None})
    by_numel.survey.cache_clear()
    models._remembered.clear()
    rests = []
    ready.get_ready(lambda looks: not rests.append(looks))
    assert len(rests) == 3
    shipped = [info for info in services.checkpoints() if info.shipped]
    monkeypatch.setattr(models, "_answer", lambda *_: 1 / 0)
    ((text, _), *_) = services.examples()
    assert len(services.ask([text], [*shipped, "tiny-t5"])) == len(shipped) + 1
    misses = by_numel.survey.cache_info().misses
    for base in ("tiny-t5", "t5-small"):
        build_table(services.checkpoints(), base, services.numel)
    assert by_numel.survey.cache_info().misses == misses > 0


def test_rest_is_waited_for_at_most_so_many_looks():
    slept = []
    assert not garbage.wait_for_rest(lambda: float(len(slept)), slept.append, looks=3)
    assert slept == [garbage.LOOK] * 3
    assert garbage.wait_for_rest(lambda: 0.0, slept.append, looks=3) and len(slept) == 4
