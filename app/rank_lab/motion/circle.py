"""The unit circle under a 2×2 matrix, step by step, in the browser: nothing here asks the server.

Turned by −β, stretched by σ₁ and σ₂, turned by α. A visitor starts it, or drags the slider; where the system asks for
less motion, it goes from stop to stop.
"""

from typing import Any

import streamlit as st

_HTML = """
<div class="all"><svg viewBox="-1 -1 2 2" role="img"></svg>
<div class="side"><p class="stage" aria-live="polite"></p>
<label class="t"><span></span><input type="range" min="0" max="3" step="0.01"></label>
<p class="stops" aria-hidden="true"><i></i><i></i><i></i><i></i></p>
<div class="buttons"><button type="button" class="back"></button><button type="button" class="play"></button>
<button type="button" class="on"></button></div>
<label class="k"><span></span><input type="range" min="0" max="1" step="0.01"></label>
<button type="button" class="one"></button><p class="lost" aria-live="polite"></p></div></div>
"""
_CSS = """
.all { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center; }
svg { flex: 0 1 18.5rem; width: 18.5rem; max-width: 100%; aspect-ratio: 1; border: 1px solid var(--edge); }
svg { border-radius: 0.4rem; }
.side { flex: 1 1 14rem; font-size: 0.95rem; }
.side p { margin: 0.2rem 0; } .stage { min-height: 3.3em; } .stage b, .lost b { font-size: 1.1rem; }
label, input { display: block; width: 100%; }
input { height: 2.2rem; margin: 0; accent-color: var(--st-primary-color); }
@media (pointer: coarse), (max-width: 800px) { input { height: 44px; } }
.stops { display: flex; justify-content: space-between; font-size: 0.85rem; } .stops i { font-style: normal; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.3rem 0 0.5rem; }
button { font: inherit; color: inherit; background: transparent; border: 1.5px solid var(--edge); cursor: pointer; }
button { border-radius: 0.4rem; min-height: 44px; padding: 0 0.9rem; }
button[aria-pressed="true"] { border-width: 3px; font-weight: 700; }
button:focus-visible, input:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 1px; }
"""
_JS = """
const NS = "http://www.w3.org/2000/svg";
const turn = (degrees, [x, y]) => {
  const f = (degrees * Math.PI) / 180, c = Math.cos(f), s = Math.sin(f);
  return [c * x - s * y, s * x + c * y];
};
const part = (t, n) => Math.min(1, Math.max(0, t - n));
const drawn = (svg, name, values) => {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(values)) { element.setAttribute(key, value); }
  svg.append(element);
};
export default function ({ parentElement, data }) {
  const root = parentElement, get = (name) => root.querySelector(name), svg = get("svg"), words = data.words;
  const [t, k] = [get(".t input"), get(".k input")], state = (root.motion ??= { t: data.start, k: 1 });
  if (state.timer) { cancelAnimationFrame(state.timer); clearTimeout(state.timer); state.timer = null; }
  get(".all").style.setProperty("--edge", data.edge);
  for (const [name, text] of [[".t span", words.position], [".k span", words.kept], [".back", words.back],
    [".on", words.on], [".one", words.one]]) { get(name).textContent = text; }
  root.querySelectorAll(".stops i").forEach((stop, n) => { stop.textContent = words.stops[n]; });
  const size = Math.max(1, data.s1) * 1.25, thin = size / 120;
  const at = (point, kept) => {
    const [x, y] = turn(-data.beta * part(state.t, 0), point), stretch = part(state.t, 1);
    const s1 = 1 + (data.s1 - 1) * stretch, s2 = 1 + (data.sign * data.s2 * kept - 1) * stretch;
    return turn(data.alpha * part(state.t, 2), [s1 * x, s2 * y]);
  };
  const path = (kept) => Array.from({ length: 121 }, (_, n) => at(turn(3 * n, [1, 0]), kept))
    .map(([x, y]) => `${x},${-y}`).join(" ");
  const arrow = (point, colour, name, kept) => {
    const [x, y] = at(point, kept);
    drawn(svg, "line", { x1: 0, y1: 0, x2: x, y2: -y, stroke: colour, "stroke-width": 3 * thin });
    drawn(svg, "circle", { cx: x, cy: -y, r: 3 * thin, fill: colour });
    const long = Math.hypot(x, y);
    if (long < 8 * thin) { return; }  // of a length that is gone
    const text = { x: x + (12 * thin * x) / long, y: -y - (9 * thin * y) / long };
    drawn(svg, "text", { ...text, fill: data.ink, "font-size": 10 * thin, "text-anchor": "middle",
      "dominant-baseline": "middle" });
    svg.lastChild.textContent = name;
  };
  const show = () => {
    svg.setAttribute("viewBox", `${-size} ${-size} ${2 * size} ${2 * size}`);
    svg.replaceChildren();
    for (const ends of [{ x1: -size, x2: size, y1: 0, y2: 0 }, { x1: 0, x2: 0, y1: -size, y2: size }]) {
      drawn(svg, "line", { ...ends, stroke: data.edge, "stroke-width": thin / 2, opacity: 0.6 });
    }
    const plain = { fill: "none", "stroke-width": thin };
    drawn(svg, "circle", { ...plain, cx: 0, cy: 0, r: 1, stroke: data.edge, "stroke-dasharray": 4 * thin });
    const lost = state.k < 1 && state.t > 1;
    if (lost) {
      drawn(svg, "polyline", { ...plain, points: path(1), stroke: data.edge });
      for (let n = 0; n < 24; n += 1) {
        const point = turn(15 * n, [1, 0]), [x, y] = at(point, 1), [x2, y2] = at(point, state.k);
        drawn(svg, "line", { x1: x, y1: -y, x2, y2: -y2, stroke: data.lost, "stroke-width": 1.2 * thin });
      }
    }
    drawn(svg, "polyline", { fill: data.fill, "fill-opacity": 0.18, stroke: data.fill, "stroke-width": 2 * thin,
      points: path(state.k) });
    arrow(turn(data.beta, [1, 0]), data.fill, state.t < 2 ? "v₁" : "σ₁u₁", state.k);
    arrow(turn(data.beta, [0, 1]), data.second, state.t < 2 ? "v₂" : "σ₂u₂", state.k);
    t.value = state.t;
    k.value = state.k;
    const stop = Math.min(3, Math.floor(state.t + 0.005)), stage = words.stages[stop];
    const said = state.k < 1 && stop >= 2 ? words.line : stage;
    if (get(".stage").textContent !== said) { get(".stage").textContent = said; }
    t.ariaValueText = `${state.t.toFixed(2)}: ${words.stops[stop]}`;
    k.ariaValueText = `${Math.round(100 * state.k)} %`;
    svg.ariaLabel = `${words.label} ${said}`;
    const energy = data.s1 ** 2 + (state.k * data.s2) ** 2, whole = data.s1 ** 2 + data.s2 ** 2;
    const share = whole ? ((100 * energy) / whole).toFixed(1) : "100.0", missing = (1 - state.k) * data.s2;
    get(".lost").textContent = words.lost.replace("{share}", share).replace("{missing}", missing.toFixed(2));
    get(".one").ariaPressed = String(state.k === 0);
    get(".play").textContent = state.timer ? words.pause : words.play;
    get(".back").disabled = state.t <= 0;
    get(".on").disabled = state.t >= 3;
  };
  const stopped = () => { cancelAnimationFrame(state.timer); clearTimeout(state.timer); state.timer = null; };
  const gone = (to) => { stopped(); state.t = Math.min(3, Math.max(0, to)); show(); };
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  t.oninput = () => gone(Number(t.value));
  k.oninput = () => { state.k = Number(k.value); show(); };
  get(".back").onclick = () => gone(Math.ceil(state.t - 1.001));
  get(".on").onclick = () => gone(Math.floor(state.t + 1.001));
  get(".one").onclick = () => { state.k = state.k === 0 ? 1 : 0; gone(Math.max(2, Math.ceil(state.t))); };
  get(".play").onclick = () => {
    if (state.timer) { stopped(); show(); return; }
    if (state.t >= 3) { state.t = 0; }
    if (calm) {
      const next = () => {
        state.t = Math.min(3, Math.floor(state.t + 1));
        state.timer = state.t < 3 ? setTimeout(next, 1500) : null;
        show();
      };
      state.timer = setTimeout(next, 300);
    } else {
      let before = null;
      const next = (now) => {
        state.t = Math.min(3, state.t + (before === null ? 0 : Math.min(now - before, 100) / 1600));
        before = now;
        state.timer = state.t < 3 ? requestAnimationFrame(next) : null;
        show();
      };
      state.timer = requestAnimationFrame(next);
    }
    show();
  };
  show();
  return () => stopped();
}
"""
_circle = st.components.v2.component("circle", html=_HTML, css=_CSS, js=_JS)


def draw(data: dict[str, Any]) -> None:
    """The picture with its controls."""
    _circle(key="motion_circle", data=data)
