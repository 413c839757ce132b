"""SVD as motion: the unit circle under a matrix of 2×2; then a photograph at rank k beside a learned ΔW."""

import numpy as np
import streamlit as st

from app.content import label, text
from app.kit import theme, url
from app.kit.drawn.svd_parts import number
from app.kit.formats import percent
from app.rank_lab.motion import circle, photograph
from app.rank_lab.motion.by_hand import Turned, turned
from peft_core.analysis.spectra.spectrum import svd_terms

SCREENS = ("circle", "photograph")
MOST, STEP = 3.0, 0.1  # of an entry
ENTRIES = ("two_a", "two_b", "two_c", "two_d")  # keys, in the URL: row by row
PRESETS = {
    "shear": (1.0, 1.0, 0.0, 1.0),
    "rotation": (0.8, -0.6, 0.6, 0.8),
    "mirror": (0.6, 0.8, 0.8, -0.6),
    "unequal": (2.0, 1.2, 0.8, 1.0),
    "one": (2.0, 1.0, 1.0, 0.5),
}
AT_FIRST = "unequal"
START = "motion_at"  # in the URL: where the motion stands when the page is opened, 0 to 3
CLOSE = 1e-9


def draw() -> None:
    """One of two screens."""
    titles = {name: label("motion", f"screen_{name}") for name in SCREENS}
    chosen = url.screen_of("motion", label("motion", "screen"), titles)
    if chosen == "photograph":
        photograph.draw()
    else:
        _circle()


def _circle() -> None:
    """Claim, matrix, motion; the numbers by hand and by NumPy."""
    st.markdown(text("motion", "circle"))
    left, right = st.columns([3, 8], gap="medium")
    with left:
        entries = _matrix()
    moved = turned(*entries)
    with right:
        circle.draw(_data(moved))
    st.markdown(_numbers(entries, moved))


def _matrix() -> tuple[float, ...]:
    """Four boxes and a few presets."""

    def choose(name: str) -> None:
        for key, value in zip(ENTRIES, PRESETS[name], strict=True):
            st.session_state[key] = value

    names = [label("motion", "entry", row=1 + place // 2, column=1 + place % 2) for place in range(4)]
    for key, name in zip(ENTRIES, names, strict=True):
        url.clamp(key, name, -MOST, MOST, whole=False)
    found = []
    st.caption(label("motion", "matrix"))
    with st.container(key="motion_cells", gap="small"):
        for row in (0, 2):
            with st.container(horizontal=True, gap="small"):
                for key, name, value in list(zip(ENTRIES, names, PRESETS[AT_FIRST], strict=True))[row : row + 2]:
                    how = {"step": STEP, "format": "%.1f", "label_visibility": "collapsed", "width": 100}
                    found.append(url.bounded_number(key, name, -MOST, MOST, value, **how))
    with st.container(horizontal=True, gap="small", key="motion_presets"):
        for name in PRESETS:
            st.button(label("motion", name), key=f"motion_{name}", on_click=choose, args=(name,))
    return tuple(found)


def _numbers(entries: tuple[float, ...], moved: Turned) -> str:
    """σ by the formula with this matrix's numbers in it, and the tick that NumPy says the same."""
    by_numpy = [term.sigma for term in svd_terms(np.array(entries).reshape(2, 2))]
    agree = all(abs(one - other) < CLOSE for one, other in zip(moved.sigmas, by_numpy, strict=True))
    values = {
        "p": number(moved.p), "q": number(moved.q), "first": number(moved.sigmas[0]),
        "second": number(moved.sigmas[1]), "energy": percent(moved.energy),
    }  # fmt: skip
    numpy = {"first": number(by_numpy[0]), "second": number(by_numpy[1])}
    return "\n\n".join([text("motion", "numbers", **values), text("motion", "agree" if agree else "differ", **numpy)])


def _data(moved: Turned) -> dict[str, object]:
    """What the browser needs: numbers, colours, words."""
    values = {
        "alpha": f"{moved.alpha:.0f}", "beta": f"{-moved.beta:.0f}", "first": number(moved.sigmas[0]),
        "second": number(moved.sigmas[1]),
    }  # fmt: skip
    stages = [label("motion", f"stage_{stop}", **values) for stop in range(4)]
    if moved.mirrored:
        stages[2] = f"{stages[2]} {label('motion', 'turned_over')}"
    words = {
        name: label("motion", name)
        for name in ("position", "kept", "back", "on", "one", "play", "pause", "label", "line", "lost")
    }
    asked = st.query_params.get(START, "0")
    start = float(asked) if asked in ("1", "2", "3") else 0.0
    return {
        "s1": moved.sigmas[0], "s2": moved.sigmas[1], "sign": -1 if moved.mirrored else 1, "alpha": moved.alpha,
        "beta": moved.beta, "start": start, "edge": theme.frozen(), "ink": theme.ink(),
        "fill": theme.METHOD["lora"].colour, "second": theme.soft_ink(), "lost": theme.NEGATIVE.colour,
        "words": words | {"stages": stages, "stops": [label("motion", f"stop_{stop}") for stop in range(4)]},
    }  # fmt: skip
