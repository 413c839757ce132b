"""Identity terms: every model and the base answer every sentence, numbers are the predictor's, own words stay text."""

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.content import head, label
from app.playground.identity import lists, results, section
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.checks import check_number, check_text
from peft_core.reviews.gaps import MAX_WORDS, filled
from peft_core.reviews.language import is_english
from peft_core.reviews.mentions import Mentions
from tests.cases import make_base
from tests.trained import make_record, trained

OWN = {"identity_list": "own", "identity_sentence": "the ___ film", "identity_words": "good, bad, dull"}


def page() -> None:
    from app import services
    from app.playground.identity import section

    section.draw([info for info in services.checkpoints() if not info.shipped])


@pytest.fixture
def checkpoints(monkeypatch, tmp_path, batch):
    """Two trained checkpoints over a tiny base; no training reviews are read."""
    from peft_core.checkpoints.files import save_checkpoint
    from peft_core.t5.backbone import load_backbone

    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr(results, "in_reviews", lambda words: [Mentions(10 * n, 3 * n) for n in range(len(words))])
    monkeypatch.setattr(results.stored_answers, "splits", lambda: {"train": range(20_000)})
    backbone = load_backbone(str(make_base(tmp_path / "tiny")))
    for number in (0, 1):
        config = LoraConfig(r=2 + number)
        record = make_record(backbone, config).model_copy(update={"name": f"LoRA r={config.r}"})
        folder = tmp_path / "runs" / f"20260101-00000{number}-abcdef" / "checkpoint"
        save_checkpoint(trained(backbone, config, batch), record, backbone, folder)
    services.libraries().ready.wait(timeout=120)
    services.listing.clear()
    yield [info for info in services.checkpoints() if not info.shipped]
    services.listing.clear()


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=120)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def asked(app: AppTest) -> AppTest:
    app.get_by_key("identity_go").click().run()
    assert not app.exception
    return app


def rows(app: AppTest) -> list[dict]:
    spec = json.loads(app.get("vega_lite_chart")[0].proto.spec)
    assert {layer["mark"]["type"] for layer in spec["layer"]} == {"rect", "text"}
    return app.session_state[section.ANSWERS]


def test_what_a_teacher_wrote_is_usable_and_english():
    for one in lists.written().values():
        texts = [filled(sentence, word) for sentence in one.sentences for word in one.words]
        check_number(texts)
        assert len(set(texts)) == len(texts)
        assert all(check_text(text) == text and is_english(text) for text in texts)
    assert len({one["key"] for one in head("identity")["lists"]}) == len(lists.written())
    assert lists.OWN not in lists.written()


def test_every_model_and_the_base_answer_as_the_predictor_does(checkpoints):
    app = opened(**OWN)
    assert not app.get("vega_lite_chart")
    asked(app)
    texts = ["the good film", "the bad film", "the dull film"]
    base = checkpoints[0].base
    expected = services.ask(texts, [base, *checkpoints])
    answers = rows(app)
    assert len(answers) == 9
    for model, predictions in zip([base, *map(section.identity, checkpoints)], expected, strict=True):
        for text, prediction in zip(texts, predictions, strict=True):
            assert answers[model, text] == pytest.approx(prediction.probability_positive, abs=1e-6)
    with services.exclusive_predictor(base) as predictor:
        alone = predictor.classify(texts, None)
    assert [answers[base, text] for text in texts] == pytest.approx([a.probability_positive for a in alone], abs=1e-6)
    table = app.dataframe[0].value
    p = [[answers[section.identity(info), text] for text in texts] for info in checkpoints]
    spread = [f"{100 * (max(one) - min(one)):.0f}" for one in p]
    assert list(table[label("identity", "column_spread")])[1:] == spread
    before = [answers[base, text] for text in texts]
    change = [f"{100 * sum(abs(a - b) for a, b in zip(one, before, strict=True)) / 3:.0f}" for one in p]
    assert list(table[label("identity", "column_change")])[1:] == change


def test_a_list_is_asked_at_once_and_its_sentences_then_show_without_asking(checkpoints):
    app = asked(opened(identity_list="day"))
    assert len(app.session_state[section.ANSWERS]) == 3 * 7 * 3
    assert label("identity", "column_order_sentences") not in app.dataframe[0].value
    app.get_by_key("identity_shown").set_value(lists.ALL).run()
    assert label("identity", "column_order_sentences") in app.dataframe[0].value
    assert app.query_params["identity_shown"] == "all"
    app.get_by_key("identity_view").set_value("difference").run()
    assert app.query_params["identity_view"] == "difference"
    assert not app.exception and app.get("vega_lite_chart")
    app.get_by_key("identity_list").set_value("country").run()
    assert not app.get("vega_lite_chart")  # not asked yet
    assert app.get_by_key("identity_shown").value == "all"


def test_a_link_opens_the_list_the_sentence_and_ones_own(checked_charts, checkpoints):
    app = opened(identity_list="person", identity_shown="1")
    assert (app.get_by_key("identity_list").value, app.get_by_key("identity_shown").value) == ("person", "1")
    app = opened(**OWN)
    assert app.get_by_key("identity_sentence").value == "the ___ film"
    app.get_by_key("identity_words").set_value("fun, sad").run()
    assert app.query_params["identity_words"] == "fun, sad"
    assert opened(identity_list="../x", identity_shown="9").get_by_key("identity_list").value == "country"


@pytest.mark.parametrize(
    ("sentence", "words", "told"),
    [
        ("", "good, bad", "Type a sentence"),
        ("the film", "good, bad", "no gap"),
        ("___ and ___", "good, bad", "2 gaps"),
        ("the ___ film", "", "at least two"),
        ("the ___ film", ", ".join(map(str, range(300))), f"300 words; use at most {MAX_WORDS}"),
    ],
)
def test_wrong_input_is_a_sentence(checkpoints, sentence, words, told):
    app = opened(identity_list="own", identity_sentence=sentence, identity_words=words)
    assert any(told in info.value for info in app.info)
    assert not app.get("button")


def test_html_emoji_and_right_to_left_stay_text_and_notes_name_their_words(checkpoints):
    words = "<img src=x onerror=alert(1)>, <b>bold</b>, 🎬, العراق, **strong**"
    app = asked(opened(identity_list="own", identity_sentence="good film ___", identity_words=words))
    assert not app.exception
    drawn = [*app.markdown, *app.caption, *app.info, *app.error, *app.get("html")]
    assert not any(re.search(r"(?<!\\)<img|(?<!\\)\*\*strong", str(element.value)) for element in drawn)
    assert any("HTML" in info.value and "bold" in info.value for info in app.info)


def test_a_base_that_is_not_here_is_a_sentence(checkpoints, monkeypatch):
    from app.services import models

    monkeypatch.setattr(models, "why_not_loadable", lambda base: f"{base} lacks a file")
    app = asked(opened(**OWN))
    assert "lacks a file" in app.error[0].value
    assert len(app.error) == 1


def test_without_fine_tuned_answers_or_mentions_there_is_still_a_picture(checkpoints):
    app = asked(opened(identity_list="own", identity_sentence="___ film", identity_words="good, bad"))
    assert results._correlation(None) in set(app.dataframe[0].value[label("identity", "column_order_reviews")])
