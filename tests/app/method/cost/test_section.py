"""The Cost section: its sentences are the measurements, what was not measured is said, every chart has words."""

import re
from statistics import median

import pytest

from app.content import label
from app.kit.formats import megabytes
from app.kit.plain import escaped
from app.method.cost import charts as cost_charts
from app.method.cost import growth, latency
from app.method.cost import section as cost_section
from app.method.cost import words as cost_words
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_label
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.growth import KNOBS, TURNED, GrowthReport, alike, load_growth
from peft_core.report.costs.latency import BASE, LatencyReport, load_latency
from peft_core.report.costs.measured import load_cost, load_report
from peft_core.t5.architecture import base_model
from tests.app.method.test_skeleton import MOVES, move

DEFAULT = {
    "soft_prompt": SoftPromptConfig(), "adapter": AdapterConfig(), "lora": LoraConfig(), "full": FullConfig(),
}  # fmt: skip
ONE_STEP = 3  # charts: memory and time as measured, and the sum
PREDICTIONS = label("cost", "latency_alt", rows="").split(",")[0]
every_page = pytest.mark.parametrize("page", MOVES)


def shown(app) -> str:
    return "\n".join(str(e.value) for e in (*app.markdown, *app.caption, *app.info, *app.error))


def spoken(app) -> list[str]:
    """What the charts say of training and answering; that of predictions beside the base model is one more."""
    every = [element.proto.alt for element in app.get("vega_lite_chart")]
    return [words for words in every if not words.startswith(PREDICTIONS)]


def cost(open_page, page: str, **query: str):
    return open_page(page, section="cost", **query)


def factors(sentence: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"([\d,.]+)×", sentence)]


# ---------------------------------------------------------------------------------------------------------------------
# Sentences


def expected(first: list, second: list) -> float | None:
    """The larger median over the smaller; None where the ranges of the rounds meet."""
    if max(min(first), min(second)) <= min(max(first), max(second)):
        return None
    a, b = median(first), median(second)
    return max(a, b) / min(a, b)


@pytest.mark.parametrize("shape", ["tiny-t5", "t5-small"])
@pytest.mark.parametrize("method", [m for m in DEFAULT.values() if m != FullConfig()], ids=lambda m: m.method)
def test_the_ratios_of_the_sentence_are_those_of_the_measurements(shape, method):
    report = load_cost()
    few, full = report.train(shape, method), report.train(shape, FullConfig())
    pairs = [
        ([few.trainable_parameters], [full.trainable_parameters]),
        (list(few.peak_bytes), list(full.peak_bytes)),
        (list(few.step_seconds), list(full.step_seconds)),
    ]
    wanted = [ratio for pair in pairs if (ratio := expected(*pair)) is not None]
    for first, second, numbers in ((few, full, "fewer"), (full, few, "more")):
        sentence = cost_words.comparison(first, second)
        assert factors(sentence) == pytest.approx(wanted, rel=0.006)  # three digits
        assert f"{numbers}** numbers" in sentence
        assert method_label(first.method) in sentence.split(" trains ")[0]
        assert label("cost", "time_same") in sentence or len(wanted) == 3


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [((1.0, 1.1), (2.0, 2.2), "less"), ((2.0, 2.2), (1.0, 1.1), "more"), ((1.0, 2.0), (1.9, 3.0), "same")],
)
def test_a_difference_within_the_spread_of_the_rounds_is_called_none(first, second, kind):
    ratio = cost_words.ratio(first, second)
    assert ratio.kind == kind
    assert ratio.factor >= 1
    assert ("×" in ratio.words("time")) == (kind != "same")


@pytest.mark.parametrize("name", list(TURNED))
def test_the_growth_that_is_told_is_that_of_the_two_ends(name):
    sweep = load_growth().sweep(name)
    if sweep is None:
        pytest.skip(f"not measured yet: python -m benchmarks.growth --only {name}")
    method = KNOBS[name].name if name in KNOBS else "lora"
    rows = alike(sweep.rows, DEFAULT[method])
    first, last = rows[0], rows[-1]
    sentence = cost_words.growth(name, "the number", rows)
    assert f"{TURNED[name](last):,}" in sentence
    served = name in ("reviews", "checkpoints")
    times = [list(row.seconds if served else row.step_seconds) for row in (last, first)]
    wanted = [] if expected(*times) is None else [median(times[0]) / median(times[1])]
    if not served:
        wanted.insert(0, last.peak / first.peak)
    if name != "checkpoints":
        wanted.insert(0, TURNED[name](last) / TURNED[name](first))
    if name in KNOBS:
        wanted[0] = last.trainable_parameters / first.trainable_parameters
    assert factors(sentence) == pytest.approx(wanted, rel=0.006)


