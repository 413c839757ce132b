"""The visitors of the load benchmark: what they read off a screen, and what they say to the server."""

import random
from types import SimpleNamespace

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks import app_client, load
from benchmarks.load_report import LoadReport, Phase, Sample, Training, memory, raised_in, summary, times
from benchmarks.load_visitor import Visitor
from peft_core.report.costs.measured import Provenance

SLIDER, TABS, BOX, BASE = "$$ID-1a-alpha", "$$ID-2b-section", "$$ID-3c-review", "$$ID-4d-base"


def delta(*path: int, fragment: str = "", keep: str = "") -> ForwardMsg:
    answer = ForwardMsg(hash=keep)
    answer.metadata.delta_path.extend(path)
    answer.metadata.cacheable = bool(keep)
    answer.delta.fragment_id = fragment
    return answer


def page(opened: str = "Idea") -> list[ForwardMsg]:
    """Two tabs: a slider that belongs to a fragment in the first, a box and a choice of base model in the second."""
    session, navigation, address = ForwardMsg(), ForwardMsg(), ForwardMsg()
    session.new_session.page_script_hash = "hash of lora"
    for name in ("", "lora"):
        navigation.navigation.app_pages.add(url_pathname=name, page_script_hash=f"hash of {name}")
    navigation.navigation.page_script_hash = "hash of lora"
    address.page_info_changed.query_string = f"section={opened}"
    tabs, idea, tried = delta(0, 1), delta(0, 1, 0), delta(0, 1, 1)
    tabs.delta.add_block.tab_container.id = TABS
    idea.delta.add_block.tab.label, tried.delta.add_block.tab.label = "Idea", "Try it"
    moved = delta(0, 1, 0, 0, fragment="a fragment", keep="of the slider")
    slider = moved.delta.new_element.slider
    slider.id, slider.min, slider.max, slider.step = SLIDER, 0, 3, 0.5
    slider.default.append(1)
    box, base = delta(0, 1, 1, 0), delta(0, 1, 1, 1)
    box.delta.new_element.text_area.id = BOX
    base.delta.new_element.selectbox.id = BASE
    base.delta.new_element.selectbox.options.extend(["tiny-t5", "t5-11b"])
    return [session, navigation, address, tabs, idea, tried, moved, box, base, over()]


def over(how: int = ForwardMsg.FINISHED_SUCCESSFULLY) -> ForwardMsg:
    answer = ForwardMsg()
    answer.script_finished = how
    return answer


@pytest.fixture
def met(monkeypatch):
    """A visitor on the page, and what the server hears; the answers still to come can be added."""
    answers, heard = page(), []
    socket = SimpleNamespace(
        send=lambda data: heard.append(BackMsg.FromString(data).rerun_script),
        recv=lambda timeout: answers.pop(0).SerializeToString(),
        close=lambda: None,
    )
    monkeypatch.setattr(app_client, "connect", lambda *_, **__: socket)
    visitor = Visitor(app_client.App(None, 1, 0.0, 0.0), random.Random(0))
    visitor.go("lora")
    return visitor, answers, heard


def test_pages_and_sections_are_the_apps_own_and_a_visitor_goes_there(met):
    visitor, answers, heard = met
    assert list(visitor.pages) == ["", "lora"] and visitor.sections == ("Idea", "Try it")
    assert (heard[0].page_name, heard[0].page_script_hash) == ("lora", "")
    answers += page("Try it")
    visitor.open_section("Try it")
    assert [(one.id, one.string_value) for one in heard[1].widget_states.widgets] == [(TABS, "Try it")]
    assert heard[1].query_string == "section=Idea"  # where he was
    assert {widget.key for widget in visitor.screen.seen()} == {"review", "base"}  # the slider is in a closed tab
    assert visitor.move() is None  # another base model is no move
    answers += page("Try it")
    assert visitor.ask_for_verdicts() is not None
    tab, box = heard[2].widget_states.widgets
    assert tab.string_value == "Try it" and box.id == BOX and len(box.string_value) > 20


