"""Every method's page as it gives itself to the skeleton, and its handout."""

import runpy

import pytest

from app import services
from app.kit.pages import method_pages
from app.method import skeleton
from app.method.handout import section
from peft_core.methods.registry import method_config
from peft_core.paths import ROOT
from peft_core.t5.architecture import base_model


@pytest.fixture(scope="session")
def pages():
    """By name."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(skeleton, "draw", lambda page: found.update({page.name: page}))
        for name in method_pages():
            runpy.run_path(str(ROOT / "app" / "method" / name / "page.py"))
    return found


@pytest.fixture(scope="session")
def handouts(pages):
    """A function: that of a page on a base model, at the method's default settings or others."""
    services.libraries().finished.wait(timeout=120)

    kept = {}

    def made(name, base="tiny-t5", **settings):
        key = name, base, str(settings)
        if key not in kept:
            kept[key] = anew(name, base, settings)
        return kept[key]

    def anew(name, base, settings):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(section, "address", lambda page: f"http://school.example/{page}?base={base}")
            config = method_config(method_pages()[name].method, **settings)
            return section.handout(pages[name], base_model(base), config)

    made.anew = anew
    return made
