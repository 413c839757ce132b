"""A line of the log is JSON, and holds nothing that a visitor typed, whoever logs it."""

import io
import json
import logging
import subprocess
import sys
import warnings

import pytest

from app.kit.machine import server
from peft_core.paths import ROOT
from peft_core.serving.lines import JsonLines, in_json

REVIEW = "a wonderful film that nobody else may read"


@pytest.fixture
def logged():
    """A logger of this name, and the lines that it has written."""
    loggers = []

    def make(name):
        logger, out = logging.getLogger(name), io.StringIO()
        handler = logging.StreamHandler(out)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        loggers.append((logger, handler))
        in_json(logger)
        return logger, lambda: [json.loads(line) for line in out.getvalue().splitlines()]

    yield make
    for logger, handler in loggers:
        logger.removeHandler(handler)
        logger.propagate = True


def test_an_exception_is_its_kind_and_its_places_and_never_its_words(logged):
    logger, lines = logged("streamlit.test")
    try:
        raise ValueError(REVIEW)
    except ValueError:
        logger.exception("Uncaught app execution")
    (line,) = lines()
    assert (line["event"], line["raised"], line["level"]) == ("Uncaught app execution", "ValueError", "error")
    assert line["at"][0].endswith("test_an_exception_is_its_kind_and_its_places_and_never_its_words")
    assert REVIEW not in json.dumps(line)


@pytest.mark.parametrize(
    ("words", "arguments", "event"),
    [
        ("Could not show %s in %d rows", (REVIEW, 3), "Could not show … in 3 rows"),
        ("%(text)s", ({"text": REVIEW},), "%(text)s"),
        ("100% of it", (REVIEW,), "100% of it"),
        ("Port %s is taken", (8501,), "Port 8501 is taken"),
    ],
)
def test_of_what_other_libraries_log_there_are_their_words_and_the_numbers(logged, words, arguments, event):
    logger, lines = logged("other.library")
    logger.warning(words, *arguments)
    assert [line["event"] for line in lines()] == [event]


def test_our_own_lines_have_the_fields_that_are_given_and_stay_one_line(logged):
    logger, lines = logged("peft_core.serving")
    logger.info("page", extra={"fields": {"path": "/a\nb", "browser": "abc"}})
    (line,) = lines()
    assert line.keys() == {"time", "level", "logger", "event", "path", "browser"}
    assert line["path"] == "/a\nb"


def test_a_warning_has_its_place_and_kind(logged):
    logger, lines = logged("py.warnings")
    logger.warning("%s", warnings.formatwarning(REVIEW, UserWarning, "file.py", 7, ""))
    assert [line["event"] for line in lines()] == ["file.py:7: UserWarning"]


def test_a_logger_that_streamlit_makes_later_writes_json_too(monkeypatch):
    """The one function through which its loggers get their handlers: pinned with its version."""
    import streamlit.logger

    monkeypatch.setattr(streamlit.logger, "setup_formatter", streamlit.logger.setup_formatter)
    monkeypatch.setattr(streamlit.logger, "_loggers", {})
    monkeypatch.setattr(server, "log_as_json", lambda: None)
    server._every_logger_in_json()
    later = streamlit.logger.get_logger("streamlit.made.later")
    assert [type(handler.formatter) for handler in later.handlers] == [JsonLines]


def test_what_a_page_raises_is_a_line_without_its_message():
    code = """
from app.kit.machine.server import _every_logger_in_json
_every_logger_in_json()
from streamlit.error_util import _log_uncaught_app_exception
try:
    raise ValueError("my own words")
except ValueError as error:
    _log_uncaught_app_exception(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "my own words" not in done.stdout + done.stderr
    (line,) = [json.loads(line) for line in done.stderr.splitlines() if "raised" in line]
    assert line["raised"] == "ValueError"
    assert line["at"] == ["<string>:6 <module>"]
