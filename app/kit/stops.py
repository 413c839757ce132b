"""One whole number, two ways to set it: a slider over a few stops, 1, 2, 4 …, and a box for any value between.

Streamlit's own sliders tell the page where they are only when they are let go. This one tells it at every stop that the
thumb passes, so counts and pictures move while it is dragged: at most a dozen runs of the page from end to end. The box
is the widget that holds the value, under one key, in the URL; the slider shows the stop that is nearest to it.
"""

import math
from collections.abc import Sequence

import streamlit as st

from app.kit import url

_HTML = """
<label><span></span><input type="range" min="0" step="1"></label>
<p class="ticks" aria-hidden="true"></p>
"""
_CSS = """
label { display: block; }
label > span { font-size: 0.875rem; }
label > span[title] { cursor: help; text-decoration: underline dotted; text-underline-offset: 0.2em; }
input { display: block; width: 100%; height: 1.75rem; margin: 0; cursor: pointer; }
input { accent-color: var(--st-primary-color); }
@media (pointer: coarse), (max-width: 799px) { input { height: 44px; } }
input:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; border-radius: 4px; }
.ticks { position: relative; height: 1rem; margin: -0.15rem 0.5rem 0; font-size: 0.8rem; opacity: 0.8; }
.ticks i { position: absolute; transform: translateX(-50%); font-style: normal; }
"""
_JS = """
export default function ({ parentElement, data, setTriggerValue }) {
  const input = parentElement.querySelector("input"), ticks = parentElement.querySelector(".ticks");
  const name = parentElement.querySelector("label > span");
  name.textContent = data.name;
  if (data.help) { name.title = input.ariaDescription = data.help; }
  input.max = data.stops.length - 1;
  const said = () => { input.ariaValueText = data.stops[input.value]; };
  if (!input.dragged) { input.value = data.nearest; }
  input.ariaValueText = data.value;
  input.onpointerdown = () => { input.dragged = true; };
  input.onpointerup = input.onpointercancel = () => { input.dragged = false; };
  input.oninput = () => { said(); setTriggerValue("stop", Number(input.value)); };
  ticks.replaceChildren(...data.ticks.map((index) => {
    const tick = document.createElement("i");
    tick.textContent = data.stops[index];
    tick.style.left = `${(100 * index) / (data.stops.length - 1)}%`;
    return tick;
  }));
}
"""
_slider = st.components.v2.component("stops", html=_HTML, css=_CSS, js=_JS)


def powers(high: int) -> tuple[int, ...]:
    """1, 2, 4 … and `high`."""
    return (*(1 << n for n in range(high.bit_length()) if 1 << n < high), high)


def number(key: str, name: str, stops: Sequence[int], default: int, meaning: str = "") -> int:
    """A whole number from the first stop to the last: what the slider and the box together say. In the URL as `key`.

    `meaning` is shown where the mouse rests on the name, as that of a term in a text is.
    """
    low, high = stops[0], stops[-1]
    url.clamp(key, name, low, high)
    gone_back = url.went_back_or_forward() and key not in st.query_params  # what was set before does not count then
    value = default if gone_back else st.session_state.get(key) or default
    nearest = min(range(len(stops)), key=lambda index: abs(math.log(stops[index] / value)))
    every = math.ceil(len(stops) / 5)  # so many names of stops fit below it on a projector

    def take() -> None:
        index = st.session_state[f"{key}_stops"].stop
        if isinstance(index, int) and 0 <= index < len(stops):
            st.session_state[key] = stops[index]

    wide, narrow = st.columns([13, 7], gap="small", vertical_alignment="bottom")
    with wide:
        _slider(
            key=f"{key}_stops",
            data={
                "name": name,
                "help": meaning,
                "stops": list(stops),
                "nearest": nearest,
                "value": value,
                "ticks": [index for index in range(len(stops)) if (len(stops) - 1 - index) % every == 0],
            },
            on_stop_change=take,
        )
    with narrow:
        return url.bounded_number(key, name, low, high, default, label_visibility="collapsed")
