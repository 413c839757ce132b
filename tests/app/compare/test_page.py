"""The page Compare says what the records say, links what belongs together, and never invents a run."""

import html
import json
from itertools import combinations

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from app import services
from app.compare import export, linked
from app.compare.curves import charts as curve_charts
from app.compare.curves import runs
from app.compare.significant import pair as two
from app.compare.significant import section as significant
from app.compare.table import section as table
from app.compare.trade_off import placing
from app.compare.trade_off import section as trade_off
from app.content import label
from app.kit.formats import duration, with_interval
from app.kit.plain import escaped
from app.kit.url import MOST_TOLD
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.build import build_table
from peft_core.report.quoted import quoted_rows
from peft_core.report.reproduction.results import load_results, shipped_results
from peft_core.training.runs import RunStore, new_spec
from peft_core.training.runs.folder import RunStatus
from tests.trained import make_record, pretend

PARTS = ("table", "trade_off", "curves", "significant", "optimism", "report", "export")
TITLES = {name: label("compare", f"column_{name}") for name in table.CELLS}


def charts(app: AppTest) -> list:
    return app.get("vega_lite_chart")


def put(folder, record):
    pretend(record, folder)


@pytest.fixture
def only_shipped(open_page):
    """The page with the shipped checkpoints and no runs."""
    return lambda **query: open_page("compare", **query)


@pytest.fixture
def nothing_here(open_page, monkeypatch, tmp_path):
    """The page on a computer without any checkpoint or result."""
    monkeypatch.setattr("peft_core.checkpoints.listing.SHIPPED_CHECKPOINTS", tmp_path / "none")
    monkeypatch.setattr("peft_core.report.build.shipped_results", lambda base: tmp_path / "none.json")
    return lambda **query: open_page("compare", **query)


# ---------------------------------------------------------------------------------------------------------------------
# All parts


@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_by_its_link_and_every_chart_has_words(only_shipped, part, checked_charts):
    app = only_shipped(part=part)
    assert app.query_params.get("part", PARTS[0]) == part
    assert all(chart.proto.alt for chart in charts(app))
    assert all(frame.value.size for frame in app.dataframe)


@pytest.mark.parametrize("part", PARTS)
def test_without_any_checkpoint_every_part_still_answers(nothing_here, part):
    app = nothing_here(part=part)
    assert not app.error
    if part == "table":
        frame = app.dataframe[0].value
        assert set(frame[TITLES["reproduced"]]) == {label("compare", "not_run")}
        assert list(frame[TITLES["reported"]])[: len(quoted_rows())] == [f"{q.percent}%" for q in quoted_rows()]
    if part in ("curves", "significant", "optimism"):
        assert app.info


HOSTILE = ("<b>x</b>", "../../etc/passwd", "[a](http://x)", "1e999", "a" * 3000)


@pytest.mark.parametrize(("turn", "part"), [*enumerate(PARTS)])
def test_odd_values_of_a_link_are_the_first_choice(only_shipped, turn, part):
    """Every part with every odd value, and every key with three of them: no key is read by help of another."""
    keys = ("our_base", "columns", "row", "points", "runs", "along", "only_different", "first", "second", "whose")
    keys += ("report_first", "report_second", "disagreeing", "curve", "chosen_on", "question", "among", "disagree")
    keys += ("screen", "curves_of", "order", "risen", "misfit", "targets", "start", "calculation")
    for first in (turn, turn + 1, turn + 2):
        app = only_shipped(part=part, **{key: HOSTILE[(first + n) % len(HOSTILE)] for n, key in enumerate(keys)})
        assert not app.error
        shown = [str(e.value) for kind in ("markdown", "caption", "metric") for e in app.get(kind)]
        assert not [words for words in shown if any(odd in words for odd in HOSTILE)]
        cut = [escaped(odd[:MOST_TOLD]) for odd in HOSTILE]
        quoted = [i.value for i in app.info if any(odd in i.value for odd in cut)]  # as it is, and not for long
        assert not [i.value for i in app.info if i.value not in quoted and any(odd in i.value for odd in HOSTILE)]
        assert all(len(note) < 200 for note in quoted)


