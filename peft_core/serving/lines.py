"""The log of the server as lines of JSON, one an event, for whatever collects logs.

Nothing that a visitor wrote gets into it. Of an exception a line has the kind and the places in the code, never its
message, which may quote a review; of what other libraries log it has their own words and the numbers among them; of an
address it has the path, never the query.
"""

import json
import logging
import traceback
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """A record as one line: time, level, logger, event, the fields that the caller gave, and what was raised where."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            line["raised"] = kind.__name__
            line["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
        return json.dumps(line, ensure_ascii=False, default=str)


def _event(record: logging.LogRecord) -> str:
    """What happened, in the words that stand in the code."""
    if record.name.startswith("peft_core.") or not record.args:
        return record.getMessage()
    if record.name == "py.warnings":  # place, category, and the text of whoever warns
        return ": ".join(record.getMessage().split(": ")[:2])
    given = record.args if isinstance(record.args, tuple) else ()
    try:
        return str(record.msg) % tuple(one if isinstance(one, int | float) else "…" for one in given)
    except (TypeError, ValueError):
        return str(record.msg)


def log_as_json() -> None:
    """From now on every logger that writes to the terminal writes lines of JSON.

    Streamlit gives each of its loggers a handler of its own, also those that it makes later, through one function.
    """
    logging.basicConfig(level=logging.INFO, force=True)
    logging.captureWarnings(True)
    for logger in (logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))):
        in_json(logger)


def in_json(logger: logging.Logger) -> None:
    """Give a logger's handlers this format."""
    for handler in logger.handlers:
        handler.setFormatter(JsonLines())
