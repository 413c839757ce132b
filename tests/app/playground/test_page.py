"""Playground: every checkpoint's verdict on one review; what a visitor types stays text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from app import services
from app.content import label
from app.kit import theme
from app.kit.asking import verdicts
from app.kit.pages import script_of
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


def order(app: AppTest) -> list[str]:
    """The kinds of the elements of the page, from the top."""
    return [element.type for element in app.main]


def card_keys(app: AppTest) -> list[str]:
    """The keys of the cards, which say how they look, in their order."""

    def walk(block):
        key = getattr(getattr(block, "proto", None), "id", "")
        if "verdict_" in key and "_at_" in key:
            yield key
        for child in getattr(block, "children", {}).values():
            yield from walk(child)

    return list(walk(app.main))


def test_a_review_gets_a_verdict_from_every_checkpoint(checked_charts, playground):
    app = classify(playground, "a good film")
    assert {m.label for m in app.metric} == {"LoRA r=2 · tiny", "LoRA r=3 · tiny"}  # another base than the shipped ones
    assert all(m.value[0] in "+−" and m.value[2:] in ("positive", "negative") for m in app.metric)
    assert len(app.dataframe[0].value) == 2
    p = label("playground", "probability_of", name="positive")
    assert [m.delta for m in app.metric] == [f"{p} = {share}" for share in app.dataframe[0].value[p]]
    for metric, share in zip(app.metric, app.dataframe[0].value[p], strict=True):
        assert (metric.value[0] == "+") == (float(share.rstrip("%")) > 50)
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
    assert [name for name in chosen if name not in shipped] == ["tiny-t5"] == chosen[:1]  # nobody has fine-tuned it
    chosen = chosen[1:]
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
    for review, said in (("der schönste Film seit Jahren", "English"), ("🎬 !!! 12", "no words")):
        app = classify(playground, review)
        assert any(said in i.value for i in app.warning)
        above = [kind for kind in order(app) if kind in ("warning", "metric")]
        assert above[0] == "warning"  # before the answers, which are grey
        assert all("_doubtful" in key for key in card_keys(app))
    assert not any("_doubtful" in key for key in card_keys(classify(playground, "a good film")))


def test_markup_in_a_review_stays_text(playground):
    markup = "<img src=x onerror=alert(1)> **bold** [link](http://example.com) $x^2$"
    app = classify(playground, markup)
    drawn = [*app.markdown, *app.caption, *app.info, *app.error, *app.success, *app.warning, *app.get("html")]
    assert not any("onerror" in str(element.value) or "example.com" in str(element.value) for element in drawn)
    assert "review" not in app.query_params


# ---------------------------------------------------------------------------------------------------------------------
# Cards


@given(st.lists(st.sampled_from(["positive", "negative"]), min_size=1, max_size=12))
def test_in_a_frame_is_who_contradicts_the_majority(answers):
    odd = verdicts.contradicting(answers)
    assert bool(odd) == (len(set(answers)) == 2)
    assert len(odd) <= len(answers) / 2
    assert len({answers[place] for place in odd}) <= 1
    if 2 * len(odd) == len(answers):
        assert 0 not in odd


def test_cards_stand_three_a_row_in_the_order_of_the_question_whatever_is_answered(monkeypatch):
    """Nine answers, all different: titles, colours and frames stay in their places."""

    def page(shares):
        from app.kit.asking import verdicts
        from peft_core.checkpoints.asking.predictor import Prediction
        from peft_core.checkpoints.listing import list_checkpoints

        models = [*list_checkpoints()[: len(shares) - 1], "tiny-t5"]
        said = [Prediction("negative positive".split()[p > 0.5], p, 9, (), 0.1, 1) for p in shares]
        called = verdicts.titles(models)
        verdicts.show([verdicts.Verdict(m, called[verdicts.name_of(m)], s) for m, s in zip(models, said, strict=True)])

    shares = [0.03, 0.9, 0.2, 0.99, 0.4, 0.1, 0.7, 0.3, 0.45]
    seen = []
    for order_of_shares in (shares, shares[::-1]):
        app = AppTest.from_function(page, args=(order_of_shares,), default_timeout=60).run()
        assert not app.exception
        titles = [m.label for m in app.metric]
        assert len(titles) == len(shares)
        keys = card_keys(app)
        assert [key.split("_at_")[1].split("_")[0] for key in keys] == [str(n) for n in range(len(shares))]
        framed = ["_framed" in key for key in keys]
        assert framed == [p > 0.5 for p in order_of_shares]
        assert max(len(block.children) for block in app.main.children.values() if block.type == "flex_container") <= 3
        seen.append((titles, [key.split("_of_")[1].split("_at_")[0] for key in keys]))
    assert seen[0] == seen[1]


def test_every_method_has_a_mark_of_its_own():
    marks = [theme.MARKS[style.shape] for style in theme.METHOD.values()]
    assert len(set(marks)) == len(METHODS)


def test_the_untrained_base_has_its_test_accuracy_from_the_records():
    measured = services.untrained_test("tiny-t5")
    assert measured.n == 3000
    curves = {info.record.test_curve[0] for info in services.checkpoints() if info.shipped and info.method == "lora"}
    assert curves == {(0, measured.accuracy)}
    assert services.untrained_test("no such base") is None


# ---------------------------------------------------------------------------------------------------------------------
# The words in the box


def test_once_asked_a_change_of_checkpoints_asks_again(playground):
    app = classify(playground, "a good film")
    assert len(app.metric) == 2
    app.get_by_key("checkpoint").set_value([app.get_by_key("checkpoint").value[0], "tiny-t5"]).run()
    assert [m.label for m in app.metric][1:] == ["tiny\\-t5, untrained"]


def test_the_words_go_along_to_another_page_and_back_and_into_the_link_only_where_that_is_wanted(playground):
    app = playground
    app.get_by_key("review").set_value("a good film").run()
    assert app.metric  # Ctrl+Enter, or leaving the box, asks
    app.session_state["section open"] = "try"
    app.switch_page(script_of("lora")).run()
    assert app.get_by_key("try_review").value == "a good film"
    app.get_by_key("try_review").set_value("a dull film").run()
    app.switch_page(script_of("playground")).run()
    assert app.get_by_key("review").value == "a dull film"
    assert "words" not in app.query_params
    app.get_by_key("review_in_link").set_value(True).run()
    assert app.query_params["words"] == "a dull film"
    app.get_by_key("review").set_value("a good film " * 50).run()
    assert "words" not in app.query_params
    assert any("goes along" in c.value or "go along" in c.value for c in app.caption)


@pytest.mark.parametrize(("words", "shown"), [("a dull film", "a dull film"), ("a " * 400, ""), ("  ", "")])
def test_a_link_brings_few_plain_words(open_page, words, shown):
    app = open_page("playground", words=words)
    assert app.get_by_key("review").value == shown
    assert not app.metric  # nobody has asked yet


def test_more_than_fits_is_a_sentence(playground):
    app = classify(playground, "good " * 5000)
    assert "25,000 characters" in app.error[0].value
    assert app.get_by_key("review").value == "good " * 5000


def test_the_box_stands_where_it_is_used(open_page):
    keys = {tab: {w.key for w in open_page("playground", tab=tab).text_area} for tab in ("compare", "many", "identity")}
    assert "review" in keys["compare"]
    assert "review" not in keys["many"] | keys["identity"]