@pytest.mark.parametrize("odd", HOSTILE[:3])
def test_an_odd_part_is_the_first(only_shipped, odd):
    assert only_shipped(part=odd).query_params.get("part") is None


# ---------------------------------------------------------------------------------------------------------------------
# The table


def test_the_table_has_the_reports_numbers_and_those_of_the_records(only_shipped):
    frame = only_shipped().dataframe[0].value.set_index(label("compare", "column_row"))
    assert list(frame.index[: len(quoted_rows())]) == [q.label for q in quoted_rows()]
    ours = build_table(services.checkpoints(), "tiny-t5")
    for row in ours.rows:
        told = frame.loc[row.label, TITLES["reproduced"]]
        if run := row.reproduction:
            assert told == f"{run.test.accuracy:.1%} ({100 * run.test.low:.1f}–{100 * run.test.high:.1f})"
            assert frame.loc[row.label, TITLES["trainable"]] == f"{run.runs[0].record.trainable_parameters:,}"
            ways = 3 if any(seed.file for seed in run.runs) else 2  # known from the results file alone: no weights
            assert frame.loc[row.label, TITLES["checked"]] == label("compare", "counts_agree", n=ways)
        else:
            assert told == label("compare", "not_run")
    shown = {info.name for row in ours.rows if row.reproduction for info in row.reproduction.runs}
    assert shown >= {info.name for info in services.checkpoints()}


def test_the_yardsticks_stand_in_the_table(only_shipped):
    frame = only_shipped().dataframe[0].value.set_index(label("compare", "column_row"))
    ours = build_table(services.checkpoints(), "tiny-t5")
    lines = {label("compare", "untrained", base="tiny-t5"): ours.untrained}
    lines |= {label("compare", "yardstick", n=f"{y.train_reviews:,}"): y.test for y in ours.yardsticks}
    assert len(lines) == 5
    assert list(frame.index) == [row.label for row in ours.rows] + list(lines)
    for name, test in lines.items():
        assert frame.loc[name, TITLES["reproduced"]] == (with_interval(test) if test else label("compare", "not_run"))
        assert frame.loc[name, TITLES["trainable"]] == "–"


@pytest.mark.parametrize("columns", table.GROUPS)
def test_a_group_of_columns_is_in_the_link(only_shipped, columns):
    frame = only_shipped(columns=columns).dataframe[0].value
    assert list(frame.columns[1:]) == [TITLES[name] for name in table.GROUPS[columns]]


@pytest.mark.parametrize("base", ["tiny-t5", "t5-small", "t5-11b"])
def test_each_row_counts_on_the_base_of_the_link_in_every_way_there_is(only_shipped, base):
    app = only_shipped(our_base=base, columns="parameters")
    counted = {row.label: row.counts.by_hand for row in build_table(services.checkpoints(), base).rows}
    for row in app.dataframe[0].value.to_dict("records")[: len(counted)]:
        by_hand = counted[row[label("compare", "column_row")]]
        assert row[TITLES["trainable"]] == f"{by_hand.trainable:,}"
        assert row[TITLES["numel"]] == f"{by_hand.trainable:,} ✓"
        assert row[TITLES["in_file"]] in (f"{by_hand.trainable:,} ✓", "–")


@pytest.mark.parametrize("quoted", quoted_rows(), ids=lambda q: q.key)
def test_a_row_in_full_has_the_printed_counts_and_how_to_run_what_was_not_run(only_shipped, quoted):
    app = only_shipped(row=quoted.key)
    counts = "".join(m.value for m in app.markdown if "`numel()`" in m.value)
    assert f"{quoted.trainable_parameters:,}\N{NO-BREAK SPACE}✓" in counts
    assert f"{quoted.total_parameters:,}\N{NO-BREAK SPACE}✓" in counts
    assert "≠" not in counts
    run_here = build_table(services.checkpoints(), "tiny-t5").row(quoted.key).reproduction is not None
    assert app.metric[0].value == f"{quoted.percent}%"
    assert (app.metric[1].value == label("compare", "not_run")) is not run_here
    commands = [c.value for c in app.code]
    assert bool(commands) is not run_here
    assert all(c.startswith(f"python -m peft_core train {quoted.method.method}") for c in commands)


