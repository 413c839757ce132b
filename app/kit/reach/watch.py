"""What a style sheet cannot do in the browser: the open tab in sight, and a name for whatever scrolls sideways.

Streamlit opens a strip of tabs at its beginning, and leaves boxes that scroll without a place for the keyboard. Where
the computer turns dark it turns its own colours alone: the page is drawn again for ours.
"""

import streamlit as st

from app.content import labels

KEY = "reach_watch"  # keyboard.css hides it
_JS = """
const STRIPS = "[data-testid='stTabs'] [role='tablist']";
const CHARTS = "[data-testid='stVegaLiteChart'][aria-label] svg:not([aria-hidden])";
const SCROLLERS = {
  code: "[data-testid='stCode'] pre, [data-testid='stMarkdownContainer'] pre",
  formula: "[data-testid='stMarkdownContainer'] .katex-display",
  table: "[data-testid='stMarkdownContainer']:has(> table)",
};

export default function ({ data, setTriggerValue }) {
  const shown = new WeakMap();  // strip → what was in sight: which tab, on what width
  const show = (strip) => {
    const tab = strip.querySelector("[role='tab'][aria-selected='true']");
    const now = tab && [tab.dataset.key ?? tab.id, strip.clientWidth, strip.scrollWidth].join(" ");
    if (!tab || shown.get(strip) === now) { return; }
    shown.set(strip, now);
    const [left, right] = [tab.offsetLeft, tab.offsetLeft + tab.offsetWidth];
    if (left < strip.scrollLeft + 32 || right > strip.scrollLeft + strip.clientWidth - 32) {
      strip.scrollTo({ left: left - (strip.clientWidth - tab.offsetWidth) / 2, behavior: "instant" });
    }
  };
  const name = (box, words) => {
    const scrolls = box.scrollWidth > box.clientWidth + 1;
    if (scrolls === (box.getAttribute("aria-label") === words)) { return; }
    if (scrolls) {
      box.tabIndex = 0;
      box.role = "group";
      box.ariaLabel = words;
    } else if (box.role === "group") {
      ["tabindex", "role", "aria-label"].forEach((one) => box.removeAttribute(one));
    }
  };
  let next = 0;
  const look = () => {
    next = 0;
    document.querySelectorAll(STRIPS).forEach(show);
    document.querySelectorAll(CHARTS).forEach((svg) => { svg.ariaHidden = "true"; });
    for (const [kind, boxes] of Object.entries(SCROLLERS)) {
      document.querySelectorAll(boxes).forEach((box) => name(box, data[kind]));
    }
  };
  const soon = () => { next ||= requestAnimationFrame(look); };
  const changes = new MutationObserver(soon), sizes = new ResizeObserver(soon);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => setTimeout(() => setTriggerValue("scheme", scheme.matches), 200);
  scheme.addEventListener("change", repaint);
  const app = document.querySelector("[data-testid='stApp']");
  changes.observe(app, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-selected"] });
  sizes.observe(app);
  soon();
  return () => {
    scheme.removeEventListener("change", repaint);
    changes.disconnect();
    sizes.disconnect();
    cancelAnimationFrame(next);
  };
}
"""
_watch = st.components.v2.component("reach_watch", js=_JS)


def draw() -> None:
    """Once a page, by the router: it watches the whole of it."""
    said = {kind: labels("reach")[f"scrolls_{kind}"] for kind in ("code", "formula", "table")}
    _watch(key=KEY, data=said, on_scheme_change=_repaint)


def _repaint() -> None:
    """Nothing to be done: the run of the page that follows has the other colours."""
