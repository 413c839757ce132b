"""The tab How sure? shows what the records say, one question at a time."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.content import label
from app.kit.asking import stored_answers, verdicts
from peft_core.methods.lora.method import LoraConfig
from tests.trained import make_record, pretend

PAGE = """
from app import services
from app.kit.asking import verdicts
from app.playground.how_sure import section
from app.content import label
section.draw(services.checkpoints())
"""


@pytest.fixture
def open_tab(monkeypatch, tmp_path, backbone):
    """The tab by itself: the shipped checkpoints, and one run of before predictions were stored."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path))
    folder = tmp_path / "20260101-000000-abcdef" / "checkpoint"
    pretend(make_record(backbone, LoraConfig()), folder)
    services.libraries().finished.wait(timeout=120)

    def open_at(**query):
        services.listing.clear()
        app = AppTest.from_string(PAGE, default_timeout=120)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    yield open_at
    services.listing.clear()


def shipped_records():
    called = verdicts.titles(services.checkpoints())
    return {called[i.name]: i.record for i in services.checkpoints() if i.shipped}


def test_the_tab_shows_what_the_records_say(open_tab):
    app = open_tab()
    assert not app.exception
    shipped = shipped_records()
    (rows,) = (d.value.set_index("checkpoint") for d in app.dataframe)
    assert set(rows.index) == set(shipped)
    for name, record in shipped.items():
        assert rows.loc[name, "accuracy (95% interval)"].startswith(f"{record.test.accuracy:.1%} (")
        ece = float(rows.loc[name, "ECE (points)"])
        mean, most = map(float, rows.loc[name, label("calibration", "column_perfect")].split(", "))
        assert 0 < mean < most < 3  # 3,000 reviews in ten bins: nobody shows 0
        told = rows.loc[name, label("calibration", "column_told")] == label("calibration", "told_yes")
        assert told is (ece > most) or abs(ece - most) < 0.11  # as printed
    assert len(app.get("vega_lite_chart")) == len(shipped)
    assert all(chart.proto.alt for chart in app.get("vega_lite_chart"))


def test_at_the_threshold_of_the_app_the_accuracy_is_that_of_the_record(open_tab):
    app = open_tab(sure="threshold")
    (rows,) = (d.value.set_index("checkpoint") for d in app.dataframe)
    for name, record in shipped_records().items():
        assert rows.loc[name, "accuracy"] == f"{record.test.accuracy:.1%}"  # the threshold is 0.5
        assert rows.loc[name, "called positive"].endswith(f" of {record.test.n:,}")
    assert any("do not choose here" in m.value for m in app.markdown)
    assert any("recall\nnever does" in m.value for m in app.markdown)


def test_a_temperature_changes_how_sure_but_no_verdict(open_tab):
    """The numbers of the page, worked out here from the record; the checkpoint furthest from perfect."""
    app = open_tab(sure="temperature", scaled="soft-prompt-1", temperature="2")
    record = next(i.record for i in services.checkpoints() if i.name == "soft-prompt-1")
    measured = np.sort(np.random.default_rng(0).permutation(record.test.n)[record.test.n // 2 :])
    p = np.array(record.test_probabilities)[measured]
    odds = p / (1 - p)
    warmer = odds**0.5 / (1 + odds**0.5)  # T = 2: the square root of the odds
    labels = stored_answers.answers(next(i for i in services.checkpoints() if i.name == "soft-prompt-1"))[1][measured]
    told = [m.value for m in app.metric if m.label == label("calibration", "loss")]
    wanted = [-np.log(np.where(labels == 1, q, 1 - q)).mean() for q in (p, warmer)]
    assert told == [f"{loss:.3f}" for loss in wanted]
    assert any("Verdicts that changed: 0" in m.value for m in app.markdown)
    rows = app.dataframe[0].value.set_index("checkpoint")
    assert set(rows.index) == set(shipped_records())
    assert all(cell.startswith("0 of ") for cell in rows[label("calibration", "column_changed")])
    for cell in rows[label("calibration", "column_loss")]:
        before, after = map(float, cell.split(" → "))
        assert after < before + 0.005  # fitted on the other half: hardly ever worse
    assert open_tab(sure="temperature", temperature="99").get_by_key("temperature").value == 3.0
    assert not open_tab(sure="<b>", scaled="<b>").exception


def test_a_checkpoint_without_predictions_says_how_to_add_them(open_tab):
    app = open_tab()
    assert any("made in a test" in i.value for i in app.info)
    assert app.code[0].value == "python -m peft_core evaluate 20260101-000000-abcdef --store"


def test_the_threshold_is_in_the_link_and_moves_the_numbers(open_tab):
    called = {}
    for threshold in ("0.1", "0.9", "7"):
        app = open_tab(sure="threshold", threshold=threshold)
        assert not app.exception
        called[threshold] = int(app.dataframe[0].value["called positive"][0].split()[0].replace(",", ""))
    assert called["0.1"] > called["0.9"] >= called["7"]
    assert app.get_by_key("threshold").value == 0.95
    assert any("nearest possible value" in i.value for i in app.info)