def test_how_to_run_a_row_says_alpha_and_learning_rate_as_its_shipped_run_has_them(only_shipped):
    """α/r is 2 at every rank: with α left at its default a run at r = 1 would be scaled by 16."""
    table = build_table(services.checkpoints(), "mini-t5")
    for row in (row for row in table.rows if row.method.method == "lora"):
        assert row.to_run.method.scaling == 2
    (r_64,) = (row for row in table.rows if row.method == LoraConfig(r=64))
    assert (
        r_64.to_run.learning_rate == next(i for i in services.checkpoints() if i.name == "lora-64").record.learning_rate
    )
    app = only_shipped(row="lora-1-library", our_base="mini-t5")
    assert "--alpha 2 " in app.code[0].value.replace("\\\n", " ")


def test_seeds_of_two_machines_are_told_apart_and_their_times_not_mixed(nothing_here, tmp_path, backbone):
    record = make_record(backbone, LoraConfig())
    for seed, precision in enumerate(("bfloat16", "bfloat16", "float32")):
        train = record.config.train.model_copy(update={"seed": seed})
        config = record.config.model_copy(update={"train": train})
        values = {"config": config, "precision": precision, "seconds": 10.0**seed}
        put(tmp_path / "runs" / f"seed{seed}" / "checkpoint", record.model_copy(update=values))
    app = nothing_here(row="lora-8-own")
    table, seeds = (frame.value for frame in app.dataframe[:2])
    assert list(seeds[label("compare", "column_machine")]) == ["CPU, bfloat16", "CPU, bfloat16", "CPU, float32"]
    assert label("compare", "timed", seeds="0, 1") in [c.value for c in app.caption]
    (name,) = (q.label for q in quoted_rows() if q.key == "lora-8-own")
    rows = table.set_index(label("compare", "column_row"))
    assert rows.loc[name, TITLES["seconds"]] == duration(5.5)


def test_before_torch_is_in_the_table_is_there_and_says_that_numel_is_on_its_way(only_shipped, monkeypatch):
    only_shipped()
    monkeypatch.setattr(services, "numel", lambda architecture, config: None)
    frame = only_shipped().dataframe[0].value
    two, one = (
        label("compare", "counts_agree", n=2),
        label("compare", "counts_one"),
    )  # ways of counting: with a file, without
    ours = build_table(services.checkpoints(), "tiny-t5")
    told = [two if row.reproduction and any(run.file for run in row.reproduction.runs) else one for row in ours.rows]
    assert list(frame[TITLES["checked"]]) == told + ["–"] * (1 + len(ours.yardsticks))
    assert two in told


def test_a_click_on_a_row_or_a_point_chooses_it_everywhere():
    page = """
import pandas as pd
import streamlit as st
from app.compare import linked
options = {"a": "A", "b": "B", "c": "C"}
linked.remember(options)
linked.table(pd.DataFrame({"name": list("ABC")}), list("abc"), "some_table", "words", {})
st.session_state["a chart"] = {"selection": {"point": [{"row": st.session_state.get("clicked")}]}}
st.button("click", on_click=linked.taken_from_chart("a chart", list(options)), key="click")
linked.choose(options, "one of them")
"""
    app = AppTest.from_string(page).run()
    assert app.get_by_key("row").value == "a"
    app.get_by_key("row").set_value("c").run()
    assert app.query_params["row"] == "c"
    assert list(app.session_state["some_table"]["selection"]["rows"]) == [2]
    for clicked, then in (("b", "b"), ("<b>", "b"), ("a", "a")):
        app.session_state["clicked"] = clicked
        app.run()
        app.get_by_key("click").click().run()
        assert not app.exception
        assert app.get_by_key("row").value == then
        assert app.query_params.get("row", "a") == then
    linked_again = AppTest.from_string(page)
    linked_again.query_params["row"] = "b"
    linked_again.run()
    assert list(linked_again.session_state["some_table"]["selection"]["rows"]) == [1]


# ---------------------------------------------------------------------------------------------------------------------
# Accuracy and size


