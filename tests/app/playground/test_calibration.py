"""The tab Calibration shows what the records say."""

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.kit import verdicts
from peft_core.checkpoints.record import write_record
from peft_core.methods.lora.method import LoraConfig
from tests.trained import make_record

PAGE = """
from app import services
from app.kit import verdicts
from app.playground import calibration
from app.content import label
calibration.draw(services.checkpoints())
"""


@pytest.fixture
def open_tab(monkeypatch, tmp_path, backbone):
    """The tab by itself: the shipped checkpoints, and one run of before predictions were stored."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path))
    folder = tmp_path / "20260101-000000-abcdef" / "checkpoint"
    folder.mkdir(parents=True)
    write_record(make_record(backbone, LoraConfig()), folder)
    services.libraries().finished.wait(timeout=120)

    def open_at(**query):
        services.checkpoints.clear()
        app = AppTest.from_string(PAGE, default_timeout=120)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    yield open_at
    services.checkpoints.clear()


def test_the_tab_shows_what_the_records_say(open_tab):
    app = open_tab()
    assert not app.exception
    called = verdicts.titles(services.checkpoints())
    shipped = {called[i.name]: i.record for i in services.checkpoints() if i.shipped}
    reliability_rows, threshold_rows = (d.value.set_index("checkpoint") for d in app.dataframe)
    assert set(reliability_rows.index) == set(threshold_rows.index) == set(shipped)
    for name, record in shipped.items():
        assert reliability_rows.loc[name, "accuracy (95% interval)"].startswith(f"{record.test.accuracy:.1%} (")
        assert threshold_rows.loc[name, "accuracy"] == f"{record.test.accuracy:.1%}"  # the threshold is 0.5
        assert threshold_rows.loc[name, "called positive"].endswith(f" of {record.test.n:,}")
        assert 0 < float(reliability_rows.loc[name, "ECE (points)"]) < 30
    assert len(app.get("vega_lite_chart")) == len(shipped) + 1
    assert all(chart.proto.alt for chart in app.get("vega_lite_chart"))
    assert any("do not choose here" in m.value for m in app.markdown)


def test_a_checkpoint_without_predictions_says_how_to_add_them(open_tab):
    app = open_tab()
    assert any("made in a test" in i.value for i in app.info)
    assert app.code[0].value == "python -m peft_core evaluate 20260101-000000-abcdef --store"


def test_the_threshold_is_in_the_link_and_moves_the_numbers(open_tab):
    called = {}
    for threshold in ("0.1", "0.9", "7"):
        app = open_tab(threshold=threshold)
        assert not app.exception
        called[threshold] = int(app.dataframe[1].value["called positive"][0].split()[0].replace(",", ""))
    assert called["0.1"] > called["0.9"] >= called["7"]
    assert app.get_by_key("threshold").value == 0.95
    assert any("nearest possible value" in i.value for i in app.info)
