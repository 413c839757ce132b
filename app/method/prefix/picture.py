"""A prefix to scale: n trained rows P_k on top of the one frozen key k, and beside it P_v on v."""

from app.content import label, text
from app.kit import theme
from app.method.sheet import LINE, Picture, Sheet, Words, lines, matrix, px, w
from peft_core.counting.by_hand import count
from peft_core.methods.prefix.method import PrefixConfig
from peft_core.t5.architecture import BaseModel

PIXELS = 250
ABOVE = 2 * LINE + 10  # pixels of the words over a block
BELOW = 2 * LINE + 14
BETWEEN = 36  # pixels between keys and values


def sheet(base: BaseModel, config: PrefixConfig) -> Sheet:
    """Keys on the left, values on the right; the prefix stands before the start token's own."""
    size, n = base.architecture.inner_dim, config.num_virtual_tokens
    top, right = px(ABOVE), w(size) + px(BETWEEN)
    blocks, words = [], []
    for side, x in (("k", px(0)), ("v", right)):
        blocks += [
            matrix(f"P_{side}", n, size, x, top, trained=True),
            matrix(side, 1, size, x, top + w(n) + px(4), trained=False),
        ]
        words += lines(x, px(10), f"P_{side}", f"{n} × {size:,}, {label('picture', 'trained')}")
        words += lines(x, top + w(n + 1) + px(22), side, f"1 × {size:,}, {label('method/prefix', 'own')}")
    return Sheet(tuple(blocks), tuple[Words, ...](words), (), (right + w(size),), (top + w(n + 1) + px(BELOW),), PIXELS)


def pictures(base: BaseModel, config: PrefixConfig) -> tuple[Picture, ...]:
    """P solid, the start token's own key and value pale."""
    a, n = base.architecture, config.num_virtual_tokens
    values = {"n": n, "size": a.inner_dim, "one": n * a.inner_dim, "blocks": a.decoder_layers}
    caption = text("method/prefix", "picture", total=count(a, config).trainable_parameters)
    alt_text = label("method/prefix", "picture_alt", **values)
    return (Picture(sheet(base, config), theme.METHOD["prefix"].colour, "prefix_picture", alt_text, caption),)
