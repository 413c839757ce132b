"""Playground: every checkpoint's verdict on one review; what a visitor types stays text."""

import pytest
from streamlit.testing.v1 import AppTest

from app import services
from app.kit import verdicts
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from tests.cases import make_base
from tests.trained import make_record, trained


@pytest.fixture
def playground(open_page, monkeypatch, tmp_path, batch):
    """The Playground with two trained checkpoints over a tiny base."""
    from peft_core.checkpoints.files import save_checkpoint
    from peft_core.t5.backbone import load_backbone

    backbone = load_backbone(str(make_base(tmp_path / "tiny")))
    for number, config in enumerate((LoraConfig(r=2), LoraConfig(r=3))):
        record = make_record(backbone, config).model_copy(update={"name": f"LoRA r={config.r}"})
        folder = tmp_path / "runs" / f"20260101-00000{number}-abcdef" / "checkpoint"
        save_checkpoint(trained(backbone, config, batch), record, backbone, folder)
    app = open_page("playground")
    names = [f"20260101-00000{number}-abcdef" for number in (0, 1)]
    app.get_by_key("checkpoint").set_value(names).run()
    return app


def classify(app: AppTest, review: str) -> AppTest:
    app.get_by_key("review").set_value(review).run()
    app.get_by_key("classify").click().run()
    assert not app.exception
    return app


def test_a_review_gets_a_verdict_from_every_checkpoint(playground):
    app = classify(playground, "a good film")
    assert {m.label for m in app.metric} == {"LoRA r=2 · tiny", "LoRA r=3 · tiny"}  # another base than the shipped ones
    assert all(m.value[0] in "+−" and m.value[2:] in ("positive", "negative") for m in app.metric)
    assert len(app.dataframe[0].value) == 2
    assert app.get("vega_lite_chart")


def test_checkpoints_are_in_the_link_by_id_and_no_two_are_called_the_same(playground, open_page):
    assert playground.query_params["checkpoint"] == ["20260101-000000-abcdef", "20260101-000001-abcdef"]
    (first, second) = [i for i in services.checkpoints() if not i.shipped]
    linked = open_page("playground", checkpoint=second.name)  # the older one: not chosen by itself
    assert linked.get_by_key("checkpoint").value == [second.name]
    elsewhere = open_page("playground", checkpoint="20200101-000000-abcdef")
    assert any("left out" in i.value for i in elsewhere.info)
    same = [first, second.model_copy(update={"record": first.record})]
    assert len(set(verdicts.titles(same).values())) == 2


def test_at_first_one_shipped_checkpoint_of_each_method_is_asked_the_one_with_its_own_settings(open_page):
    chosen = open_page("playground").get_by_key("checkpoint").value
    shipped = {info.name: info.record.config for info in services.checkpoints() if info.shipped}
    assert sorted(shipped[name].method.method for name in chosen) == sorted(METHODS)
    assert all(shipped[name].method == type(shipped[name].method)() for name in chosen)
    assert {shipped[name].train.seed for name in chosen} == {0}


def test_an_example_of_the_test_split_brings_its_own_label(playground):
    playground.get_by_key("example").set_value(0).run()
    assert playground.get_by_key("review").value == services.examples()[0][0]
    playground.get_by_key("classify").click().run()
    assert any("own label: **negative**" in m.value for m in playground.markdown)


@pytest.mark.parametrize("review", ["", "   \n "])
def test_an_empty_review_is_a_sentence(playground, review):
    app = classify(playground, review)
    assert "type at least one word" in app.error[0].value
    assert not app.metric


def test_odd_reviews_get_an_answer_and_a_note(playground):
    assert any("Only" in i.value or "tokens" in i.value for i in classify(playground, "good film " * 900).info)
    assert any("English" in i.value for i in classify(playground, "der schönste Film seit Jahren").info)
    assert any("no words" in i.value for i in classify(playground, "🎬 !!! 12").info)


def test_markup_in_a_review_stays_text(playground):
    markup = "<img src=x onerror=alert(1)> **bold** [link](http://example.com) $x^2$"
    app = classify(playground, markup)
    drawn = [*app.markdown, *app.caption, *app.info, *app.error, *app.success, *app.warning, *app.get("html")]
    assert not any("onerror" in str(element.value) or "example.com" in str(element.value) for element in drawn)
    assert "review" not in app.query_params
