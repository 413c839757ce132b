"""The bottleneck itself, from left to right: h → W_down + b_down → non-linearity → W_up + b_up → + h."""

from dataclasses import dataclass

from app.method.sheet import LINE, Block, Length, Stroke, Words, lines, matrix, px, w
from peft_core.methods.adapter.method import AdapterConfig

ABOVE = 24  # pixels of the residual's line over W_up
BELOW = 3 * LINE + 6  # pixels of the words below it
SYMBOL, ARROW, BIAS, ACT = 16, 22, 5, 74  # pixels of h, an arrow, the gap before a bias, from b_down to W_up
LABEL = 88  # pixels of the words under W_up


@dataclass(frozen=True)
class Flow:
    """The parts of the bottleneck and the room they take."""

    blocks: tuple[Block, ...]
    words: tuple[Words, ...]
    strokes: tuple[Stroke, ...]
    widths: tuple[Length, Length]
    height: Length
    h: Length  # where h stands, across
    middle: Length  # where h stands, down


def flow(d: int, config: AdapterConfig, x: Length, y: Length) -> Flow:
    """One adapter whose upper left corner is at (x, y): matrices as they are written, biases as columns."""
    m, act = config.bottleneck_dim, {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU"}.get(config.non_linearity, "tanh")
    tallest = max(d, m)
    top = y + px(ABOVE)
    middle = top + w(tallest / 2)
    down_x = x + px(SYMBOL + ARROW)
    b_down_x = down_x + w(d) + px(BIAS)
    up_x = b_down_x + w(1) + px(ACT)
    b_up_x = up_x + w(m) + px(BIAS)
    plus_x = b_up_x + w(1) + px(ARROW + SYMBOL / 2)
    end_x = plus_x + px(SYMBOL / 2 + ARROW)
    blocks = (
        matrix("W_down", m, d, down_x, top + w((tallest - m) / 2), trained=True),
        matrix("b_down", m, 1, b_down_x, top + w((tallest - m) / 2), trained=True),
        matrix("W_up", d, m, up_x, top + w((tallest - d) / 2), trained=True),
        matrix("b_up", d, 1, b_up_x, top + w((tallest - d) / 2), trained=True),
    )
    below = px(18)
    words = [
        Words("h", x + px(SYMBOL / 2), middle, "center", True, 17),
        *lines(down_x, top + w((tallest + m) / 2) + below, "W_down", f"{m:,} × {d:,}", f"b_down: {m:,}"),
        Words(act, b_down_x + w(1) + px(ACT / 2 - 3), middle + px(-14), "center"),
        *lines(up_x, top + w((tallest + d) / 2) + below, "W_up", f"{d:,} × {m:,}", f"b_up: {d:,}"),
        Words("+", plus_x, middle, "center", True, 20),
    ]
    over = y + px(8)
    strokes = (
        Stroke(x + px(SYMBOL), middle, down_x + px(-6), middle, "right"),
        Stroke(b_down_x + w(1) + px(4), middle, up_x + px(-6), middle, "right"),
        Stroke(b_up_x + w(1) + px(4), middle, plus_x + px(-10), middle, "right"),
        Stroke(plus_x + px(9), middle, end_x + px(-4), middle, "right"),
        Stroke(x + px(SYMBOL / 2), middle + px(-12), x + px(SYMBOL / 2), over),  # the residual goes round
        Stroke(x + px(SYMBOL / 2), over, plus_x, over),
        Stroke(plus_x, over, plus_x, middle + px(-13), "down"),
    )
    height = w(tallest) + px(ABOVE + BELOW)
    return Flow(blocks, tuple(words), strokes, (end_x, up_x + px(LABEL)), height, x + px(SYMBOL / 2), middle)
