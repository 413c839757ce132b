"""The benchmark of the app: what it reads off the protocol, and what it says of its times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks import app_client
from benchmarks.app_report import AppSpeedReport, FirstStep, MoveTime, StartTime, percentile, summary
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.costs.measured import Provenance


@given(times=st.lists(st.floats(0, 10), min_size=1, max_size=60), share=st.floats(0, 1))
def test_a_percentile_is_a_measured_time_that_enough_do_not_exceed(times, share):
    found = percentile(tuple(times), share)
    assert found in times
    assert sum(t <= found for t in times) >= share * len(times)
    assert all(sum(t <= smaller for t in times) < share * len(times) for smaller in times if smaller < found)


class Socket:
    """Plays back what a server sends, and keeps what it is sent."""

    def __init__(self, *answers: ForwardMsg) -> None:
        self.answers, self.sent = list(answers), []

    def send(self, data: bytes) -> None:
        self.sent.append(BackMsg.FromString(data))

    def recv(self, timeout: float) -> bytes:
        return self.answers.pop(0).SerializeToString()


def message(**parts) -> ForwardMsg:
    answer = ForwardMsg()
    element = answer.delta.new_element
    for kind, fields in parts.items():
        for name, value in fields.items():
            setattr(getattr(element, kind), name, value)
    return answer


def finished(how: int = ForwardMsg.FINISHED_SUCCESSFULLY) -> ForwardMsg:
    answer = ForwardMsg()
    answer.script_finished = how
    return answer


@pytest.fixture
def session(monkeypatch):
    def over(*answers: ForwardMsg) -> tuple[app_client.Session, Socket]:
        socket = Socket(*answers)
        monkeypatch.setattr(app_client, "connect", lambda *_, **__: socket)
        app = app_client.App(None, 1, 0.0, 0.0)
        return app_client.Session(app, "lora", "section=count"), socket

    return over


def test_a_session_reads_until_its_script_has_finished_and_sets_the_number_of_a_key(session):
    box = message(number_input={"id": "$$ID-0a1b-lora_r", "label": "rank r"})
    number = message(metric={"label": "trainable", "body": "65,536"})
    fragment = finished(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
    page, socket = session(box, fragment, number, finished(), message(markdown={"body": "again"}), finished())
    opened = page.open()
    assert [shown.words for shown in opened] == ["rank r", "trainable", "65,536", app_client.END]
    assert [shown.seconds for shown in opened] == sorted(shown.seconds for shown in opened)
    assert [shown.words for shown in page.move("lora_r", 12)] == ["again", app_client.END]
    first, second = (sent.rerun_script for sent in socket.sent)
    assert (first.query_string, first.page_name) == ("section=count", "lora") and not first.widget_states.widgets
    (state,) = second.widget_states.widgets
    assert (state.id, state.double_value) == ("$$ID-0a1b-lora_r", 12.0)


@pytest.mark.parametrize(
    "answer", [message(exception={"message": "boom"}), finished(ForwardMsg.FINISHED_WITH_COMPILE_ERROR)]
)
def test_a_page_that_fails_is_no_measurement(session, answer):
    page, _ = session(answer, finished())
    with pytest.raises(RuntimeError, match="lora"):
        page.open()


def test_the_report_says_what_was_measured_and_nothing_without_a_time():
    move = MoveTime(
        place="Count",
        base="tiny-t5",
        method=LoraConfig(),
        sessions=30,
        by_hand=(0.01, 0.02, 0.03),
        seconds=(0.05, 0.04, 0.09),
        cpu_seconds=0.05,
    )
    report = AppSpeedReport(
        provenance=Provenance(command="c", machine="m", threads=2, precision="p", created="now", versions={}),
        counts=(),
        starts=(StartTime(reachable=0.5, first_page=1.5, torch_at_first_page=False, numel=8.0),),
        moves=(move,),
        setup=(),
        first_steps=(FirstStep(worker="spare", page_cache="warm", start=1.0, validation=3.0, step=3.5),),
    )
    assert AppSpeedReport.model_validate_json(report.model_dump_json()) == report
    said = summary(report)
    for words in (
        "30 idle sessions: median 50.0 ms, p95 90.0",
        "first page 1.50 s (before torch)",
        "spare worker, warm page cache: 3.50",
    ):
        assert words in said
    with pytest.raises(ValidationError):
        MoveTime.model_validate(move.model_dump() | {"seconds": ()})
