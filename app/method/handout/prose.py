"""The app's words on paper: Markdown and LaTeX become HTML and MathML. Tags in a text are shown, and do nothing."""

from functools import cache

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markupsafe import Markup


@cache
def _markdown() -> MarkdownIt:
    """Without tags of the text's own, images, or links: on paper nobody follows one, and a file goes round."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "autolink"])
    for rule in ("link_open", "link_close"):
        reader.add_render_rule(rule, lambda *_: "")
    return reader


def block(words: str) -> Markup:
    """Paragraphs, lists, tables."""
    return Markup(_markdown().render(words))


def inline(words: str) -> Markup:
    """A line."""
    return Markup(_markdown().renderInline(words))


def formula(latex: str) -> Markup:
    """A line of its own, which a browser draws without a script."""
    return Markup(convert(latex, display="block"))
