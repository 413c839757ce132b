"""This computer: told in the background; paths for whoever runs the server alone."""

from concurrent.futures import Future
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from app import services
from app.content import label
from app.kit.machine import this_computer
from app.services import this_computer as service
from app.services import visitor
from peft_core.computer.device import Device
from peft_core.computer.folders import Folder
from peft_core.computer.look import Computer

SECRET = "/srv/school/peft/runs"


@pytest.fixture
def report(monkeypatch):
    found = Computer(
        created=datetime.now(UTC), software=(), precisions=(), memory=(), bases=(), browser=(),
        device=(Device(name="device", found="CPU: *a* fast one", public="CPU: *a* fast one"),),
        folders=(
            Folder(
                name="runs", state="note", variable="PEFT_RUNS_DIR", path=SECRET, writable=True,
                found=f"{SECRET}, 3 GB free", then=f"Look into {SECRET}.", public="can be written",
            ),
        ),
    )  # fmt: skip
    monkeypatch.setattr(services, "computer", lambda: found)
    return found


def text_of(app):
    return "\n".join(one.value for kind in (app.markdown, app.caption, app.info, app.success) for one in kind)


@pytest.mark.parametrize("operator", [True, False])
def test_paths_and_what_to_do_are_for_whoever_runs_the_server(open_page, report, monkeypatch, operator):
    monkeypatch.setattr(services, "is_operator", lambda: operator)
    app = open_page("computer")
    said = text_of(app)
    assert r"\*a\* fast one" in said  # as text
    assert (SECRET in said.replace("\\", "")) is operator
    assert bool([button for button in app.button if button.key == "computer_again"]) is operator
    assert label("computer", "state_note") in said
    assert operator or "can be written" in said


def test_the_page_is_there_before_anybody_has_looked(open_page, monkeypatch):
    monkeypatch.setattr(services, "computer", lambda: None)
    app = open_page("computer")
    assert label("computer", "looking") in text_of(app)


def test_the_train_section_leads_there_and_says_where_runs_go_instead(open_page, monkeypatch):
    from app.method.train import section

    monkeypatch.setattr(section, "stands_in", lambda variable: f"{variable} would say otherwise.")
    for operator in (True, False):
        monkeypatch.setattr(services, "is_operator", lambda operator=operator: operator)
        said = text_of(open_page("lora", section="train"))
        assert this_computer.link() in said
        assert ("would say otherwise" in said) is operator


def test_a_device_that_is_not_here_is_a_sentence_beside_a_button_that_cannot_be_pressed(open_page, monkeypatch):
    from app.services import numbers

    monkeypatch.setenv("PEFT_DEVICE", "cuda:7")
    numbers._looked_up.clear()
    app = open_page("lora", section="train")
    (error,) = app.error
    assert r"cuda\:7" in error.value and this_computer.link() in error.value
    assert app.button(key="train").disabled
    numbers._looked_up.clear()


def test_it_is_looked_at_once_behind_the_first_page_and_again_when_asked(monkeypatch):
    asked, ready = [], SimpleNamespace(wait=lambda: None)
    monkeypatch.setattr(service, "libraries", lambda: SimpleNamespace(ready=ready))
    monkeypatch.setattr(service, "look", lambda: asked.append("look") or "seen")
    service._looking.clear()
    assert service._looking().result(timeout=10) == "seen"
    assert services.computer() == services.computer() == "seen"
    assert asked == ["look"]
    services.look_again()
    assert service._looking().result(timeout=10) == "seen" and asked == ["look", "look"]
    service._looking.clear()


def test_what_goes_wrong_while_looking_is_told_to_whoever_asks(monkeypatch):
    failed: Future = service._behind(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        failed.result(timeout=10)


@pytest.mark.parametrize(
    ("teacher", "gave_the_key", "address", "headers", "seen"),
    [
        (False, False, None, {"host": "localhost:8501"}, True),
        (False, False, None, {"host": "localhost:8501", "x-forwarded-for": "10.0.0.7"}, False),
        (False, False, None, {"host": "school.example"}, False),
        (False, False, "10.0.0.7", {"host": "localhost:8501"}, False),
        (True, False, None, {"host": "localhost:8501"}, False),
        (True, True, "10.0.0.7", {"host": "school.example"}, True),
    ],
)
def test_the_operator_is_the_teacher_or_where_there_is_none_sits_at_this_machine(
    monkeypatch, teacher, gave_the_key, address, headers, seen
):
    monkeypatch.setattr(visitor, "keys", lambda: SimpleNamespace(has_teacher=teacher))
    monkeypatch.setattr(visitor, "is_teacher", lambda: gave_the_key)
    context = SimpleNamespace(ip_address=address, headers=headers)
    monkeypatch.setattr(visitor, "st", SimpleNamespace(context=context))
    assert visitor.is_operator() is seen
