"""A hook of mkdocs: the page Reference is made of the library's face, name by name, and of every method's folder.

Names are read from the sources and nothing is imported, so the pages are built where torch is not.
"""

import ast
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).resolve().parent.parent / "peft_core"
PAGE, FACE, CONFIGURATIONS = "reference.md", "<!-- the face -->", "<!-- the methods -->"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in the page's two marks."""
    if page.file.src_uri != PAGE:
        return markdown
    return markdown.replace(FACE, directives(face())).replace(CONFIGURATIONS, directives(configurations()))


def directives(names: list[str]) -> str:
    """What mkdocstrings replaces by the documentation of each name."""
    return "\n\n".join(f"::: {name}" for name in names)


def face() -> list[str]:
    """The dotted name of everything that `peft_core/__init__.py` gives, as its own table has it."""
    for node in ast.parse((LIBRARY / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_MODULES":
            return [f"peft_core.{module}.{name}" for name, module in sorted(ast.literal_eval(node.value).items())]
    raise LookupError("peft_core/__init__.py has no table _MODULES.")


def configurations() -> list[str]:
    """The configuration in every method's folder."""
    found = []
    for file in sorted((LIBRARY / "methods").glob("*/method.py")):
        classes = [
            node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)
        ]
        found += [f"peft_core.methods.{file.parent.name}.method.{name}" for name in classes if name.endswith("Config")]
    return found
