"""One encoder and one decoder block with their adapters, then one adapter at a scale of its own.

Of parallel adapters the encoder block alone: each takes as much room as what it stands beside.
"""

from app.content import label, text
from app.kit import theme
from app.method.adapter import bottleneck
from app.method.adapter.block import PARALLEL, STACKS, adapter_numbers, sheet, sub_layers
from app.method.sheet import Length, Picture, Sheet
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import BaseModel

PIXELS, ONE_PIXELS = 460, 240


def one_sheet(base: BaseModel, config: AdapterConfig) -> Sheet:
    """A single adapter, larger."""
    flow = bottleneck.flow(base.architecture.d_model, config, Length(), Length())
    return Sheet(flow.blocks, flow.words, flow.strokes, flow.widths, (flow.height,), ONE_PIXELS)


def pictures(base: BaseModel, config: AdapterConfig) -> tuple[Picture, ...]:
    """Where the adapters sit, and what one of them is."""
    a, d, m = base.architecture, base.architecture.d_model, config.bottleneck_dim
    one, colour = adapter_numbers(d, m), theme.METHOD["adapter"].colour
    stacks = STACKS[:1] if config.placement == PARALLEL else STACKS  # there the adapters take a column of their own
    inside = {s: ", ".join(f"{layer.name} {layer.numbers:,}" for layer in sub_layers(a, s)) for s in STACKS}
    where = label("method/adapterhub", f"where_{config.placement}")
    alt_text = label("method/adapterhub", f"picture_alt_{len(stacks)}", where=where, one=one, **inside)
    share = f"{100 * one / sub_layers(a, 'encoder')[-1].numbers:.2g}%"
    caption = text("method/adapterhub", "picture", one=one, share=share)
    if len(stacks) == 1:
        caption = text("method/adapter", "where_picture")
    blocks = Picture(sheet(base, m, config.placement, stacks, PIXELS), colour, "hub_picture", alt_text, caption)
    number = a.blocks * (2 if config.placement == "houlsby" else 1)
    alt_text = label("method/adapterhub", "picture_one_alt", d=d, m=m, act=config.non_linearity)
    caption = text("method/adapterhub", "picture_one", number=number, d=d, m=m)
    return blocks, Picture(one_sheet(base, config), colour, "hub_one_picture", alt_text, caption)
