"""The way to the page This computer, for wherever a device is named: behind the words about it, in Markdown."""

from app.content import label

PAGE = "computer"  # its name, and its address


def link() -> str:
    """A link to the page."""
    return f"[{label('computer', 'link')}]({PAGE})"
