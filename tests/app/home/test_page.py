"""Home counts every method."""

from app.content import label
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
