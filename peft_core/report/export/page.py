"""One page that says it all: no script, nothing loaded from elsewhere, every text escaped, light, dark, and on paper.

It is made from the data of `export.table_data` alone, so it cannot say a number that the JSON does not have.
"""

from functools import cache
from pathlib import Path
from typing import Any

from peft_core.methods.registry import METHODS

TEMPLATE = "page.html.j2"


@cache
def _environment():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def as_html(data: dict[str, Any]) -> str:
    """The page. `data`: of `export.table_data`."""
    return _environment().get_template(TEMPLATE).render(**data, methods=METHODS.values())