def test_a_move_runs_the_fragment_alone_and_says_which_messages_are_there_already(met):
    visitor, answers, heard = met
    again, timer = ForwardMsg(ref_hash="of the slider"), ForwardMsg()
    again.metadata.delta_path.extend((0, 1, 0, 0))
    timer.auto_rerun.fragment_id, timer.auto_rerun.interval = "a fragment", 0.01
    answers += [again, timer, over(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)]
    assert visitor.move() is not None and visitor.ask_for_verdicts() is None
    (state,) = heard[1].widget_states.widgets
    (value,) = state.double_array_value.data
    assert state.id == SLIDER and value in (0, 0.5, 1, 1.5, 2, 2.5, 3)
    assert (heard[1].fragment_id, list(heard[1].cached_message_hashes)) == ("a fragment", ["of the slider"])
    assert visitor.screen.widgets[SLIDER].kind == "slider"  # what was only referred to is there
    answers += [over(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)] * 100
    assert 1 <= len(list(visitor.rest(0.1))) <= 10
    assert heard[2].is_auto_rerun and heard[2].fragment_id == "a fragment"


def test_what_a_visitor_would_have_met_as_an_error_is_noted_and_he_comes_again(monkeypatch):
    came = []

    class Visitor:
        page, sections, pages = "", ("Idea",), {"": "a hash"}

        def __init__(self, *_):
            came.append(self)

        def go(self, page):
            if len(came) == 1:
                raise RuntimeError("boom")
            return 0.1

        open_section = go

        def move(self):
            return 0.2

        def ask_for_verdicts(self):
            return None

        def rest(self, seconds):
            yield from ()

        def close(self):
            pass

    monkeypatch.setattr(load, "Visitor", Visitor)
    monkeypatch.setattr(load, "THINK", (0, 0))
    record = load.Record()
    load.visit(None, {"": ("Idea",)}, random.Random(0), record, load.time.monotonic() + 0.05)
    assert record.errors == ["home · Idea: RuntimeError: boom"] and len(came) == 2
    assert {(sample.kind, sample.place) for sample in record.samples} == {
        ("section", "home · Idea"), ("move", "home · Idea"),
    }  # fmt: skip


def test_the_report_has_each_place_and_all_of_a_kind_and_a_line_through_the_memory():
    rows = times([Sample("move", "a", second / 100) for second in range(1, 101)] + [Sample("move", "b", 5.0)])
    by_place = {row.place: row for row in rows}
    assert (by_place["a"].p50, by_place["a"].p95, by_place["a"].p99) == (0.5, 0.95, 0.99)
    assert by_place[""].n == 101 and by_place[""].largest == 5.0
    kept = memory([(second, 100.0 if second < 60 else 100 + (second - 60) / 10) for second in range(120)])
    assert kept.slope == pytest.approx(6.0) and (kept.first, kept.largest) == (100, pytest.approx(105.9))
    phase = Phase(
        seconds=120, visitors=2, times=rows, errors=("a: boom",), memory=kept, server_cores=0.5, load_average=1.0,
        training=Training(config="LoRA r=8", alone=2.0, beside=1.2),
    )  # fmt: skip
    assert phase.training.share == 0.6
    source = Provenance(command="c", machine="m", threads=2, precision="p", created="now", versions={})
    report = LoadReport(provenance=source, cores=2, load_before=0.1, think=(1, 3), seed=0, alone=rows, phases=(phase,))
    assert LoadReport.model_validate_json(report.model_dump_json()) == report
    for words in ("2 visitors, 120 s, a run at 1.20 of 2.00 steps/s: 1 errors", "! a: boom", "(+6.0 a minute)"):
        assert words in summary(report)


def test_what_the_server_raised_is_kept_with_its_places():
    log = """You can now view
{"event": "page"}
{"event": "Uncaught app exception", "raised": "ValueError", "at": ["a.py:1 outer", "b.py:2 inner"]}
"""
    assert raised_in(log * 2) == ("ValueError at b.py:2 inner < a.py:1 outer",) * 2
    assert raised_in("all is well") == ()