@pytest.mark.parametrize("side", trade_off.SIDES)
def test_points_are_the_quoted_and_the_measured_ones_and_the_front_is_beaten_by_none(only_shipped, side):
    app = only_shipped(part="trade_off", points=side)
    frame = trade_off.points(build_table(services.checkpoints(), "tiny-t5"), side)
    assert len(app.dataframe[0].value) == len(frame)
    known = load_results(shipped_results("tiny-t5")).runs
    names = [info.name for info in services.checkpoints()] + [run.name for run in known if run.state == "done"]
    ours = {name.split("-seed")[0] for name in names}  # seeds of one row are one point
    expected = {"report": len(quoted_rows()), "ours": len(ours)}
    assert dict(frame["side"].value_counts()) == {n: c for n, c in expected.items() if side in ("both", n)}
    for _, group in frame.groupby("side"):
        for p in group.itertuples():
            better = group[(group["trainable"] <= p.trainable) & (group["accuracy"] >= p.accuracy)]
            beaten = any((b.trainable, b.accuracy) != (p.trainable, p.accuracy) for b in better.itertuples())
            assert p.front is not beaten
    (chart,) = charts(app)
    assert all(f": {q.percent}% (" in chart.proto.alt for q in quoted_rows() if side != "ours")


def test_the_chosen_row_has_a_ring_and_a_click_is_a_selection_of_rows(only_shipped):
    app = only_shipped(part="trade_off", row="lora-8-own")
    (chart,) = charts(app)
    spec = json.loads(chart.proto.spec)
    assert "datum.chosen" in json.dumps(spec["layer"])
    (points,) = chart.proto.datasets
    rows = convert_arrow_bytes_to_pandas_df(points.data.data)
    assert set(rows["row"][rows["chosen"]]) == {"lora-8-own"} and not rows["chosen"].all()
    assert list(chart.proto.selection_mode) == [linked.POINT]
    (param,) = [p for p in spec["params"] if p["name"] == linked.POINT]
    assert param["select"]["fields"] == [linked.ROW]


def words_and_boxes(frame, words, prefix, width):
    """What a chart of this width has beside its points, where that stands, and the marks."""
    x, y, _, _ = placing.positions(frame, width)
    columns = placing.placed(frame)
    where = zip(columns[words], x, y, *(columns[prefix + field] for field in ("align", "dx", "dy")), strict=True)
    return [placing.box(word, *place) for word, *place in where if word], list(zip(x, y, strict=True))


def covers(box, mark):
    return box.left < mark[0] < box.right and box.top < mark[1] < box.bottom


@pytest.mark.parametrize("side", trade_off.SIDES)
def test_no_name_in_the_chart_covers_another_or_a_mark(only_shipped, side):
    only_shipped()
    frame = trade_off.points(build_table(services.checkpoints(), "tiny-t5"), side)
    boxes, marks = words_and_boxes(frame, "name", "", placing.WIDTH)
    assert len(boxes) >= 0.7 * len(set(zip(frame["side"], frame["short"], strict=True)))
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))
    assert not any(covers(box, mark) for box in boxes for mark in marks)


@pytest.mark.parametrize("side", trade_off.SIDES)
def test_every_number_is_in_a_narrow_chart_and_few_cover_anything(only_shipped, side):
    only_shipped()
    frame = trade_off.points(build_table(services.checkpoints(), "tiny-t5"), side)
    shown = ", ".join(n for n in placing.placed(frame)["numbers"] if n).split(", ")
    assert sorted(shown) == sorted(frame["number"])
    boxes, marks = words_and_boxes(frame, "numbers", "narrow_", placing.NARROW)
    clear = [
        box
        for i, box in enumerate(boxes)
        if not any(box.meets(other) for other in boxes[:i] + boxes[i + 1 :]) and not any(covers(box, m) for m in marks)
    ]
    assert len(clear) >= 0.8 * len(boxes)


# ---------------------------------------------------------------------------------------------------------------------
# Curves


