"""axe-core in a page: its script as a package of tests brings it, what it finds, and whose that is."""

from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "axe_playwright_python"  # of it, axe.min.js alone
OF_COLOURS = ("color-contrast",)  # the rules that depend on the scheme
RUN = """async rules => {
    const only = rules ? { runOnly: { type: "rule", values: rules } } : {};
    const found = await axe.run(document, { ...only, resultTypes: ["violations", "incomplete"] });
    const inside = node => {
        const one = document.querySelector(node.target.flat()[0]);
        const widget = one?.closest("label")?.parentElement;
        if (widget?.querySelector(":disabled")) { return "label of a disabled widget"; }
        return one?.closest("[data-testid]")?.dataset.testid ?? "";
    };
    const short = list => list.flatMap(({ id, impact, nodes }) => nodes.map(node => ({
        rule: id, impact, html: node.html.slice(0, 300),
        where: node.target.flat().join(" "),
        in: inside(node),
    })));
    return { violations: short(found.violations), incomplete: short(found.incomplete) };
}"""


@dataclass(frozen=True)
class Found:
    """One element that breaks a rule, or of which axe cannot say whether it does."""

    rule: str
    impact: str
    html: str
    where: str  # axe's selector
    inside: str  # Streamlit's name for the part of the page it is in


def script() -> str:
    """The text of axe.min.js."""
    spec = find_spec(PACKAGE)
    assert spec and spec.origin, "axe-core is not here: pip install -r requirements.lock"
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def version() -> str:
    """The version of axe-core, from its first line, and of the package that brings it."""
    return f"{script().split('axe v', 1)[1].split()[0]} ({PACKAGE} {metadata.version(PACKAGE)})"


def run(page: Any, rules: tuple[str, ...] = ()) -> tuple[list[Found], list[Found]]:
    """What breaks a rule on the page as it is now, and what axe leaves open. `rules`: only these; none means all."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script())
    answer = page.evaluate(RUN, list(rules) or None)
    violations, incomplete = (list(map(_found, answer[kind])) for kind in ("violations", "incomplete"))
    return violations, incomplete


def _found(one: dict[str, str]) -> Found:
    return Found(one["rule"], one["impact"], one["html"], one["where"], one["in"])
