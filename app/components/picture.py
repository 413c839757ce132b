"""Pictures true to scale: frozen weights pale and dashed, trained ones solid."""

import altair as alt
import pandas as pd
import streamlit as st

from app.components import theme
from app.content import label

HEIGHT = 300  # pixels
THINNEST = 0.006  # of the longer side: rank 1 of 16,384 would be a fiftieth of a pixel


def lora_picture(module: str, out_features: int, in_features: int, r: int) -> None:
    """h = W₀x + (α/r)·B·A·x as three rectangles: W₀ (out × in), B (out × r), A (r × in).

    Both axes have the same number of weights a pixel, whatever the width of the screen: shapes stay true.
    """
    out, inner = out_features, in_features
    longer = max(out, inner)
    thin = max(r, THINNEST * longer)
    inside = inner >= 0.5 * longer  # is there room for words on W₀?
    gap = (0.14 if inside else 0.5) * longer
    b_left = inner + gap
    a_left = b_left + thin + 0.07 * longer
    right = a_left + max(inner, 0.5 * longer)
    scale = f"max({right} / width, {out} / (height - 8))"  # weights a pixel
    x_scale = alt.Scale(domainMin=0, domainMax=alt.ExprRef(f"{scale} * width"), nice=False, zero=False)
    y_scale = alt.Scale(domainMin=0, domainMax=alt.ExprRef(f"{scale} * height"), nice=False, zero=False, reverse=True)
    x, y = alt.X("x:Q", axis=None, scale=x_scale), alt.Y("y:Q", axis=None, scale=y_scale)
    rows = [("W₀", out, inner, 0, inner, out), ("B", out, r, b_left, b_left + thin, out)]
    rows.append(("A", r, inner, a_left, a_left + inner, thin))
    parts = pd.DataFrame(
        [
            {
                "part": name,
                "shape": f"{high:,} × {wide:,}",
                "numbers": f"{high * wide:,}",
                "x": left,
                "x2": end,
                "y": 0,
                "y2": bottom,
            }
            for name, high, wide, left, end, bottom in rows
        ]
    )
    tooltip = [alt.Tooltip(f"{name}:N", title=label("picture", name)) for name in ("part", "shape", "numbers")]
    base = alt.Chart(parts).encode(x=x, y=y, x2="x2:Q", y2="y2:Q", tooltip=tooltip)
    colour = theme.METHOD["lora"].colour
    still = base.transform_filter("datum.part == 'W₀'").mark_rect(
        fill=theme.frozen(), fillOpacity=0.12, stroke=theme.frozen(), strokeWidth=1.5, strokeDash=[5, 4]
    )
    moving = base.transform_filter("datum.part != 'W₀'").mark_rect(fill=colour, stroke=colour, strokeWidth=1)

    def words(left: float, top: float, dx: int, dy: int, *lines: str, align: str = "left") -> alt.LayerChart:
        spot = alt.Chart(pd.DataFrame({"x": [left], "y": [top]})).encode(x=x, y=y)
        layers = [
            spot.mark_text(
                text=line,
                align=align,
                baseline="middle",
                dx=dx,
                dy=dy + 20 * number,
                fontSize=17 if number == 0 else 15,
                fontWeight="bold" if number == 0 else "normal",
                color=theme.ink(),
            )
            for number, line in enumerate(lines)
        ]
        return alt.layer(*layers)

    w, w_shape, a_shape, b_shape = f"W₀ ({module})", f"{out:,} × {inner:,}", f"{r} × {inner:,}", f"{out:,} × {r}"
    still_words = [w, w_shape, label("picture", "frozen")]
    if out < 0.3 * inner:  # flat: all words below, those of B under those of A
        captions = [words(0, out, 0, 20, *still_words), words(b_left, out, 0, 66, "B", b_shape)]
    elif inside:
        captions = [words(inner / 2, out / 2, 0, -20, *still_words, align="center")]
        captions.append(words(b_left + thin, out, 12, -28, "B", b_shape))
    else:
        captions = [words(inner, out / 2, 12, -20, *still_words), words(b_left + thin, out, 12, -28, "B", b_shape)]
    captions.append(words(a_left, out if out < 0.3 * inner else thin, 0, 18, "A", a_shape))
    layers = [still, moving, *captions]
    if inside:
        layers.append(words(inner + gap / 2, out / 2, 0, 0, "+", align="center"))
    chart = alt.layer(*layers)
    st.altair_chart(
        chart.properties(height=HEIGHT).configure_view(stroke=None),
        width="stretch",
        key="lora_picture",
        alt=label("picture", "lora_alt", out=out, inner=inner, r=r, w=out * inner, ab=r * (out + inner)),
    )
