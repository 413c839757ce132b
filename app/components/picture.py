"""W, A and B drawn to scale: what is frozen is a pale outline, what trains is solid."""

import altair as alt
import pandas as pd
import streamlit as st

from app.components import theme
from app.content import label

UNIT = 145  # pixels of the longer side of W₀
WIDEST = 350  # pixels: the picture fits on a phone
THINNEST = 0.012  # of the longer side: rank 1 of 1,024 would be a sixth of a pixel
CAPTION_PIXELS = 19


def lora_picture(out_features: int, in_features: int, r: int) -> None:
    """h = W₀x + (α/r)·B·A·x as three rectangles: W₀ (out × in), B (out × r), A (r × in)."""
    longer = max(out_features, in_features)
    gap = 0.12 * longer
    thin = max(r, THINNEST * longer)
    b_left = in_features + gap
    a_left = b_left + thin + gap / 2
    right = a_left + in_features
    pixel = max(longer / UNIT, right / WIDEST)  # numbers a pixel, the same across and upwards: shapes stay true
    parts = pd.DataFrame(
        [
            {"part": "W₀", "x": 0, "x2": in_features, "y": 0, "trains": False},
            {"part": "B", "x": b_left, "x2": b_left + thin, "y": 0, "trains": True},
            {"part": "A", "x": a_left, "x2": right, "y": out_features - thin, "trains": True},
        ]
    )
    parts["y2"] = out_features
    shapes = [f"{out_features:,} × {in_features:,}", f"{out_features:,} × {r}", f"{r} × {in_features:,}"]
    sizes = [out_features * in_features, out_features * r, r * in_features]
    parts["shape"] = shapes
    parts["numbers"] = [f"{size:,}" for size in sizes]
    top = out_features + 3.4 * CAPTION_PIXELS * pixel
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, WIDEST * pixel], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[0, top], nice=False))
    tooltip = [
        alt.Tooltip("part:N", title=label("picture", "part")),
        alt.Tooltip("shape:N", title=label("picture", "shape")),
        alt.Tooltip("numbers:N", title=label("picture", "numbers")),
    ]
    base = alt.Chart(parts).encode(x=x, y=y, x2="x2:Q", y2="y2:Q", tooltip=tooltip)
    colour = theme.METHOD["lora"].colour
    still = base.transform_filter("!datum.trains").mark_rect(
        fill=theme.frozen(), fillOpacity=0.12, stroke=theme.frozen(), strokeWidth=1.5, strokeDash=[5, 4]
    )
    moving = base.transform_filter("datum.trains").mark_rect(fill=colour, stroke=colour, strokeWidth=1)
    # Captions one above the other, each starting at its rectangle: none covers another, however thin they are.
    words = parts.assign(caption=parts["part"] + "   " + parts["shape"])
    words["y"] = [out_features + (0.2 + row) * CAPTION_PIXELS * pixel for row in range(3)]
    caption = (
        alt.Chart(words)
        .mark_text(color=theme.ink(), align="left", baseline="bottom", fontSize=14)
        .encode(x=x, y=y, text="caption:N")
    )
    chart = (
        (still + moving + caption).properties(width=WIDEST, height=top / pixel).configure_view(stroke=None, clip=False)
    )
    st.altair_chart(
        chart,
        width="content",
        key="lora_picture",
        alt=label("picture", "lora_alt", out=out_features, inner=in_features, r=r, w=sizes[0], ab=sizes[1] + sizes[2]),
    )
