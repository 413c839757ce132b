"""What a walk has found, as JSON, and as the tables of docs/accessibility.md."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from peft_core.paths import RESULTS, ROOT
from tests.accessibility import axe, theirs
from tests.accessibility.screens import section
from tests.accessibility.walk import LAPTOP, PHONE, SCHEMES, Screen

JSON = RESULTS / "accessibility.json"
PAGE = ROOT / "docs" / "accessibility.md"
BEGIN, END = "<!-- begin: what make axe found -->", "<!-- end: what make axe found -->"
WHOSE = {"violations": theirs.VIOLATIONS, "incomplete": theirs.OPEN}

READ_FIRST = ("home", "home-why", "home-family", "home-when_not")  # its tabs are below a review that all have judged


def summary(screens: Sequence[Screen], command: str) -> dict[str, Any]:
    """Numbers of a walk, and every finding of ours with its screen."""
    return {
        "made_by": command,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "axe": axe.version(),
        "phone": PHONE,
        "laptop": LAPTOP,
        "screens": len(screens),
        "rules": [line for kind in WHOSE for scheme in SCHEMES for line in _rules(screens, kind, scheme)],
        "texts": sum(screen.texts for screen in screens),
        "faint": [{"screen": s.name, "scheme": c} | one for s in screens for c in SCHEMES for one in s.faint[c]],
        "phone_facts": {
            "with_tabs": sum(s.phone.tabs is not None for s in screens),
            "lowest_tabs": max(
                ((s.phone.tabs, s.name) for s in screens if s.phone.tabs is not None and s.name not in READ_FIRST),
                default=(0, ""),
            ),
            "open_tab_hidden": [s.name for s in screens if s.phone.open_tab_hidden],
            "small": [{"screen": s.name} | one for s in screens for one in s.phone.small],
            "sideways": [s.name for s in screens if s.phone.sideways > 0],
            "boxes": sum(s.phone.boxes for s in screens),
            "nameless": [
                {"screen": s.name, "box": one}
                for s in screens
                for one in s.phone.nameless
                if one not in theirs.NAMELESS
            ],
        },
        "titles_twice": twice(screens),
    }


def _rules(screens: Sequence[Screen], kind: str, scheme: str) -> Iterable[dict[str, Any]]:
    found = [(screen.name, one) for screen in screens for one in getattr(screen, kind)[scheme]]
    for rule, whose in sorted({(one.rule, _whose(one, kind)) for _, one in found}):
        these = [(name, one) for name, one in found if (one.rule, _whose(one, kind)) == (rule, whose)]
        yield {
            "kind": kind, "rule": rule, "scheme": scheme, "whose": whose, "nodes": len(these),
            "screens": len({name for name, _ in these}),
            "ours": [{"screen": name} | asdict(one) for name, one in these if whose == "ours"],
        }  # fmt: skip


def _whose(one: axe.Found, kind: str) -> str:
    if kind == "incomplete" and one.rule in theirs.ANSWERED:
        return "computed"
    return "Streamlit" if not theirs.ours([one], WHOSE[kind]) else "ours"


def twice(screens: Iterable[Screen]) -> list[str]:
    """Titles that screens of different sections share."""
    pairs = {(screen.title, *section(screen.address)) for screen in screens}
    return sorted(title for title, times in Counter(title for title, *_ in pairs).items() if times > 1)


def wrong(found: dict[str, Any]) -> list[str]:
    """Sentences on what a page of ours does wrong; none if all is well."""
    said = [
        f"{rule['rule']} ({rule['scheme']}) on {one['screen']}: {one['html'][:120]}"
        for rule in found["rules"]
        if rule["kind"] == "violations" or rule["whose"] == "ours"
        for one in rule["ours"]
    ]
    said += [
        f"{one['ratio']} to 1 on {one['screen']} ({one['scheme']}): {one['words']} {one['where']}"
        for one in found["faint"]
    ]
    facts = found["phone_facts"]
    said += [
        f"{one['size']} px on {one['screen']}: {one['what']} {one['words']} {one['key']}" for one in facts["small"]
    ]
    said += [f"no name for {one['box']} on {one['screen']}" for one in facts["nameless"]]
    said += [f"the open tab is out of sight on {name}" for name in facts["open_tab_hidden"]]
    said += [f"the page is wider than a phone: {name}" for name in facts["sideways"]]
    said += [f"a title of several screens: {title}" for title in found["titles_twice"]]
    height, name = facts["lowest_tabs"]
    return said + ([f"the tabs of {name} begin at {height} px"] if height > PHONE["height"] - 44 else [])


def written(found: dict[str, Any]) -> str:
    """The tables of the page."""
    facts, phone, laptop = found["phone_facts"], found["phone"], found["laptop"]
    rules = ["| rule | what it is | whose | light: screens, elements | dark |", "|---|---|---|---:|---:|"]
    seen = {(one["kind"], one["rule"], one["whose"]) for one in found["rules"]}
    for kind, rule, whose in sorted(seen, key=lambda key: (key[0] != "violations", key)):
        cells = []
        for scheme in SCHEMES:
            counts = [
                f"{one['screens']}, {one['nodes']:,}"
                for one in found["rules"]
                if (one["kind"], one["rule"], one["whose"], one["scheme"]) == (kind, rule, whose, scheme)
            ]
            asked = scheme == "light" or rule == "color-contrast"
            cells.append(counts[0] if counts else "0" if asked else "as in light")
        what = {"violations": "breaks it", "incomplete": "axe cannot say"}[kind]
        rules.append(f"| `{rule}` | {what} | {whose} | {' | '.join(cells)} |")
    height, name = facts["lowest_tabs"]
    hidden, nameless = len(facts["open_tab_hidden"]), len(facts["nameless"])
    lines = [
        f"axe-core {found['axe']}, {found['screens']} screens, {found['date']}: `{found['made_by']}`.",
        "",
        *rules,
        "",
        "| | |",
        "|---|---:|",
        f"| texts whose contrast was computed, each in light and dark | {found['texts']:,} |",
        f"| of them under 4.5 to 1 (large ones and icons: 3 to 1) | {len(found['faint'])} |",
        f"| phone, {phone['width']} × {phone['height']}: targets under 44 px | {len(facts['small'])} |",
        f"| pages wider than the phone | {len(facts['sideways'])} |",
        f"| screens with tabs; with the open tab out of sight | {facts['with_tabs']}; {hidden} |",
        f"| lowest strip of tabs, pixels from the top | {height:.0f} ({name}) |",
        f"| boxes that scroll sideways by themselves; without a name | {facts['boxes']}; {nameless} |",
        f"| titles that screens of different sections share | {len(found['titles_twice'])} |",
        f"| laptop of the axe rows | {laptop['width']} × {laptop['height']} |",
    ]
    return "\n".join(lines)


def in_page(page: str, made: str) -> str:
    """The page with these tables between its two marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}"


def keep(found: dict[str, Any], to: Path = JSON) -> None:
    """Write the JSON."""
    to.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
