"""Many reviews at once: who is asked, what stays on the screen, what is kept in the file."""

import csv
import io

import pytest
from streamlit.runtime.scriptrunner import StopException
from streamlit.testing.v1 import AppTest

from app import services
from app.kit.plain import escaped
from app.playground import many_results, many_reviews
from app.services import models
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.spreadsheet import Reviews
from tests.cases import make_base
from tests.trained import make_record, trained

WORKBOOK = (
    "This is a ZIP archive, not a text file. Open it in the program it was made with and save the table as "
    '"CSV UTF-8", then choose that file.'
)
PAGE = """
import streamlit as st
from app import services
from app.playground import many_reviews
st.slider("another widget", 0, 9, key="elsewhere")
trained = [info for info in services.checkpoints() if not info.shipped]
many_reviews.draw(trained)
"""
WITH_BASE = PAGE.replace("draw(trained)", "draw([trained[0].base, *trained])")


@pytest.fixture
def tab(monkeypatch, tmp_path, batch):
    """The tab by itself, with two trained checkpoints over a tiny base."""
    from peft_core.checkpoints.files import save_checkpoint
    from peft_core.t5.backbone import load_backbone

    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    backbone = load_backbone(str(make_base(tmp_path / "tiny")))
    for number, config in enumerate((LoraConfig(r=2), LoraConfig(r=3))):
        record = make_record(backbone, config).model_copy(update={"name": f"LoRA r={config.r}"})
        folder = tmp_path / "runs" / f"20260101-00000{number}-abcdef" / "checkpoint"
        save_checkpoint(trained(backbone, config, batch), record, backbone, folder)
    services.libraries().finished.wait(timeout=120)
    services.listing.clear()
    yield AppTest.from_string(PAGE, default_timeout=120).run()
    services.listing.clear()


def press(app: AppTest) -> AppTest:
    app.get_by_key("many_classify").click().run()
    assert not app.exception
    return app


def frames(app: AppTest) -> list:
    """The table of checkpoints, then that of reviews."""
    return [d.value for d in app.dataframe]


def table_of(app: AppTest):
    return frames(app)[1]


def test_nothing_can_be_asked_before_there_is_a_review(tab):
    assert tab.get_by_key("many_classify").disabled
    tab.get_by_key("many_text").set_value(" \n").run()
    assert tab.get_by_key("many_classify").disabled
    assert not tab.exception


def test_a_list_is_classified_by_every_checkpoint_as_if_asked_one_by_one(tab):
    lines = ["good film", "the plot was dull", "", "a lively scene but it was never funny", "sad"]
    tab.get_by_key("many_text").set_value("\n".join(lines)).run()
    assert any("4" in c.value and "left out: 1" in c.value for c in tab.caption)
    frame = table_of(press(tab)).set_index("row")
    assert sorted(frame.index) == [1, 2, 4, 5]
    for info in (i for i in services.checkpoints() if not i.shipped):
        for row, text in ((1, lines[0]), (4, lines[3])):
            ((alone,),) = services.ask([text], [info])
            assert frame.loc[row, info.name] == pytest.approx(100 * alone.probability_positive, abs=1e-3)
    counts = frames(tab)[0]
    assert list(counts) == ["checkpoint", "says +", "says −"]  # no times: of one pass for all they tell nothing of one
    assert (counts["says +"].astype(int) + counts["says −"].astype(int)).tolist() == [4, 4]
    assert "good" not in str(tab.query_params)


def test_the_base_model_that_nobody_has_trained_answers_beside_them(tab):
    app = AppTest.from_string(WITH_BASE, default_timeout=120).run()
    app.get_by_key("many_text").set_value("good film\nsad plot").run()
    frame = table_of(press(app)).set_index("row")
    base = next(info.base for info in services.checkpoints() if not info.shipped)
    ((alone, other),) = services.ask(["good film", "sad plot"], [base])
    assert frame[base].to_dict() == pytest.approx(
        {1: 100 * alone.probability_positive, 2: 100 * other.probability_positive}, abs=1e-3
    )
    assert len(frames(app)[0]) == 3


def test_answers_stay_while_other_widgets_move_and_go_with_the_reviews(tab, monkeypatch):
    tab.get_by_key("many_text").set_value("good film\nsad film").run()
    before = table_of(press(tab))
    monkeypatch.setattr(models, "exclusive_predictor", None)  # whoever asks again fails
    tab.get_by_key("elsewhere").set_value(3).run()
    assert not tab.exception
    assert table_of(tab).equals(before)
    tab.get_by_key("many_text").set_value("good film\nbad film").run()
    assert not tab.exception
    assert not frames(tab)


