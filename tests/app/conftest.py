"""Pages of the app, opened as a link opens them."""

import functools

import pytest


@pytest.fixture(autouse=True, scope="session")
def what_every_page_does_anew_is_done_once():
    """Every AppTest asks each installed package whether it has components (an eighth of a second for each page).

    Every run of one compiles the two scripts of its page again, which a server does once: a quarter of a run. No test
    changes a script of the app; one that is given as a string has a name by its content.
    """
    from streamlit.components.v2 import manifest_scanner
    from streamlit.testing.v1 import app_test, local_script_runner

    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        compiled = app_test.ScriptCache()
        for module in (app_test, local_script_runner):
            patch.setattr(module, "ScriptCache", lambda: compiled)
        yield


@pytest.fixture
def open_page(monkeypatch, tmp_path):
    """Open a page of the app as a link does, with torch already in and no runs; `query` is the rest of the link.

    AppTest forgets the query when it switches pages, so the page is made the one that the app opens with.
    """
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    from app import services
    from app.kit.pages import script_of
    from peft_core.paths import ROOT

    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    make_page = st.Page

    def at_page(name: str, **query: str) -> AppTest:
        services.libraries().finished.wait(timeout=120)
        services.listing.clear()
        this = script_of(name)
        monkeypatch.setattr(st, "Page", lambda path, **rest: make_page(path, **rest | {"default": path == this}))
        app = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        assert not app.exception
        return app

    services.backend.clear()
    yield at_page
    services.backend.clear()
    services.listing.clear()


@pytest.fixture
def checked_charts(monkeypatch):
    """Every chart that is drawn is held against Vega-Lite's schema: as a whole, with which its parts are, too."""
    from app.kit import theme

    monkeypatch.setattr(theme, "CHECKED_AGAIN", True)


@pytest.fixture
def line(monkeypatch):
    """Runs that are submitted stay in line: no process is wanted here. Gives the list of their specs."""
    from peft_core.training.runs import LocalBackend

    submitted = []

    def submit(self, spec, texts=None):
        submitted.append(spec)
        self.store.create(spec, texts)

    monkeypatch.setattr(LocalBackend, "submit", submit)
    monkeypatch.setattr(LocalBackend, "reconcile", lambda self: None)
    return submitted
