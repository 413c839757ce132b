"""LoRA to scale: h = W₀x + (α/r)·B·A·x as three rectangles: W₀ (out × in), B (out × r), A (r × in)."""

from app.content import label, text
from app.kit import theme
from app.method.shapes import matrix_shape
from app.method.sheet import LINE, Length, Picture, Sheet, Words, lines, matrix, px, w
from peft_core.counting.by_hand import count
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.architecture import BaseModel

PIXELS = 340
BELOW = 2 * LINE + 12  # room for the words under a strip
SUM = 64  # between W₀ and B: "+ α/r ·"
BESIDE = 114  # the same where the words of W₀ stand beside it
PRODUCT = 14  # between B and A
LABEL = 104  # the words under a strip


def sheet(base: BaseModel, config: LoraConfig) -> Sheet:
    """The first target module and its two strips."""
    module, r = config.target_modules[0], config.r
    out, inner = matrix_shape(base.architecture, module)
    flat, tall = out < 0.4 * inner, inner < 0.5 * out
    b_left = w(inner) + px(BESIDE if tall else SUM)
    top = px(8 if flat else 0)  # "+ α/r ·" may be higher than a flat W₀
    a_left = b_left + w(r) + px(LABEL if flat else PRODUCT)
    blocks = (
        matrix("W₀", out, inner, Length(), top, trained=False),
        matrix("B", out, r, b_left, top, trained=True),
        matrix("A", r, inner, a_left, top, trained=True),
    )
    still = (f"W₀ ({module})", f"{out:,} × {inner:,}", label("picture", "frozen"))
    if flat:
        words = lines(Length(), top + w(out) + px(18), *still)
    elif tall:
        words = lines(w(inner) + px(10), top + w(out) + px(-2 * LINE - 8), *still)
    else:
        words = lines(w(inner / 2), top + w(out / 2) + px(-LINE), *still, align="center")
    words.append(
        Words(
            label("picture", "plus_root" if config.use_rslora else "plus_scaled"),
            b_left + px(-SUM / 2),
            top + w(out / 2),
            "center",
            size=17,
        )
    )
    words += lines(b_left, top + w(out) + px(18), "B", f"{out:,} × {r}")
    words += lines(a_left, top + w(r) + px(18), "A", f"{r} × {inner:,}")
    heights = (top + w(out) + px(BELOW + (LINE if flat else 0)), top + w(r) + px(BELOW))
    return Sheet(blocks, tuple(words), (), (a_left + w(inner), a_left + px(LABEL)), heights, PIXELS)


def pictures(base: BaseModel, config: LoraConfig) -> tuple[Picture, ...]:
    """W₀ pale, B and A solid."""
    module, r = config.target_modules[0], config.r
    out, inner = matrix_shape(base.architecture, module)
    total = count(
        base.architecture, config.model_copy(update={"use_dora": False})
    ).trainable_parameters  # A and B alone
    words = label("method/lora", "picture_alt", out=out, inner=inner, r=r, w=out * inner, ab=r * (out + inner))
    root = f"√{r}" if config.use_rslora else f"{r}"
    factor = f"{config.rule} = {config.alpha:g} / {root} = {config.scaling:.4g}".replace(" ", "\N{NO-BREAK SPACE}")
    caption = text("method/lora", "picture", factor=factor, total=total)
    return (Picture(sheet(base, config), theme.METHOD["lora"].colour, "lora_picture", words, caption),)