def test_a_busy_server_is_a_sentence_and_pressing_again_goes_on(tab, monkeypatch):
    turn, calls = services.exclusive_predictor, []

    def busy(base, long=False):
        calls.append(base)
        if len(calls) == 2:
            raise PeftClassroomError("Many people are asking.")
        return turn(base)

    monkeypatch.setattr(models, "exclusive_predictor", busy)
    tab.get_by_key("many_text").set_value("good film\n" * (many_reviews.AT_A_TIME // 2 + 3)).run()
    press(tab)
    assert [e.value for e in tab.error] == ["Many people are asking."]
    assert len(calls) == 2  # the first 16 reviews, asked of both; then refused
    press(tab)
    assert len(calls) == 3  # only what was missing
    assert not tab.error
    assert len(table_of(tab)) == many_reviews.AT_A_TIME // 2 + 3


def test_what_a_click_elsewhere_interrupted_goes_on_by_itself(tab, monkeypatch):
    turn, calls = services.exclusive_predictor, []

    def interrupted(base, long=False):
        calls.append(base)
        if len(calls) == 2:
            raise StopException  # as streamlit does when a widget moves while the script runs
        return turn(base)

    monkeypatch.setattr(models, "exclusive_predictor", interrupted)
    tab.get_by_key("many_text").set_value(
        "good film\n" * (many_reviews.AT_A_TIME // 2 + 3)
    ).run()  # more than a short question is left
    press(tab)
    assert (len(calls), frames(tab)) == (2, [])
    tab.get_by_key("elsewhere").set_value(5).run()
    assert len(calls) == 3
    assert len(table_of(tab)) == many_reviews.AT_A_TIME // 2 + 3


def test_reviews_on_which_checkpoints_disagree_come_first():
    reviews = Reviews(("a", "b", "c"), (1, 2, 3), (1, None, 0))
    answers = {name: many_results.Answers(3, dict(enumerate(p)))
               for name, p in {"x": (0.9, 0.2, 0.6), "y": (0.8, 0.3, 0.4)}.items()}  # fmt: skip
    rows = many_results.review_rows(reviews, {"x": "X", "y": "Y"}, answers)
    assert rows["row"].tolist() == [3, 1, 2]
    assert rows["verdict"].tolist() == ["1 +, 1 −", "+ positive", "− negative"]
    assert rows["truth"].tolist() == ["− negative", "+ positive", ""]
    assert "note" not in rows


def test_a_file_with_labels_gets_its_accuracy_counted(tab):
    content = b"text;label\ngood film;1\nbad film;0\nsad plot;\n"
    tab.file_uploader[0].set_value(("class.csv", content, "text/csv")).run()
    assert not tab.exception
    app = AppTest.from_string(PAGE, default_timeout=120)
    app.query_params["many"] = "csv"
    app.run()
    app.file_uploader[0].set_value(("class.csv", content, "text/csv")).run()
    press(app)
    _, frame, answers = frames(app)  # after the first rows of the file
    answers = answers.set_index("row")
    for (_, line), info in zip(frame.iterrows(), (i for i in services.checkpoints() if not i.shipped), strict=True):
        right = (answers.loc[2, info.name] > 50) + (answers.loc[3, info.name] <= 50)
        assert line["accuracy (95% interval)"].startswith(f"{right / 2:.1%} (")
    assert any("2 of 3 reviews" in c.value for c in app.caption)
    # a workbook: a sentence on the page, and nothing of the last file's answers under it
    app.file_uploader[0].set_value(("class.xlsx", b"PK\x03\x04", "application/zip")).run()
    assert [e.value for e in app.error] == [escaped(WORKBOOK)]
    assert not frames(app)
    # labels that are not plain are told, not guessed
    app.file_uploader[0].set_value(
        ("class.tsv", "نظر\tبرچسب\ngood film\tخوب\nsad film\tبد\n".encode(), "text/csv")
    ).run()
    assert not app.error
    names = next(t for t in app.toggle if t.key.endswith("_names"))
    assert not names.value  # two rows of words: nothing says that the first names the columns
    names.set_value(True).run()
    next(s for s in app.selectbox if s.key.endswith("_label_0_True")).set_value(1).run()
    assert app.get_by_key("many_classify").disabled
    assert any("Say what the labels mean" in i.value for i in app.info)
    for end, value in (("means_1", "خوب"), ("means_0", "بد")):
        next(m for m in app.multiselect if m.key.endswith(end)).set_value([value]).run()
    press(app)
    preview, checkpoints, answers = frames(app)
    assert preview.values.tolist() == [["good film", "خوب"], ["sad film", "بد"]]
    assert answers.set_index("row")["truth"].to_dict() == {2: "+ positive", 3: "− negative"}
    assert "accuracy (95% interval)" in checkpoints


def test_a_table_pasted_into_the_list_is_noticed_and_read_as_one(tab):
    tab.get_by_key("many_text").set_value("text;label\ngood film;1\nbad film;0").run()
    assert any("looks like a table" in i.value for i in tab.info)
    assert any("Reviews: 3." in c.value for c in tab.caption)
    tab.get_by_key("many_as_table").set_value(True).run()
    assert any("Reviews: 2." in c.value for c in tab.caption)
    assert not tab.exception


def test_the_download_has_every_answer_and_no_formula(tab):
    tab.get_by_key("many_text").set_value("=1+1 good\nbad <b>film</b> [x](y)\n@sad").run()
    press(tab)
    assert [b.key for b in tab.download_button] == ["many_download"]
    work = tab.session_state[many_reviews.WORK]
    done = [i for i in services.checkpoints() if not i.shipped]
    answers = {i.name: work.answers[many_reviews.identity(i)] for i in done}
    data = many_results.result_file(work.reviews, {i.name: f"={i.name}" for i in done}, answers)
    header, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    assert header[:2] == ["row", "review"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in (header, *rows) for cell in row)
    assert [row[1] for row in rows] == ["'=1+1 good", "bad <b>film</b> [x](y)", "'@sad"]
    for row in rows:
        for verdict, probability in zip(row[2::2], row[3::2], strict=True):
            assert verdict == ("positive" if float(probability) > 0.5 else "negative")
    shown = " ".join(str(e.value) for kind in (tab.markdown, tab.caption, tab.error, tab.info) for e in kind)
    assert "<b>" not in shown
    assert "[x](y)" not in shown
