"""p(positive) as needles on one fixed axis: what no dial moves is grey, what the dials say has the method's colour.

A small component, not a chart of Vega: a browser needs 2 ms to put a needle elsewhere, and tens to draw a chart anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.content import label
from app.kit import theme

_HTML = """<div role="img"></div>"""
_CSS = """
div.row, div.axis { display: grid; grid-template-columns: 10.5rem 1fr; column-gap: 0.75rem; align-items: center; }
.who { font-size: 0.875rem; text-align: right; overflow-wrap: anywhere; }
.track { position: relative; height: 2.1rem; margin-right: 1.1rem; }
.half { position: absolute; left: 50%; height: 100%; border-left: 1px dashed; }
.bar { position: absolute; height: 6px; top: calc(50% - 3px); opacity: 0.5; }
.needle { position: absolute; width: 7px; height: 26px; top: calc(50% - 13px); border-radius: 2px; margin-left: -3px; }
.words { position: absolute; top: 50%; transform: translateY(-50%); white-space: nowrap; font-size: 0.95rem; }
.scale { position: relative; height: 3rem; margin-right: 1.1rem; border-top: 1px solid var(--st-border-color); }
.scale span { position: absolute; top: 0.2rem; transform: translateX(-50%); font-size: 0.8rem; }
.scale p { margin: 0; padding-top: 1.5rem; text-align: center; font-size: 0.8rem; }
@media (max-width: 640px) {
  div.row, div.axis { grid-template-columns: 1fr; }
  .who { text-align: left; }
  .track, .scale { margin-left: 0.6rem; }
}
"""
_JS = """
const made = (parent, ...names) => names.map((name) => {
  const part = document.createElement("div");
  part.className = name;
  parent.append(part);
  return part;
});
export default function ({ parentElement, data }) {
  const root = parentElement.querySelector("[role=img]");
  if (root.querySelectorAll(".row").length !== data.rows.length) {
    root.replaceChildren();
    for (const _ of data.rows) {
      const [, track] = made(made(root, "row")[0], "who", "track");
      made(track, "half", "bar", "needle", "words");
    }
    const [, scale] = made(made(root, "axis")[0], "", "scale");
    for (const share of [0, 25, 50, 75, 100]) {
      const tick = document.createElement("span");
      tick.style.left = `${share}%`;
      tick.textContent = `${share}%`;
      scale.append(tick);
    }
    scale.append(document.createElement("p"));
  }
  root.querySelector(".scale p").textContent = data.axis;
  root.querySelectorAll(".row").forEach((row, index) => {
    const { who, p, words, colour } = data.rows[index], part = (name) => row.querySelector(`.${name}`);
    part("who").textContent = who;
    part("half").style.borderColor = data.grey;
    part("needle").style.left = `${100 * p}%`;
    part("needle").style.background = part("bar").style.background = colour;
    part("bar").style.left = `${100 * Math.min(p, 0.5)}%`;
    part("bar").style.width = `${100 * Math.abs(p - 0.5)}%`;
    part("words").textContent = words;
    part("words").style.left = p > 0.5 ? "auto" : "calc(50% + 10px)";  // on the other side than the bar
    part("words").style.right = p > 0.5 ? "calc(50% + 10px)" : "auto";
  });
  root.ariaLabel = data.alt;
}
"""
_component = st.components.v2.component("needles", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True)
class Needle:
    """One row; with a method: the one that moves."""

    title: str
    p: float
    method: str | None = None


def draw(needles: Sequence[Needle], title: str) -> None:
    """The rows in this order, on an axis from 0 to 1 whatever they say; `title` is what p is of. All is plain text."""
    rows = [
        {
            "who": needle.title,
            "p": needle.p,
            "words": f"{theme.sign('positive' if needle.p > 0.5 else 'negative')} {needle.p:.1%}",
            "colour": theme.METHOD[needle.method].colour if needle.method else theme.frozen(),
        }
        for needle in needles
    ]
    listed = "; ".join(f"{needle.title} {needle.p:.1%}" for needle in needles)
    words = {"alt": label("dials", "needles_alt", p=title, rows=listed), "axis": title}
    _component(key="dial_needles", data={"rows": rows, "grey": theme.frozen()} | words)
