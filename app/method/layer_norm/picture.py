"""A layer norm to scale: one trained column w (d) in front of a frozen matrix that reads what it lets through, W_q."""

from app.content import label, text
from app.kit import theme
from app.method.sheet import LINE, Length, Picture, Sheet, Words, lines, matrix, px, w
from peft_core.methods.layer_norm.method import LayerNormConfig
from peft_core.t5.architecture import BaseModel

PIXELS = 340
TOP = 2 * LINE + 10  # the words over the row
BETWEEN = 30  # between w and the matrix below it


def sheet(base: BaseModel) -> Sheet:
    """The vector as a row above the matrix whose columns it rescales."""
    out, d = base.architecture.inner_dim, base.architecture.d_model
    top = px(TOP)
    below = top + w(1) + px(BETWEEN)
    blocks = (
        matrix("w", 1, d, Length(), top, trained=True),
        matrix("W_q", out, d, Length(), below, trained=False),
    )
    words = [
        *lines(Length(), px(10), "w", f"{d:,}, {label('picture', 'trained')}"),
        Words("⊙", w(d / 2), top + w(1) + px(BETWEEN / 2), "center", size=20),
        *lines(
            w(d / 2), below + w(out / 2) + px(-LINE), "W_q", f"{out:,} × {d:,}", label("picture", "frozen"),
            align="center",
        ),
    ]  # fmt: skip
    return Sheet(blocks, tuple(words), (), (w(d),), (below + w(out) + px(6),), PIXELS)


def pictures(base: BaseModel, config: LayerNormConfig) -> tuple[Picture, ...]:
    """W_q pale, w solid."""
    a = base.architecture
    values = {"out": a.inner_dim, "d": a.d_model, "weights": a.inner_dim * a.d_model}
    alt_text = label("method/layer_norm", "picture_alt", **values)
    caption = text("method/layer_norm", "picture", d=a.d_model)
    return (Picture(sheet(base), theme.METHOD["layer_norm"].colour, "layer_norm_picture", alt_text, caption),)
