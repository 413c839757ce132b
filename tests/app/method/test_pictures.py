"""Pictures are true to scale, legible at every width, and say their numbers."""

from itertools import combinations

import pytest

from app.content import label
from app.kit import theme
from app.kit.length import USUAL
from app.method.adapter import block as block_picture
from app.method.adapter import picture as adapter_picture
from app.method.adapter.choices import HIGH
from app.method.adapterhub import picture as adapterhub_picture
from app.method.full import picture as full_picture
from app.method.lora import picture as lora_picture
from app.method.sheet import Block, Length, Sheet, Words, chart, frame
from app.method.soft_prompt import picture as soft_prompt_picture
from peft_core.counting.by_hand import base_lines, count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import BaseModel, base_model
from tests.cases import GATED, SHAPES, TINY

BASES = [*SHAPES, BaseModel("tiny", TINY, "", True, ""), BaseModel("gated", GATED, "", True, "")]
every_base = pytest.mark.parametrize("base", BASES, ids=lambda b: b.name)
every_real_base = pytest.mark.parametrize("base", SHAPES, ids=lambda b: b.name)
WIDTHS = (340, 660)  # pixels of a chart on a phone and on a projector
MODULES = ("q", "k", "v", "o", "wi", "wo")


@pytest.fixture(scope="module", autouse=True)
def light():
    """Outside a page there is no theme to ask for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(theme, "is_dark", lambda: False)
        yield


def sheets(base: BaseModel) -> dict[str, Sheet]:
    """Every picture at both ends of its controls, by a name for the message of a failing test."""
    found = {"full": full_picture.sheet(base)[0]}
    d = base.architecture.d_model
    for n in (1, 10, 200):
        found[f"soft_prompt n={n}"] = soft_prompt_picture.sheet(base, SoftPromptConfig(num_virtual_tokens=n))
    for m in (1, 8, 256):
        found[f"adapter m={m}"] = adapter_picture.sheet(base, AdapterConfig(bottleneck_dim=m))
    for m in (1, d):
        for placement in ("pfeiffer", "houlsby"):
            sheet = block_picture.sheet(base, m, placement, block_picture.STACKS, adapterhub_picture.PIXELS)
            found[f"adapterhub m={m} {placement}"] = sheet
            found[f"one block m={m} {placement}"] = block_picture.sheet(base, m, placement, ("encoder",), HIGH)
        found[f"beside m={m}"] = block_picture.sheet(base, m, block_picture.PARALLEL, ("encoder",), HIGH)
        found[f"adapterhub one m={m}"] = adapterhub_picture.one_sheet(base, AdapterConfig(bottleneck_dim=m))
    for r in (1, 8, 100, 256):
        for module in MODULES:
            found[f"lora r={r} {module}"] = lora_picture.sheet(base, LoraConfig(r=r, target_modules=(module,)))
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Scale


@every_base
def test_every_area_is_the_number_of_weights_and_every_side_that_of_the_matrix(base):
    for name, sheet in sheets(base).items():
        rows = frame(sheet.blocks)
        area = (rows["x2"] - rows["x"]) * (rows["y2"] - rows["y"])
        assert area.to_numpy() == pytest.approx(rows["numbers"].to_numpy(), rel=1e-9), name
        if not sheet.one_scale:
            continue
        for part, shape in {(block.part, block.shape) for block in sheet.blocks} - {("E", _shape_of_e(base))}:
            high, wide = (int(side.replace(",", "")) for side in shape.split(" × "))
            pieces = [block for block in sheet.blocks if block.part == part]
            assert sum(block.numbers for block in pieces) == high * wide, (name, part)
            if len(pieces) == 1:
                assert (pieces[0].height, pieces[0].width) == (high, wide), (name, part)


def _shape_of_e(base: BaseModel) -> str:
    """The one matrix that is cut: its picture says how many rows are left out."""
    return f"{base.architecture.vocab_size:,} × {base.architecture.d_model:,}"


@every_base
def test_the_cut_table_says_how_many_rows_are_left_out(base):
    a, config = base.architecture, SoftPromptConfig(num_virtual_tokens=9)
    sheet = soft_prompt_picture.sheet(base, config)
    drawn = sum(block.height for block in sheet.blocks if block.part == "E")
    left_out = label("picture", "more_rows", rows=a.vocab_size - int(drawn))
    assert 0 <= drawn <= a.vocab_size
    assert any(left_out in words.text for words in sheet.words)


def trained(sheet: Sheet) -> int:
    return sum(block.numbers for block in sheet.blocks if block.trained)


@every_base
def test_what_is_solid_adds_up_to_the_hand_calculation(base):
    a = base.architecture
    prompt = SoftPromptConfig(num_virtual_tokens=9)
    assert trained(soft_prompt_picture.sheet(base, prompt)) == count(a, prompt).trainable_parameters
    one = AdapterConfig(bottleneck_dim=8)
    assert a.blocks * trained(adapter_picture.sheet(base, one)) == count(a, one).trainable_parameters
    for placement in ("pfeiffer", "houlsby"):
        config = AdapterConfig(bottleneck_dim=8, placement=placement)
        blocks = block_picture.sheet(base, 8, placement, block_picture.STACKS, adapterhub_picture.PIXELS).blocks
        encoder, decoder = (
            sum(b.numbers for b in blocks if b.trained and b.x.weights == column) for column in (0, 1)
        )  # columns are one wide
        total = a.encoder_layers * encoder + a.decoder_layers * decoder
        assert total == count(a, config).trainable_parameters
    attentions = a.encoder_layers + 2 * a.decoder_layers
    config = LoraConfig(r=3, target_modules=("k",))
    assert attentions * trained(lora_picture.sheet(base, config)) == count(a, config).trainable_parameters
    sheet, thin = full_picture.sheet(base)
    model = [block for block in sheet.blocks if not block.colour]
    assert sum(block.numbers for block in model) == sum(line.value for line in base_lines(a))
    assert {part.full_name for part in thin} <= {block.part for block in model}
    assert len(sheet.blocks) - len(model) == len(full_picture.others(base))


@every_base
def test_frozen_boxes_of_the_blocks_are_the_base_model_without_its_small_parts(base):
    a = base.architecture
    by_hand = {line.part.words: line.value for line in base_lines(a)}
    for stack, blocks in (("encoder", a.encoder_layers), ("decoder", a.decoder_layers)):
        for layer in block_picture.sub_layers(a, stack):
            assert blocks * layer.numbers == by_hand[f"{stack} {layer.name}"]


# ---------------------------------------------------------------------------------------------------------------------
# Legible: what the browser does with a sheet, done here at the width of a phone and of a projector


def scales(sheet: Sheet, width: float) -> tuple[float, float, float]:
    """Weights a pixel across and down, and the height in pixels."""
    across = max(length.weights / (width - length.pixels) for length in sheet.widths)
    down = max(length.weights / (sheet.pixels - length.pixels) for length in sheet.heights)
    if sheet.one_scale:
        across = down = max(across, down)
        return across, down, max(length.weights / down + length.pixels for length in sheet.heights)
    return across, down, sheet.pixels


def boxes(sheet: Sheet, width: float) -> tuple[list[tuple], list[tuple], float]:
    """(name, left, top, right, bottom) of blocks and of words, in pixels."""
    across, down, high = scales(sheet, width)

    def at(x: Length, y: Length) -> tuple[float, float]:
        return x.weights / across + x.pixels, y.weights / down + y.pixels

    def of_block(block: Block) -> tuple:
        left, top = at(block.x, block.y)
        return block.part, left, top, left + block.width / across, top + block.height / down

    def of_words(words: Words) -> tuple:
        x, y = at(words.x, words.y)
        wide = 0.5 * words.size * len(words.text)
        left = x - {"left": 0, "center": wide / 2, "right": wide}[words.align]
        return words.text, left, y - 0.4 * words.size, left + wide, y + 0.4 * words.size

    return [of_block(b) for b in sheet.blocks], [of_words(text) for text in sheet.words], high


def overlap(one: tuple, other: tuple, slack: float) -> bool:
    return all(one[i] < other[i + 2] - slack and other[i] < one[i + 2] - slack for i in (1, 2))


@every_real_base
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_leaves_the_picture_and_no_two_things_lie_on_each_other(base, width):
    for name, sheet in sheets(base).items():
        blocks, words, high = boxes(sheet, width)
        assert high <= sheet.pixels + 0.5
        for part, left, top, right, bottom in [*blocks, *words]:
            assert left >= -2 and top >= -2, (name, part)
            assert right <= width + 4 and bottom <= high + 4, (name, part)
        for one, other in combinations(blocks, 2):
            assert not overlap(one, other, 0.01), (name, one, other)
        for one, other in combinations(words, 2):
            assert not overlap(one, other, 1), (name, one, other)


@every_real_base
@pytest.mark.parametrize("width", WIDTHS)
def test_words_stand_in_their_block_or_outside_all_blocks(base, width):
    for name, sheet in sheets(base).items():
        blocks, words, _ = boxes(sheet, width)
        for text in words:
            for block in blocks:
                if overlap(text, block, 1):
                    inside = all(text[i] >= block[i] - 3 and text[i + 2] <= block[i + 2] + 3 for i in (1, 2))
                    assert inside, (name, text, block)


def test_the_chart_has_one_scale_in_both_directions_and_a_thin_strip_keeps_an_outline():
    sheet = lora_picture.sheet(base_model("t5-11b"), LoraConfig(r=1))
    spec = chart(sheet, "#123456")
    parameters = {p["name"]: p["expr"] for p in spec["params"]}
    assert parameters["down"] == "across"
    assert {"across", "down", "height"} == set(parameters)
    frozen, solid = (layer["mark"] for layer in spec["layer"][:2])
    assert "strokeDash" in frozen and "strokeDash" not in solid
    assert solid["strokeWidth"] >= 1


def test_every_picture_names_the_data_it_is_filled_with():
    """A form that is kept has the places of no sheet: they come as data, sizes and height."""
    for name, sheet in sheets(base_model("tiny-t5")).items():
        spec = chart(sheet, "#123456")
        used = {layer["data"]["name"] for layer in spec["layer"]}
        assert used == set(spec["datasets"]), name
        assert len(spec["datasets"]["blocks"]) == len(sheet.blocks) and len(spec["datasets"]["words"]) == len(
            sheet.words
        )
        assert spec["height"] == sheet.pixels
        assert all(p["expr"] != "1" for p in spec["params"]), name


# ---------------------------------------------------------------------------------------------------------------------
# On the pages

EXTREMES = {
    "full": [{}],
    "soft_prompt": [{"prompt_n": "1"}, {"prompt_n": "200"}],
    "adapter": [{"adapter_m": "1"}, {"adapter_m": "256"}],
    "adapterhub": [{"hub_factor": "1", "hub_placement": "houlsby"}, {"hub_factor": "1024"}],
    "lora": [{"lora_r": "1", "lora_targets": "wi"}, {"lora_r": "256"}],
}
CASES = [(page, query) for page, queries in EXTREMES.items() for query in queries]
every_case = pytest.mark.parametrize(("page", "query"), CASES, ids=[f"{p} {' '.join(q.values())}" for p, q in CASES])


def alt_texts(app) -> str:
    """The alternative texts of all charts on the page."""
    return " ".join(element.proto.alt for element in app.get("vega_lite_chart"))


@every_case
@pytest.mark.parametrize("name", ["tiny-t5", "t5-3b", "t5-11b"])
def test_pictures_and_charts_say_their_numbers(open_page, page, query, name):
    a = base_model(name).architecture
    app = open_page(page, base=name, section="idea", **query)
    said = alt_texts(app)
    m = int(query.get("adapter_m", 0)) or max(1, a.d_model // int(query.get("hub_factor", 1)))
    n, r = int(query.get("prompt_n", 1)), int(query.get("lora_r", 1))
    wide = a.d_ff if query.get("lora_targets") == "wi" else a.inner_dim
    wanted = {
        "full": [f"{line.value:,}" for line in base_lines(a) if line.value > 100_000],
        "soft_prompt": [f"{n * a.d_model:,}", f"{n + USUAL:,}"],
        "adapter": [f"{2 * m * a.d_model + m + a.d_model:,}"],
        "adapterhub": [f"{2 * m * a.d_model + m + a.d_model:,}", f"{4 * a.d_model * a.inner_dim:,}"],
        "lora": [f"{wide * a.d_model:,}", f"{r * (wide + a.d_model):,}"],
    }[page]
    assert all(number in said for number in wanted)
