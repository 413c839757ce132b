"""(IA)³ to scale: k = l_k ⊙ W_k·x as a frozen rectangle, W_k (out × in), and one trained column, l_k (out)."""

from app.content import label, text
from app.kit import theme
from app.method.sheet import LINE, Length, Picture, Sheet, Words, lines, matrix, px, w
from peft_core.counting.by_hand import count
from peft_core.methods.ia3.method import Ia3Config
from peft_core.t5.architecture import BaseModel

PIXELS = 340
BELOW = 2 * LINE + 12  # room for the words under a block
PRODUCT = 56  # between l and W: "⊙"
LABEL = 104  # the words under the column
TOP = 8


def sheet(base: BaseModel) -> Sheet:
    """The vector on the left, as it stands in the formula, then the matrix whose rows it rescales."""
    out, inner = base.architecture.inner_dim, base.architecture.d_model
    top, right = px(TOP), w(1) + px(PRODUCT)
    blocks = (
        matrix("l_k", out, 1, Length(), top, trained=True),
        matrix("W_k", out, inner, right, top, trained=False),
    )
    words = [
        Words("⊙", w(1) + px(PRODUCT / 2), top + w(out / 2), "center", size=20),
        *lines(Length(), top + w(out) + px(18), "l_k", f"{out:,} × 1"),
        *lines(
            right + w(inner / 2), top + w(out / 2) + px(-LINE), "W_k", f"{out:,} × {inner:,}",
            label("picture", "frozen"), align="center",
        ),
    ]  # fmt: skip
    return Sheet(blocks, tuple(words), (), (right + w(inner), px(LABEL)), (top + w(out) + px(BELOW),), PIXELS)


def pictures(base: BaseModel, config: Ia3Config) -> tuple[Picture, ...]:
    """W_k pale, l_k solid."""
    a = base.architecture
    values = {"out": a.inner_dim, "inner": a.d_model, "w": a.inner_dim * a.d_model}
    total = count(a, config).trainable_parameters
    caption = text("method/ia3", "picture", total=total)
    alt_text = label("method/ia3", "picture_alt", **values)
    return (Picture(sheet(base), theme.METHOD["ia3"].colour, "ia3_picture", alt_text, caption),)
