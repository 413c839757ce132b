"""On a phone the controls of a method page are one line, which says what is set and opens them.

What is folded is hidden by a style sheet: every widget is still there, with its value and its place in the address, and
no run of the page is needed to open or to close it. Where a control has something to say, it is open.
"""

import streamlit as st

from app.content import label

KEY = "controls_bar"  # narrow.css knows it
_HTML = '<button type="button" aria-expanded="false"><span></span><svg viewBox="0 0 24 24" aria-hidden="true"><path \
d="M7 10l5 5 5-5z" fill="currentColor"/></svg></button>'
_CSS = """
button { display: flex; align-items: center; justify-content: space-between; gap: 0.5rem; width: 100%;
  min-height: 44px; padding: 0.25rem 0.75rem; font: inherit; font-size: 0.95rem; text-align: left; cursor: pointer;
  color: var(--st-text-color); background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); border-radius: 0.5rem; }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: -3px; }
svg { width: 1.6rem; flex: none; }
button[aria-expanded="true"] svg { transform: rotate(180deg); }
"""
_JS = """
export default function ({ parentElement, data }) {
  const button = parentElement.querySelector("button");
  const controls = parentElement.host.closest(".st-key-controls");
  const turn = (open) => {
    controls.toggleAttribute("data-open", open);
    button.ariaExpanded = String(open);
  };
  button.querySelector("span").textContent = data.words;
  button.onclick = () => turn(!controls.hasAttribute("data-open"));
  turn(controls.hasAttribute("data-open") || controls.querySelector("[data-testid='stAlert']") !== null);
}
"""
_button = st.components.v2.component("controls_bar", html=_HTML, css=_CSS, js=_JS)


def draw(base: str, setting: str, trains: int | None) -> None:
    """The line, drawn into a container with the key `KEY` at the top of the controls.

    Args:
        base: name of the base model.
        setting: the method with its number, "LoRA r=8".
        trains: how many parameters; None where that is not the question.
    """
    number = [] if trains is None else [label("reach", "trains", n=f"{trains:,}")]
    _button(key=f"{KEY}_line", data={"words": " · ".join([base, setting, *number])})