# ---------------------------------------------------------------------------------------------------------------------
# On the screen


@every_page
def test_the_section_shows_the_parts_of_the_memory_and_every_chart_says_its_numbers(open_page, page, checked_charts):
    app = cost(open_page, page)
    assert not app.error
    words = spoken(app)
    assert len(words) == ONE_STEP + 2
    assert all(word and "{" not in word for word in words)
    assert "Full fine-tuning" in words[0]
    for part in cost_charts.STACK:
        assert label("quiz", part) in words[0]
        assert label("quiz", part) in shown(app)
    report = load_cost()
    full = report.train("tiny-t5", FullConfig())
    assert f"{full.trainable_parameters:,}" in shown(app)
    assert report.provenance.command in shown(app)
    assert load_growth().sweep(page_sweep(page)).provenance.command in shown(app)


def page_sweep(page: str) -> str:
    return {"lora": "rank", "soft_prompt": "tokens", "full": "length"}.get(page, "bottleneck")


@every_page
@pytest.mark.parametrize("against", growth.OPTIONS)
def test_every_curve_is_in_the_link_and_follows_the_page(open_page, page, against):
    app = cost(open_page, page, cost_against=against)
    assert app.get_by_key(growth.AGAINST).value == against
    if load_growth().sweep(against):
        assert len(spoken(app)) == ONE_STEP + 2
        assert label("cost", f"x_{against}") in spoken(app)[-1]
    else:
        assert len(spoken(app)) == ONE_STEP
        assert f"python -m benchmarks.growth --only {against}" in app.info[-1].value
    for widgets in MOVES[page]:
        move(app, widgets)
    if page != "full":  # there it is the default
        assert app.query_params["cost_against"] == against or against == "length"


def test_a_sweep_that_was_not_measured_says_how_to_measure_it(open_page, monkeypatch):
    monkeypatch.setattr(growth, "load_growth", GrowthReport)
    app = cost(open_page, "lora", cost_against="batch")
    assert "**Not measured** on tiny-t5. To measure it: `python -m benchmarks.growth --only batch`." in shown(app)
    assert len(spoken(app)) == ONE_STEP


def test_this_setting_is_marked_where_it_was_measured_and_nothing_is_guessed_between(open_page, checked_charts):
    measured = [row.method.r for row in load_growth().sweep("rank").rows if isinstance(row.method, LoraConfig)]
    app = cost(open_page, "lora", lora_r=str(measured[1]))
    assert f"This setting is marked: rank r = {measured[1]}." in spoken(app)[-1]
    between = next(r for r in range(1, 256) if r not in measured)
    app = cost(open_page, "lora", lora_r=str(between))
    assert "This setting is marked" not in spoken(app)[-1]
    assert f"**rank r = {between}** was not measured" in shown(app)
    assert f"**LoRA r={between}** was not measured" in shown(app)  # nor is it in the table of one step
    assert f"| LoRA r={between} |" not in shown(app)


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("lora", {"base": "t5-11b"}),
        ("full", {"base": "t5-3b"}),
        ("lora", {"lora_targets": ["q", "wo"]}),
        ("adapter", {"adapter_act": "tanh"}),
        ("adapterhub", {"hub_placement": "houlsby", "base": "t5-small"}),
    ],
)
def test_what_was_not_measured_is_said_so_and_only_the_sum_is_drawn(open_page, page, query):
    app = cost(open_page, page, **query)
    assert sum("**Not measured**" in note.value for note in app.info) == 2
    (words,) = spoken(app)
    assert "worked out from the counts" in words
    assert "×" not in "".join(m.value for m in app.markdown if "trains" in m.value)


def test_what_costs_nothing_needs_no_measurement_of_its_own(open_page):
    app = cost(open_page, "lora", lora_alpha="4")
    assert not any("not measured" in note.value.lower() for note in app.info)


