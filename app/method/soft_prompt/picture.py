"""The encoder's input to scale: n trained rows P on top of the T frozen rows E(x), looked up in the table E."""

from app.content import label, text
from app.kit import theme
from app.kit.length import tokens_read
from app.method.sheet import Block, Length, Picture, Sheet, Stroke, Words, line, lines, matrix, px, w
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import BaseModel

PIXELS = 360
ABOVE = 48  # pixels of the words over a matrix
BELOW = 46
BREAK = 26  # pixels of the break in E
BETWEEN = 90  # pixels between E and the encoder's input: "look up →"
LABEL = 150  # the words over P


def rows_of_e(config: SoftPromptConfig) -> int:
    """Rows of E that are drawn on each side of the break: together about as many as the encoder's input has."""
    return (config.num_virtual_tokens + tokens_read()) // 2


def sheet(base: BaseModel, config: SoftPromptConfig) -> Sheet:
    """The table on the left, cut; the encoder's input on the right."""
    a, n, longest = base.architecture, config.num_virtual_tokens, tokens_read()
    d, half = a.d_model, min(rows_of_e(config), a.vocab_size // 2)
    shape = f"{a.vocab_size:,} × {d:,}"
    top, right = px(ABOVE), w(d) + px(BETWEEN)
    cut = top + w(half)
    blocks = (
        Block("E", shape, d, half, Length(), top, False),
        Block("E", shape, d, half, Length(), cut + px(BREAK), False),
        matrix("P", n, d, right, top, trained=True),
        matrix("E(x)", longest, d, right, top + w(n), trained=False),
    )
    middle = top + w(n + longest / 2)
    frozen, trained = label("picture", "frozen"), label("picture", "trained")
    more = label("picture", "more_rows", rows=a.vocab_size - 2 * half)
    words = (
        *line(Length(), px(10), "E", label("picture", "table")),
        Words(f"{shape}, {frozen}", Length(), px(30)),
        *lines(right, px(10), "P", f"{n} × {d:,}, {trained}"),
        *lines(right, top + w(n + longest) + px(16), "E(x)", f"T × {d:,}, {frozen}"),
        Words(f"⋮ {more}", px(4), cut + px(BREAK / 2), size=14),
        Words(label("picture", "look_up"), w(d) + px(BETWEEN / 2), middle + px(-8), "center"),
    )
    arrow = Stroke(w(d) + px(6), middle, right + px(-6), middle, "right")
    heights = (w(2 * half) + px(ABOVE + BREAK + 4), w(n + longest) + px(ABOVE + BELOW))
    return Sheet(blocks, words, (arrow,), (right + w(d), right + px(LABEL)), heights, PIXELS)


def pictures(base: BaseModel, config: SoftPromptConfig) -> tuple[Picture, ...]:
    """P solid, everything else pale."""
    a, n, longest = base.architecture, config.num_virtual_tokens, tokens_read()
    rows, vocabulary = n + longest, a.vocab_size
    values = {"rows": rows, "d": a.d_model, "n": n, "nd": n * a.d_model, "longest": longest, "vocabulary": vocabulary}
    caption = text("method/soft_prompt", "picture", longest=longest, times=vocabulary / rows)
    alt_text = label("method/soft_prompt", "picture_alt", **values)
    return (Picture(sheet(base, config), theme.METHOD["soft_prompt"].colour, "soft_prompt_picture", alt_text, caption),)
