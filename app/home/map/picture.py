"""The drawn map: a component of buttons in the order of the forward pass. Words come as data, never as HTML."""

from typing import Any

import streamlit as st

from app.kit import present, theme

_HTML = '<div class="map" role="group"></div><p class="told"></p>'
_CSS = """
.map { display: flex; flex-wrap: wrap; gap: 0.6rem; align-items: stretch; font-size: 0.875rem; }
.end, .stack { display: flex; flex-direction: column; gap: 0.3rem; justify-content: center; }
.end { flex: 1 1 5.4rem; max-width: 8rem; }
.end button + button::before { content: "↓" / ""; position: absolute; top: -1.05em; left: 45%; opacity: 0.7; }
.end button { margin-bottom: 0.5rem; }
.stack { box-sizing: border-box; }
.stack { justify-content: flex-start; border: 1px solid var(--edge); border-radius: 0.5rem; padding: 0.4rem 0.5rem; }
.stack h2 { font-size: 1rem; margin: 0; line-height: 1.3; }
.grid { display: grid; gap: 0.25rem 0.5rem; }
.row { font-weight: 600; line-height: 1.25; align-self: center; }
.column { text-align: center; align-self: end; }
.note { display: block; font-weight: 400; }
.note i, button i { font-style: normal; }
i::before { content: attr(data-mark) / ""; white-space: pre; } /* a mark, no letter: the words beside it say the same */
.cell { display: grid; grid-template-columns: 1fr 1fr; gap: 0.2rem; align-content: start; }
button { position: relative; font: inherit; color: inherit; min-height: 1.75rem; padding: 0.05rem 0.25rem; }
button { border: 1.5px dashed var(--edge); background: transparent; border-radius: 0.3rem; cursor: pointer; }
button { overflow-wrap: anywhere; line-height: 1.15; }
button.wide { grid-column: 1 / -1; } button.final { grid-column: 2 / -1; }
button.on { border: 2px solid var(--colour); background: color-mix(in srgb, var(--colour) 22%, transparent); }
button:hover { background: color-mix(in srgb, var(--edge) 25%, transparent); }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 1px; }
.told { min-height: 2.6em; margin: 0.5rem 0 0; font-size: 0.95rem; }
.low button { min-height: 1.35rem; } .low + .told { min-height: 1.3em; } /* with its switches on a projector's screen */
@media (pointer: coarse), (max-width: 640px) { button { min-height: 44px; min-width: 44px; } }
@media (max-width: 640px) {
  .end, .stack { flex: 1 1 100%; max-width: none; }
  .grid { grid-template-columns: repeat(var(--columns), 1fr) !important; }
  .row, .corner, button.final { grid-column: 1 / -1; margin-top: 0.4rem; }
  .row .note { display: inline; margin-left: 0.5rem; }
}
"""
_JS = """
const made = (kind, name, words) => {
  const element = document.createElement(kind);
  if (name) { element.className = name; }
  if (words) { element.textContent = words; }
  return element;
};
const marked = (marks) => marks.map(({ mark, colour }) => {
  const sign = made("i");
  sign.dataset.mark = `${mark} `;
  sign.style.color = colour;
  return sign;
});
export default function ({ parentElement, data, setTriggerValue }) {
  const map = parentElement.querySelector(".map"), told = parentElement.querySelector(".told");
  const active = parentElement.activeElement ?? document.activeElement;
  const focused = map.contains(active) ? active.dataset.key : null;
  map.style.setProperty("--edge", data.edge);
  map.classList.toggle("low", data.low);
  map.ariaLabel = data.label;
  told.textContent = data.hint;
  const button = (box) => {
    const one = made("button", box.wide ? "wide" : "");
    one.type = "button";
    one.dataset.key = box.key;
    one.append(...marked(box.marks), box.words);
    one.ariaLabel = box.told;
    if (box.marks.length) {
      one.classList.add("on");
      one.style.setProperty("--colour", box.marks[0].colour);
    }
    one.onmouseenter = one.onfocus = () => { told.textContent = box.told; };
    one.onclick = () => { setTriggerValue("go", box.key); };
    return one;
  };
  const notes = (list) => list.map((note) => {
    const line = made("span", "note");
    line.append(...marked([note]), note.words);
    return line;
  });
  const end = (boxes) => {
    const column = made("div", "end");
    column.append(...boxes.map(button));
    return column;
  };
  const stack = (part) => {
    const box = made("div", "stack"), grid = made("div", "grid"), corner = made("div", "corner");
    corner.append(made("h2", "", part.title));
    box.style.flex = `${part.columns.length + 1} 1 ${4.6 * part.columns.length + 7}rem`;
    grid.style.setProperty("--columns", part.columns.length);
    grid.style.gridTemplateColumns = `5.9rem repeat(${part.columns.length}, minmax(4.2rem, 1fr))`;
    grid.append(corner, ...part.columns.map((name) => made("div", "column", name)));
    for (const row of part.rows) {
      const title = made("div", "row", row.title);
      title.append(...notes(row.notes));
      grid.append(title, ...row.cells.map((boxes) => {
        const cell = made("div", "cell");
        cell.append(...boxes.map(button));
        return cell;
      }));
    }
    const under = made("div", "row");
    under.append(...notes(part.notes));
    const last = button(part.final);
    last.className += " final";
    grid.append(under, last);
    box.append(grid);
    return box;
  };
  map.replaceChildren(end(data.into), ...data.stacks.map(stack), end(data.out));
  if (focused) {
    [...map.querySelectorAll("button")].find((one) => one.dataset.key === focused)?.focus();
  }
}
"""
_map = st.components.v2.component("map", html=_HTML, css=_CSS, js=_JS)


def draw(data: dict[str, Any]) -> str | None:
    """The map; returns the key of the button that was pressed just now."""
    data = data | {"edge": theme.frozen(), "low": present.on()}
    pressed = _map(key="map_picture", data=data, on_go_change=lambda: None).go
    return pressed if isinstance(pressed, str) else None