def test_the_sum_moves_with_the_page_and_is_that_of_the_counts(open_page):
    for rank, base in ((8, "tiny-t5"), (100, "tiny-t5"), (100, "t5-3b")):
        app = cost(open_page, "lora", lora_r=str(rank), base=base)
        (words,) = (words for words in spoken(app) if "worked out from the counts" in words)
        counted = count(base_model(base).architecture, LoraConfig(r=rank))
        whole = counted.total_parameters - counted.trainable_parameters
        assert f"**{whole:,}** weights of {base} × **2** bytes" in shown(app)
        few, full = 2 * whole + 16 * counted.trainable_parameters, 18 * whole
        assert f"LoRA r={rank} {megabytes(few)}: " in words
        assert f"Full fine-tuning {megabytes(full)}: " in words


def test_full_fine_tuning_is_compared_the_other_way_round_with_a_method_to_choose(open_page):
    app = cost(open_page, "full", cost_with="adapter")
    assert app.get_by_key(cost_section.WITH).value == "adapter"
    assert "**Full fine-tuning** trains" in shown(app)
    assert "than **Adapter m=8, Pfeiffer**" in shown(app)
    app.get_by_key(cost_section.WITH).set_value("soft_prompt").run()
    assert not app.exception
    assert app.query_params["cost_with"] == "soft_prompt"
    assert "than **Soft prompt n=10**" in shown(app)


def test_the_section_asks_to_predict_first_and_leads_there(open_page):
    app = cost(open_page, "lora")
    app.get_by_key("cost_to_check").click().run()
    assert not app.exception
    assert app.query_params["section"] == "check"
    assert app.get_by_key("quiz_reveal")


@pytest.mark.parametrize(
    ("module", "name", "left"),
    [(cost_section, "load_cost", 2), (growth, "load_growth", ONE_STEP), (latency, "load_latency", 2 + ONE_STEP)],
    ids=["cost", "growth", "latency"],
)
def test_a_damaged_file_is_a_sentence_and_the_rest_stays(open_page, monkeypatch, tmp_path, module, name, left):
    path = tmp_path / "file.json"
    path.write_text('{"format": 1, "training": "<b>none</b>"}')
    with pytest.raises(PeftClassroomError, match="damaged"):
        load_report(path, GrowthReport, "python -m benchmarks.growth")
    monkeypatch.setattr(module, name, lambda: load_report(path, GrowthReport, "python -m benchmarks.growth"))
    app = cost(open_page, "lora")
    (error,) = app.error
    assert "damaged" in error.value
    assert len(spoken(app)) == left


# ---------------------------------------------------------------------------------------------------------------------
# A prediction


def at(report: LatencyReport, form: str, seconds: tuple[float, ...]) -> LatencyReport:
    """The report with these times of one form, at every batch of tiny-t5; the base model's are 1 to 40."""
    times = {form: seconds, BASE: tuple(map(float, range(1, 41)))}
    rows = [
        row.model_copy(update={"seconds": times.get(row.form, times[BASE])})
        for row in report.rows
        if row.shape == "tiny-t5"
    ]
    return report.model_copy(update={"rows": tuple(rows)})


@pytest.mark.parametrize(("factor", "verdict"), [(1.5, "slower"), (0.5, "faster"), (1.0, "unclear")])
def test_a_prediction_is_called_what_its_interval_says(factor, verdict):
    report = at(load_latency(), "adapter", tuple(factor * second for second in range(1, 41)))
    row = report.row("tiny-t5", "adapter", 1)
    said = latency.words(report, row)
    assert label("cost", f"latency_{verdict}", ratio="", low="", high="").split("**")[1] in said
    assert f"{factor:.3f}" in said
    assert "more multiplications" in said  # they are there whatever the clock says
    assert f"{factor:.3f} ({factor:.3f} to {factor:.3f})" in latency.table(report, "tiny-t5")


def test_merged_there_is_not_one_multiplication_more_and_a_base_that_was_not_measured_is_told_so(open_page):
    report = load_latency()
    assert label("cost", "latency_none") in latency.words(report, report.row("tiny-t5", "lora_merged", 1))
    assert latency.nearest(report, "t5-11b") == report.shapes[-1]
    app = cost(open_page, "adapter", base="t5-11b")
    assert any(words.startswith(PREDICTIONS) for words in (e.proto.alt for e in app.get("vega_lite_chart")))
    assert label("quiz", "other_base", base=escaped("t5-11b")) in shown(app)
