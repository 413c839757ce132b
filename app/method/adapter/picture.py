"""The adapter to scale, behind the frozen feed-forward layer that it follows: wi (d_ff × d), wo (d × d_ff).

The feed-forward layers of the largest bases are up to 64 times as long as they are wide. They are drawn in pieces laid
side by side, so that their area stays true and the adapter stays visible.
"""

import math

from app.content import label, text
from app.kit import theme
from app.method.adapter import bottleneck
from app.method.sheet import Block, Length, Picture, Sheet, Stroke, line, px, w
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import Architecture, BaseModel
from peft_core.t5.names import feed_forward

PIXELS = 400
GAP = 22  # pixels between wi and what is right of it
WORDS = 28  # pixels of a line of words over wi, and under wo
LONGEST = 4  # times as long as wide: what is longer is cut into pieces


def pieces(architecture: Architecture) -> int:
    """Into how many pieces wi and wo are cut."""
    return max(1, math.ceil(math.sqrt(architecture.d_ff / (LONGEST * architecture.d_model))))


def _cut(name: str, d: int, d_ff: int, number: int, x: Length, y: Length, rows: bool) -> list[Block]:
    """wi (d_ff × d) in pieces side by side if `rows`, else wo (d × d_ff) in pieces one below the other."""
    shape = f"{d_ff:,} × {d:,}" if rows else f"{d:,} × {d_ff:,}"
    blocks = []
    for place in range(number):
        length = d_ff * (place + 1) // number - d_ff * place // number
        if rows:
            blocks.append(Block(name, shape, d, length, x + w(place * d), y, False))
        else:
            blocks.append(Block(name, shape, length, d, x, y + w(place * d), False))
    return blocks


def sheet(base: BaseModel, config: AdapterConfig) -> Sheet:
    """wi on the left, wo right of its top, the adapter in the corner between them."""
    a = base.architecture
    d, d_ff, number = a.d_model, a.d_ff, pieces(a)
    names = [name for name in feed_forward(a.gated) if name != "wo"]
    side, long = number * d, -(-d_ff // number)
    top, left, blocks = px(WORDS), Length(), []
    for name in names:
        blocks += _cut(name, d, d_ff, number, left, top, rows=True)
        left = left + w(side) + px(GAP)
    blocks += _cut("wo", d, d_ff, number, left, top, rows=False)
    flow = bottleneck.flow(d, config, left, top + w(side) + px(WORDS))
    frozen = label("picture", "frozen")
    words = (
        *line(Length(), px(10), ", ".join(names), f"{d_ff:,} × {d:,}, {frozen}"),
        *line(left + px(26), top + w(side) + px(14), "wo", f"{d:,} × {d_ff:,}, {frozen}"),
        *flow.words,
    )
    strokes = (
        Stroke(left + px(-GAP + 4), top + w(side / 2), left + px(-5), top + w(side / 2), "right"),
        Stroke(flow.h, top + w(side) + px(5), flow.h, flow.middle + px(-13), "down"),
        *flow.strokes,
    )
    widths = (left + w(long), *flow.widths)
    heights = (top + w(long) + px(4), top + w(side) + px(WORDS) + flow.height)
    return Sheet((*blocks, *flow.blocks), words, strokes, widths, heights, PIXELS)


def pictures(base: BaseModel, config: AdapterConfig) -> tuple[Picture, ...]:
    """The feed-forward layer pale, the adapter solid."""
    a, m = base.architecture, config.bottleneck_dim
    one = (a.d_model + 1) * m + (m + 1) * a.d_model
    frozen = (3 if a.gated else 2) * a.d_model * a.d_ff
    values = {"d": a.d_model, "d_ff": a.d_ff, "m": m, "one": one, "frozen": frozen, "blocks": a.blocks}
    alt_text = label("method/adapter", "picture_alt", **values)
    caption = text("method/adapter", "picture", blocks=a.blocks, share=f"{100 * one / frozen:.2g}%")
    if (number := pieces(a)) > 1:
        caption += " " + text("method/adapter", "picture_pieces", d_ff=a.d_ff, d=a.d_model, number=number)
    return (Picture(sheet(base, config), theme.METHOD["adapter"].colour, "adapter_picture", alt_text, caption),)
