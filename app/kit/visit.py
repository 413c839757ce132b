"""Links within the app after which everything is as their address says, whatever was moved before.

`st.page_link` and `st.switch_page` keep what a widget was last set to where the address does not name it. The browser's
Back and Forward do not: Streamlit then asks the address alone, and so do our own widgets (`url.to_be_read`). These
links write an entry of the browser's history and go there as Back would. A link may be followed by a key, too.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from app.content.lessons import LESSON

_HTML = "<nav></nav>"
_CSS = """
nav { display: flex; flex-wrap: wrap; gap: 0.35rem; }
a { display: inline-flex; align-items: center; justify-content: center; box-sizing: border-box; min-height: 44px; }
a { min-width: 44px; padding: 0 0.5rem; border: 1px solid var(--st-border-color); border-radius: 8px; }
a { color: var(--st-text-color); text-decoration: none; white-space: nowrap; background: var(--st-background-color); }
a:not([href]) { opacity: 0.45; }
a[href]:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
a.primary { background: var(--st-primary-color); border-color: var(--st-primary-color); }
a.primary, a.primary[href]:hover { color: var(--st-background-color); }
a:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""
# A key that moves a slider, a tab, the cursor in a box or in a table is not taken from it. Keys are caught before
# anything else on the page hears them: Streamlit's own shortcuts would turn two things at once.
_JS = """
const OWN_KEYS = "input, textarea, select, video, audio, canvas, [contenteditable], " + [
  "slider", "spinbutton", "tab", "radio", "radiogroup", "combobox", "listbox", "option", "menu", "menuitem", "grid",
  "treegrid", "tree", "treeitem", "application",
].map((role) => `[role=${role}]`).join(", ");
const heard = new WeakMap();
let aim = null;

const visit = (href, write = "pushState") => {
  aim = href;
  history[write]({}, "", new URL(href, document.baseURI));
  dispatchEvent(new PopStateEvent("popstate"));
  document.querySelector("[data-testid='stMain']")?.scrollTo({ top: 0 });
};

// What the page before had still to say of its address may come after the address of the next one has been written, and
// Streamlit then writes over it. Where that has happened, the place that is shown now is gone to once more.
const mend = (here) => {
  if (!here || here !== aim) { return; }
  const wanted = new URL(here, document.baseURI).searchParams, now = new URL(location).searchParams;
  aim = null;
  if (["lesson", "stop"].some((key) => wanted.get(key) !== now.get(key))) { visit(here, "replaceState"); aim = null; }
};

export default function ({ parentElement, data }) {
  mend(data.here);
  const nav = parentElement.querySelector("nav");
  nav.ariaLabel = data.name;
  while (nav.children.length > data.links.length) { nav.lastChild.remove(); }
  while (nav.children.length < data.links.length) { nav.append(document.createElement("a")); }
  data.links.forEach((link, index) => {
    const a = nav.children[index];
    a.textContent = link.words;
    a.className = link.primary ? "primary" : "";
    a.ariaLabel = a.title = link.name || link.words;
    if (link.href === null) { a.removeAttribute("href"); a.role = "link"; a.ariaDisabled = "true"; }
    else { a.href = link.href; a.role = null; a.ariaDisabled = null; }
    a.onclick = (event) => {
      if (link.href === null || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) { return; }
      event.preventDefault();
      visit(link.href);
    };
  });
  const onkey = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) { return; }
    const link = data.links.find((one) => one.keys.includes(event.key));
    if (!link || event.composedPath().some((node) => node.matches?.(OWN_KEYS))) { return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (link.href !== null) { visit(link.href); }
  };
  const before = heard.get(parentElement);
  if (before) { window.removeEventListener("keydown", before, true); }
  window.addEventListener("keydown", onkey, true);
  heard.set(parentElement, onkey);
  return () => { window.removeEventListener("keydown", onkey, true); };
}
"""
_links = st.components.v2.component("visit", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True)
class Link:
    """One link: what it says, where it leads ("lora?section=count"; None: nowhere now), and the keys that follow it."""

    words: str
    href: str | None
    primary: bool = False
    name: str = ""  # for a screen reader, where the words alone do not say it
    keys: Sequence[str] = ()  # as browsers name them: "ArrowRight"


def arrow(name: str) -> str | None:
    """The shortcut of a page's own button, "left" or "right"; none in a lesson, whose stops these keys turn."""
    return None if LESSON in st.query_params else name


def links(key: str, *shown: Link, name: str, here: str = "") -> None:
    """Links side by side.

    Args:
        name: what a screen reader calls them together.
        here: the address of the place that is shown, where it is one of those that these links lead to.
    """
    _links(key=key, data={"name": name, "here": here, "links": [asdict(link) for link in shown]})