@pytest.fixture
def a_run(tmp_path, monkeypatch, backbone):
    """A run of this computer with two steps and two validations."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    record = make_record(backbone, LoraConfig(r=3))
    record = record.model_copy(update={"name": "LoRA r=3", "steps": 2, "seconds": 4.0})
    spec, store = new_spec(record.config, "somebody"), RunStore(tmp_path / "runs")
    folder = store.create(spec).path
    store.folder(spec.id).write_status(RunStatus(state="succeeded"))
    put(folder / "checkpoint", record)
    lines = [
        {"event": "validation", "step": 0, "epoch": 0.0, "seconds": 0.0, "accuracy": 0.5, "low": 0.1, "high": 0.9},
        {"event": "step", "step": 1, "epoch": 0.5, "seconds": 1.0, "train_loss": 0.75},
        {"event": "step", "step": 2, "epoch": 1.0, "seconds": 2.0, "train_loss": 0.25},
        {"event": "validation", "step": 2, "epoch": 1.0, "seconds": 4.0, "accuracy": 0.75, "low": 0.3, "high": 0.95},
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line | {"total_steps": 2}) + "\n" for line in lines))
    return spec.id


@pytest.mark.parametrize("along", ["step", "epoch", "seconds"])
def test_runs_of_the_link_lie_over_one_another_along_the_axis_of_the_link(a_run, only_shipped, along):
    app = only_shipped(part="curves", runs=[a_run, "lora-8"], along=along)
    accuracy, loss = charts(app)
    assert f"against {label('compare', f'along_{along}')}" in accuracy.proto.alt
    assert "LoRA r=3" in loss.proto.alt
    assert "lora-8" in accuracy.proto.alt
    assert "lora-8" not in loss.proto.alt  # its steps were not stored, and the page says so
    assert any("lora" in c.value and "no loss" in c.value for c in app.caption)
    assert any("have a time" in c.value for c in app.caption) is (along == "seconds")
    assert app.query_params["runs"] == [a_run, "lora-8"]


def test_a_shipped_checkpoints_curve_is_that_of_its_record(only_shipped):
    only_shipped()
    for info in services.checkpoints():
        curve = runs.curve(info)
        record = info.record
        assert tuple(zip(curve.accuracy["step"], curve.accuracy["accuracy"], strict=True)) == record.validations
        assert ((curve.accuracy["low"] < curve.accuracy["accuracy"]) & curve.accuracy["high"].gt(0)).all()
        assert curve.accuracy["seconds"].iloc[-1] == record.seconds
        epochs = record.steps * record.config.train.batch_size / record.config.data.train_size
        assert curve.accuracy["epoch"].iloc[-1] == pytest.approx(epochs)


def test_runs_of_one_method_differ_in_their_dash(only_shipped):
    only_shipped()
    one = runs.curve(services.checkpoints()[0])
    patterns = curve_charts.dashes([one] * len(curve_charts.DASHES))
    assert len({tuple(p) for p in patterns}) == len(curve_charts.DASHES)


def test_only_the_settings_that_differ_are_shown_until_all_are_asked_for(only_shipped):
    app = only_shipped(part="curves", runs=["lora-8", "soft-prompt-10"])
    few = app.dataframe[0].value
    assert all(row["lora-8"] != row["soft-prompt-10"] for row in few.to_dict("records"))
    assert "r" in set(few["setting"])
    app.get_by_key("only_different").set_value(False).run()
    everything = app.dataframe[0].value
    assert set(few["setting"]) < set(everything["setting"])
    by_link = only_shipped(part="curves", runs=["lora-8", "soft-prompt-10"], only_different="false")
    assert by_link.dataframe[0].value.equals(everything)
    alone = only_shipped(part="curves", runs=["lora-8"])
    assert any(c.value == label("compare", "all_the_same") for c in alone.caption)


# ---------------------------------------------------------------------------------------------------------------------
# Is it significant?


def test_two_checkpoints_of_the_link_are_paired_on_the_same_reviews(only_shipped):
    from peft_core.analysis.comparison import compare
    from peft_core.statistics.formats import p_value

    app = only_shipped(part="significant", first="lora-8", second="soft-prompt-10")
    known = {info.name: info for info in services.checkpoints()}
    found = compare(known["lora-8"], known["soft-prompt-10"])
    assert app.metric[0].value == p_value(found.test.p)
    (square,) = [m.value for m in app.markdown if f"**{found.test.only_first:,}**" in m.value and "|" in m.value]
    for count in (found.test.both_right, found.test.only_second, found.test.both_wrong):
        assert f"{count:,}" in square
    shown = app.dataframe[0].value
    assert len(shown) == found.test.discordant
    assert set(shown["review"]) == {d.text for d in found.disagreements}
    assert not any(d.text[:60] in str(m.value) for d in found.disagreements for m in app.markdown)  # in cells only
    app.get_by_key("whose").set_value("second").run()
    assert len(app.dataframe[0].value) == found.test.only_second
    assert app.query_params["whose"] == "second"


def test_the_same_checkpoint_twice_is_a_sentence(only_shipped):
    app = only_shipped(part="significant", first="full", second="full")
    assert any(i.value == label("compare", "same_twice") for i in app.info)
    assert label("compare", "p") not in {m.label for m in app.metric}


def test_checkpoints_on_different_reviews_are_not_paired(open_page, tmp_path, backbone):
    record = make_record(backbone, LoraConfig())
    folder = tmp_path / "runs" / "20260101-000000-abcdef" / "checkpoint"
    put(folder, record.model_copy(update={"test_probabilities": (0.9, 0.1)}))
    put(tmp_path / "runs" / "20260101-000001-abcdef" / "checkpoint", record)  # nothing stored
    app = open_page("compare", part="significant", first="lora-8", second="20260101-000000-abcdef")
    assert any("different test reviews" in i.value for i in app.info)
    assert label("compare", "p") not in {m.label for m in app.metric}
    assert any("20260101-000001-abcdef --store" in c.value for c in app.code)


@pytest.mark.parametrize("question", significant.QUESTIONS)
def test_every_question_opens_by_its_link(only_shipped, question, checked_charts):
    app = only_shipped(part="significant", question=question)
    assert not app.error
    assert app.query_params.get("question", "pair") == question
    assert charts(app) and all(chart.proto.alt for chart in charts(app))


@pytest.mark.parametrize("question", significant.QUESTIONS)
@pytest.mark.parametrize("base", ["tiny-t5", "t5-11b"])
def test_without_any_checkpoint_every_question_still_answers(nothing_here, question, base):
    app = nothing_here(part="significant", question=question, our_base=base)
    assert not app.error
    assert bool(app.info) is (question != "quoted")  # the report is quoted whatever is here


def shipped_pairs():
    """Every two of the shipped checkpoints as their records have them: (names, p, only first, only second)."""
    from scipy.stats import binomtest

    found = {}
    for one, other in combinations([info for info in services.checkpoints() if info.shipped], 2):
        said = [[p > 0.5 for p in info.record.test_probabilities] for info in (one, other)]
        apart = sum(a != b for a, b in zip(*said, strict=True))
        more = round((one.record.test.accuracy - other.record.test.accuracy) * len(said[0]))
        p = binomtest((apart + more) // 2, apart).pvalue if apart else 1.0
        found[one.name, other.name] = p, more, apart
    return found


def test_all_pairs_are_those_of_the_records_and_holm_leaves_fewer(only_shipped):
    app = only_shipped(part="significant", question="every_pair")
    found = shipped_pairs()
    p = sorted(p for p, _, _ in found.values())
    left = next(i for i, value in enumerate([*p, 1.0]) if value > 0.05 / max(1, len(p) - i))  # Holm, step by step
    told = {m.label: m.value for m in app.metric}
    assert told[label("compare", "every_pairs")] == str(len(p))
    assert told[label("compare", "every_alone")] == str(sum(value < 0.05 for value in p))
    assert told[label("compare", "every_holm")] == str(left)
    frame = app.dataframe[0].value
    assert len(frame) == len(p)
    assert list(frame[label("compare", "column_p")])[-1] == "1.00"
    few = only_shipped(part="significant", question="every_pair", among=["lora-8", "full", "lora-1"])
    assert {m.label: m.value for m in few.metric}[label("compare", "every_pairs")] == "3"
    assert few.query_params["among"] == ["lora-8", "full", "lora-1"]


def test_the_pair_of_the_link_is_one_of_many(only_shipped):
    from peft_core.statistics.formats import p_text

    app = only_shipped(part="significant", first="lora-8", second="full")
    p = {names: p for names, (p, _, _) in shipped_pairs().items()}
    mine = p.get(("lora-8", "full"), p.get(("full", "lora-8")))
    below = [value for value in p.values() if value <= mine]
    holm = max((len(p) - place) * value for place, value in enumerate(sorted(below)))
    (caption,) = [c.value for c in app.caption if "Choose your pair before you look" in c.value]
    assert f"{len(p)} pairs" in caption
    assert f"this pair has {p_text(min(1.0, holm))}." in caption


def test_overlapping_intervals_of_models_that_are_told_apart_are_counted(only_shipped):
    app = only_shipped(part="trade_off")
    measured = {info.name: info.record.test for info in services.checkpoints()}
    apart = [names for names, (p, _, _) in shipped_pairs().items() if p < 0.05]
    overlap = 0
    for one, other in apart:
        lower, higher = sorted((measured[one], measured[other]), key=lambda test: test.accuracy)
        overlap += higher.low <= lower.high
    assert overlap > len(apart) / 2
    (sentence,) = [m.value for m in app.markdown if "do not mean a tie" in m.value]
    assert f"{len(apart)} have p < 0.05" in sentence.replace("\n", " ")
    assert f"in {overlap} of these" in sentence.replace("\n", " ")


def test_what_can_be_seen_moves_with_the_rate_of_disagreement(only_shipped):
    seen = {}
    for rate in ("1", "9"):
        app = only_shipped(part="significant", question="power", disagree=rate)
        (sentence,) = [m.value for m in app.markdown if "a true difference of" in m.value]
        seen[rate] = float(sentence.split("difference of **")[1].split()[0])
    assert seen["9"] == pytest.approx(3 * seen["1"], rel=0.1)  # as the square root
    rates = sorted(apart / 3000 for _, _, apart in shipped_pairs().values())
    start = only_shipped(part="significant", question="power").get_by_key("disagree").value
    assert start == pytest.approx(100 * rates[len(rates) // 2], abs=0.051)


# ---------------------------------------------------------------------------------------------------------------------
# The report's own differences

REPORT = {"part": "significant", "question": "quoted"}


def test_close_pairs_of_the_report_are_tested_from_its_reviews(only_shipped):
    from peft_core.report.quoted_differences import quoted_differences

    app = only_shipped(**REPORT)
    (chart,) = [c for c in charts(app) if "close pairs" in c.proto.alt]
    for found in quoted_differences():
        assert found.first.label in chart.proto.alt
        assert found.second.label in chart.proto.alt


def test_two_rows_of_the_link_are_told_apart_or_not_by_how_often_they_disagreed(only_shipped):
    from peft_core.report.quoted_differences import quoted_difference
    from peft_core.statistics.formats import p_value

    one, other = (row for row in quoted_rows() if row.key in ("soft_prompt-10-own", "soft_prompt-10-opendelta"))
    found = quoted_difference(one, other)
    for asked in (found.fewest_disagreements, 1500, found.most_disagreements):
        app = only_shipped(**REPORT, report_first=one.key, report_second=other.key, disagreeing=str(asked))
        told = {m.label: m.value for m in app.metric}
        assert told[label("compare", "p_two_samples")] == p_value(found.p)
        assert told[label("compare", "p_if_paired")] == p_value(found.paired_p(asked))
    clamped = only_shipped(**REPORT, report_first=one.key, report_second=other.key, disagreeing="99999")
    assert clamped.get_by_key("disagreeing").value == found.most_disagreements
    assert any("nearest possible value" in i.value for i in clamped.info)


def test_another_pair_of_rows_moves_the_slider_into_its_own_bounds(only_shipped):
    app = only_shipped(**REPORT, report_first="full-own", report_second="soft_prompt-1-opendelta")
    far = app.get_by_key("disagreeing").value
    app.get_by_key("report_second").set_value("lora-8-own").run()
    assert not app.exception
    app.get_by_key("report_first").set_value("lora-1-library").run()
    assert not app.exception
    slider = app.get_by_key("disagreeing")
    assert slider.min <= slider.value <= slider.max
    assert slider.min < far
    app.get_by_key("report_second").set_value("lora-1-library").run()
    assert any(i.value == label("compare", "same_row_twice") for i in app.info)


# ---------------------------------------------------------------------------------------------------------------------
# Chosen on the test set


def test_the_reports_curves_claim_their_best_epoch(only_shipped):
    from peft_core.report.optimism import quoted_optimism
    from peft_core.statistics.formats import points

    app = only_shipped(part="optimism")
    (chart,) = [c for c in charts(app) if "the last epoch → " in c.proto.alt]
    for found in quoted_optimism():
        assert f"{found.quoted.label}: {points(found.difference)}" in chart.proto.alt


def test_the_page_opens_with_a_curve_that_did_not_come_apart(only_shipped):
    app = only_shipped(part="optimism")
    assert app.get_by_key("curve").value == "adapter-8-own"
    assert any("0.106 (epoch 8) to 0.098 (epoch 10)" in m.value for m in app.markdown)
    assert any("in the median of 7 curves **0.04**" in m.value for m in app.markdown)
    assert any("**0.1 points** on 25,000 reviews" in m.value for m in app.markdown)
    assert not any("interval over" in m.value for m in app.markdown)
    apart = only_shipped(part="optimism", curve="soft_prompt-1-opendelta")
    assert any("0.339 (epoch 2) to 0.378 (epoch 10)" in m.value for m in apart.markdown)


def test_a_run_with_a_test_curve_is_shown_beside_the_reports(nothing_here, tmp_path, backbone):
    record = make_record(backbone, LoraConfig(r=3)).model_copy(
        update={
            "name": "LoRA r=3",
            "steps": 3,
            "best_step": 2,
            "validations": ((0, 0.5), (1, 0.6), (2, 0.8), (3, 0.7)),
            "test_curve": ((0, 0.5), (1, 0.75), (2, 0.5), (3, 0.5)),
        }
    )
    put(tmp_path / "runs" / "20260101-000000-abcdef" / "checkpoint", record)
    app = nothing_here(part="optimism", curve="20260101-000000-abcdef")
    (ours,) = [c for c in charts(app) if "chosen on validation → " in c.proto.alt]
    assert "LoRA r=3" in ours.proto.alt
    assert "50.0% → 75.0%" in ours.proto.alt
    assert any("**25.0 points** more, in 1 run" in m.value for m in app.markdown)
    (curve,) = [c for c in charts(app) if "claimed" in c.proto.alt]
    assert "claimed 75.0%" in curve.proto.alt
    assert app.get_by_key("curve").value == "20260101-000000-abcdef"
    app.get_by_key("curve").set_value("full-own").run()
    assert app.query_params["curve"] == "full-own"


def test_the_number_of_reviews_to_choose_on_is_in_the_link_and_more_reviews_mean_less_luck(only_shipped):
    name = label("compare", "selection_difference")
    optimism = {}
    for size in ("25", "1000"):
        app = only_shipped(part="optimism", chosen_on=size)
        optimism[size] = float({m.label: m.value for m in app.metric}[name].replace("−", "-"))
    assert optimism["25"] > optimism["1000"]
    app = only_shipped(part="optimism", chosen_on="700")
    assert app.get_by_key("chosen_on").value in (500, 1000)
    assert any("nearest possible value" in i.value for i in app.info)


# ---------------------------------------------------------------------------------------------------------------------
# To take home


def test_three_files_say_the_same_and_have_the_pair_of_the_link(only_shipped):
    app = only_shipped(part="export", first="lora-8", second="full")
    assert {button.key for button in app.get("download_button")} == {f"export_{kind}" for kind in export.FILES}
    known = {info.name: info for info in services.checkpoints()}
    found = two.compared([known["lora-8"], known["full"]])
    data = export.data(build_table(services.checkpoints(), "tiny-t5"), found)
    page, table_file, everything = (write(data) for _, _, write in export.FILES.values())
    assert json.loads(everything) == json.loads(json.dumps(data))
    assert found.sentence in json.loads(everything)["comparisons"][0]["sentence"]
    for row in data["rows"]:
        assert html.escape(row["label"]) in page
        assert row["key"] in table_file.decode("utf-8-sig")
    assert "<script" not in page


def test_without_two_checkpoints_the_files_have_no_comparison(nothing_here):
    nothing_here(part="export")
    assert two.compared([]) is None
    data = export.data(build_table([], "tiny-t5"), None)
    assert not data["comparisons"]
    assert all(row["shown"]["reproduced"] == "not run" for row in data["rows"] if not row["reproduced"])
