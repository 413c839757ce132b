"""Home counts every method."""

import threading

from app import services
from app.content import label
from app.kit.asking import judged
from app.kit.plain import escaped
from peft_core.counting.by_hand import count
from peft_core.methods.registry import METHODS, method_config
from peft_core.t5.architecture import base_model


def test_home_counts_every_method_on_the_chosen_base(open_page):
    app = open_page("home")
    for base in ("t5-small", "t5-3b"):
        app.get_by_key("base").set_value(base).run()
        assert not app.exception
        for method in METHODS:
            expected = count(base_model(base).architecture, method_config(method)).trainable_parameters
            assert f"{expected:,}" in [m.value for m in app.metric]
        agreeing = [c for c in app.caption if label("home", "checked") in c.value]
        assert len(agreeing) == len(METHODS)


def test_home_opens_with_stored_answers_and_the_next_review_is_a_button_away(open_page):
    app = open_page("home")
    first, second, *_ = judged.reviews()
    drawn = " ".join(html.proto.body for html in app.get("html"))
    for one in judged.by_all(first):
        assert one.title.partition(",")[0] in drawn and f"{one.probability:.1%} · <em>" in drawn
    right = [one.right(first.truth) for one in judged.by_all(first) if one.method != judged.BASE]
    assert any(f"{sum(right)} of {len(METHODS)} methods are right" in m.value for m in app.markdown)
    assert drawn.count("class='wrong'") == 1 + right.count(False)  # the base, too
    app.get_by_key("judged_another").click().run()
    assert app.query_params["judged"] in ("2", ["2"])
    assert any(escaped(second.text) in m.value for m in app.markdown)
    app = open_page("home", judged="999")
    assert not app.exception


def test_the_playground_shows_stored_answers_until_it_can_ask(open_page, monkeypatch):
    app = open_page("playground")
    (first, *_) = judged.reviews()
    assert app.get_by_key("review").value == first.text
    assert len(app.metric) == 1 + len(METHODS)  # asked now
    monkeypatch.setattr(services.libraries(), "ready", threading.Event())
    monkeypatch.setattr(services, "rerun_when_ready", lambda examples=False: None)
    app.run()
    assert not app.metric and any("not asked now" in c.value for c in app.caption)
    assert open_page("playground", words="A fine film.").get_by_key("review").value == "A fine film."
