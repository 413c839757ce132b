"""At the end of a section: on to the next one, seen from its beginning.

Streamlit keeps the place to which a page was scrolled, and opens a tab in its middle: so the button scrolls, too.
"""

from collections.abc import Mapping

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer

from app.content import label

_HTML = '<button type="button"></button>'
_CSS = """
button { font: inherit; color: var(--st-primary-color); background: none; border: none; padding: 0.5rem 0; }
button { min-height: 44px; cursor: pointer; }
button:hover { text-decoration: underline; }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; border-radius: 4px; }
"""
_JS = """
export default function ({ parentElement, data, setTriggerValue }) {
  const button = parentElement.querySelector("button");
  button.textContent = data.words;
  button.onclick = () => {
    if (matchMedia("(min-width: 800px)").matches) {
      document.querySelector("[data-testid='stMain']")?.scrollTo({ top: 0 });
    } else {  // there the tabs are below the controls
      document.querySelector("[data-testid='stTabs']")?.scrollIntoView();
    }
    setTriggerValue("go", true);
  };
}
"""
_button = st.components.v2.component("onward", html=_HTML, css=_CSS, js=_JS)


def draw(key: str, tabs: Mapping[str, TabContainer], labels: Mapping[str, str]) -> None:
    """The button below what is in the open one of the tabs that `url.tabs` has made; none below the last."""
    names = list(tabs)
    following = names.index(next(name for name in names if tabs[name].open)) + 1
    if following == len(names):
        return
    opened, title = names[following - 1], labels[names[following]]

    def go() -> None:
        st.session_state[key] = title

    with tabs[opened]:
        _button(key=f"{key}_onward", data={"words": label("app", "onward", title=title)}, on_go_change=go)
