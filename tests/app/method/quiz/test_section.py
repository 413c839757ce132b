"""Every question has exactly one right option, made from the truth; and nothing is shown before it is predicted."""

import json
import re
from dataclasses import replace

import pytest
from scipy.stats import ttest_ind

from app import services
from app.content import FOLDER, LANGUAGE, _sections, label
from app.kit.pages import method_pages
from app.method.quiz import questions as quiz
from app.method.quiz.questions import facts as facts_module
from app.method.quiz.questions import question as making
from app.method.quiz.questions.facts import Comparison, Facts
from app.method.quiz.questions.recorded import evidence
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.counting.by_hand import count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.reproduction.results import shipped_results
from peft_core.statistics.paired_test import PairedTest
from peft_core.t5.architecture import BaseModel, catalogue
from tests.cases import SHAPES, TINY

SETTINGS = {
    "full": [FullConfig()],
    "soft_prompt": [SoftPromptConfig(num_virtual_tokens=n) for n in (1, 10, 200)],
    "adapter": [AdapterConfig(bottleneck_dim=m) for m in (1, 8, 256)],
    "adapterhub": [
        AdapterConfig(bottleneck_dim=m, placement=place) for m in (1, 16, 256) for place in ("pfeiffer", "houlsby")
    ],
    "lora": [
        LoraConfig(r=1), LoraConfig(r=256, target_modules=("q",)), LoraConfig(target_modules=("wi", "wo")),
        LoraConfig(target_modules=("q", "k", "v", "o", "wi", "wo")),
    ],
}  # fmt: skip
PAGES = [page for page in method_pages() if quiz.asks(page)]
SETTINGS |= {page: [METHODS[page].config()] for page in PAGES if page not in SETTINGS}
BASES = [*SHAPES, BaseModel("a T5 of odd shapes", TINY, "", True, "")]
CASES = [(page, config) for page, configs in SETTINGS.items() for config in configs]


@pytest.fixture(scope="module")
def facts() -> Facts:
    return quiz.load(list_checkpoints(), reviews_loaded=True)


@pytest.mark.parametrize(("page", "config"), CASES, ids=lambda value: str(value).replace(" ", ","))
def test_exactly_one_option_is_right_and_every_number_is_filled_in(facts, page, config):
    for base in BASES:
        asked = quiz.questions(quiz.Setting(page, base, config), facts)
        assert 3 <= len(asked) <= 5, base.name
        assert len({question.name for question in asked}) == len(asked), base.name
        wrong = [(base.name, question.name, what) for question in asked for what in wrong_with(question)]
        assert not wrong


def wrong_with(question) -> list[str]:
    """What a question has that none should have."""
    options = question.options
    if question.estimate is None:
        one = [o for o in options if question.is_right(o)] == [question.answer]
    else:
        one = not question.is_right(making.times(max(question.estimate.scale)))
    said = (question.ask, question.explain, question.source, question.table, *options)
    rules = {
        "at least three options, all different": len(set(options)) == len(options) >= 3,
        "its answer is right": question.is_right(question.answer),
        "one option is right, or the far end of the scale is not": one,
        "all is filled in": not any("{" in words or "}" in words or "nan" in words.split() for words in said),
        "it is explained": bool(question.explain),
        "it has a source": bool(question.source),
    }
    return [rule for rule, holds in rules.items() if not holds]


def test_the_place_of_an_option_follows_a_fixed_rule():
    setting = quiz.Setting("soft_prompt", BASES[0], SoftPromptConfig())
    values = dict.fromkeys(("n", "length", "before", "rows"), 1) | {"more": ""}
    for truth in (1, 3, 7):
        made = making.numeric(setting, "positions", truth, (5, 2, 9), str, "source", values, exact=True)
        assert made.options == tuple(sorted(made.options))
        assert made.answer == str(truth)


def test_a_wrong_number_close_to_a_measured_one_is_not_offered():
    setting = quiz.Setting("soft_prompt", BASES[0], SoftPromptConfig())
    values = dict.fromkeys(("n", "length", "before", "rows"), 1) | {"more": ""}
    made = making.numeric(setting, "positions", 2.05, (2, 4, 8), making.times, "source", values)
    assert made.options == ("2.05×", "4×", "8×")


@pytest.mark.parametrize(("truth", "naive"), [(1.31, 200), (1.0, 3), (0.9, 50), (250, 12_000)])
def test_a_guess_near_the_measurement_is_a_good_one_and_the_naive_one_is_not(truth, naive):
    setting = quiz.Setting("soft_prompt", BASES[0], SoftPromptConfig())
    values = dict.fromkeys(("n", "length", "before", "rows"), 1) | {"more": ""}
    made = making.estimated(setting, "positions", truth, naive, "source", values, "")
    assert made.estimate.scale == tuple(sorted(made.estimate.scale))
    assert made.estimate.scale[-1] >= naive
    good = [step for step, option in zip(made.estimate.scale, made.options, strict=True) if made.is_right(option)]
    assert good
    assert all(1 / making.NEAR <= step / truth <= making.NEAR for step in good)


def test_all_prose_of_the_questions_is_used(facts):
    files = {path.stem for path in (FOLDER / LANGUAGE / "quiz").glob("*.md")}
    assert files == {*PAGES, "shared"}
    for page in PAGES:
        names = {question.name for question in quiz.questions(quiz.Setting(page, BASES[0], SETTINGS[page][0]), facts)}
        for section in _sections(f"quiz/{page}", LANGUAGE):
            assert any(section.startswith(f"{name}_") for name in names), section


def test_a_base_that_was_not_measured_is_asked_about_with_one_that_was(facts):
    asked = quiz.questions(quiz.Setting("lora", catalogue()["t5-11b"], LoraConfig()), facts)
    (memory,) = [question for question in asked if question.name == "memory"]
    assert "t5-small" in memory.ask
    assert "t5-11b" not in memory.ask


def test_without_a_measurement_or_a_record_the_question_is_not_asked(facts):
    empty = Facts(facts.cost, facts.step_zero, facts.latency.model_copy(update={"rows": ()}), ())
    names = {q.name for q in quiz.questions(quiz.Setting("lora", BASES[0], LoraConfig()), empty)}
    assert names == {"memory", "step_zero", "break_even"}


def test_lora_stops_saving_at_the_rank_that_is_called_right(facts):
    for config in SETTINGS["lora"]:
        for base in BASES:
            asked = quiz.questions(quiz.Setting("lora", base, config), facts)
            (question,) = [q for q in asked if q.name == "break_even"]
            r = int(question.answer.removeprefix("r = ").replace(",", ""))
            whole = int(question.ask.split("**")[1].replace(",", ""))
            if r <= 1024:  # as high as configurations go
                assert count(base.architecture, config.model_copy(update={"r": r})).trainable_parameters >= whole
                lower = config.model_copy(update={"r": max(1, r - 1)})
                assert r == 1 or count(base.architecture, lower).trainable_parameters < whole


# ---------------------------------------------------------------------------------------------------------------------
# Which of two checkpoints is better?


def measured_at(info, accuracy: float, half_width: float):
    test = replace(info.record.test, accuracy=accuracy, low=accuracy - half_width, high=accuracy + half_width)
    return info.model_copy(update={"record": info.record.model_copy(update={"test": test, "test_probabilities": None})})


def test_intervals_that_overlap_name_no_winner_and_prove_no_tie(facts):
    facts = replace(facts, results=None)
    one, other = facts.checkpoints[:2]
    for a, b, verdict, kind in (
        (0.85, 0.84, "unclear", "overlap"),
        (0.85, 0.80, "first", "apart"),
        (0.80, 0.85, "second", "apart"),
    ):
        comparison = facts.compare(measured_at(one, a, 0.01), measured_at(other, b, 0.01))
        assert (comparison.verdict, comparison.evidence) == (verdict, kind)
    assert "does not prove a tie" in evidence(Comparison(one, other, "unclear", "overlap", None))


@pytest.mark.parametrize(("p", "verdict"), [(0.06, "unclear"), (0.00001, "first"), (0.049, "first")])
def test_single_predictions_decide_where_they_are_stored(facts, monkeypatch, p, verdict):
    monkeypatch.setattr(facts_module, "_same_reviews_predicted", lambda first, second: True)
    test = PairedTest(500, 120, 90, 100, p, 0.037, 0.002, 0.072)
    monkeypatch.setattr(facts_module, "_paired_if_possible", lambda first, second: test)
    facts = replace(facts, results=None)
    one, other = facts.checkpoints[:2]
    comparison = facts.compare(measured_at(one, 0.85, 0.01), measured_at(other, 0.84, 0.01))
    assert (comparison.verdict, comparison.evidence) == (verdict, "paired")
    words = evidence(comparison)
    assert "120" in words
    assert ("p < 0.0001" if p < 0.0001 else f"p = {p:.2g}") in words
    assert ("too often" in words) == (verdict == "unclear")


def test_where_there_are_several_seeds_all_of_them_are_the_evidence(facts):
    """Welch's t-test worked out again from the results file; every pair of runs is looked at."""
    runs = json.loads(shipped_results("tiny-t5").read_text())["runs"]
    shares = {
        name: [r["record"]["test"]["accuracy"] for r in runs if r["name"].split("-seed")[0] == name]
        for name in ("full", "lora-8")
    }
    by_name = {info.name: info for info in facts.checkpoints}
    comparison = facts.compare(by_name["full"], by_name["lora-8"])
    assert sorted(comparison.seeds.first) == sorted(shares["full"])
    assert sorted(comparison.seeds.second) == sorted(shares["lora-8"])
    assert len(comparison.seeds.pairs) == len(shares["full"]) * len(shares["lora-8"]) == 6
    p = ttest_ind(shares["full"], shares["lora-8"], equal_var=False).pvalue
    assert (comparison.verdict, comparison.evidence) == ("first" if p < 0.05 else "unclear", "seeds")
    words = evidence(comparison)
    assert f" = {p:.2g})" in words
    assert "6 of 6 pairs" in words
    close = facts.compare(by_name["adapter-8"], by_name["lora-8"])
    assert (close.verdict, close.evidence) == ("unclear", "seeds")
    assert "can explain that" in evidence(close)


def test_while_the_reviews_are_being_read_their_question_keeps_its_place(facts, monkeypatch):
    monkeypatch.setattr(facts_module, "_same_reviews_predicted", lambda first, second: True)
    early = Facts(facts.cost, facts.step_zero, facts.latency, facts.checkpoints, reviews_loaded=False)
    setting = quiz.Setting("lora", BASES[0], LoraConfig())
    names = [question.name for question in quiz.questions(setting, facts)]
    waiting = quiz.questions(setting, early)
    assert [question.name for question in waiting] == names
    assert [isinstance(question, quiz.Loading) for question in waiting] == [name == "best" for name in names]


# ---------------------------------------------------------------------------------------------------------------------
# On the screen


def shown(app) -> str:
    return " ".join(str(e.value) for e in (*app.markdown, *app.caption, *app.success, *app.warning, *app.info))


def check_yourself(open_page, page: str, **query: str):
    app = open_page(page, section="check", **query)
    checkpoints = services.checkpoints()
    bases = catalogue()
    config = AdapterConfig(bottleneck_dim=24) if page == "adapterhub" else METHODS[page].config()
    return app, quiz.questions(
        quiz.Setting(page, bases["tiny-t5"], config), quiz.load(checkpoints, reviews_loaded=True)
    )


def predict(app, question, option: str):
    app.get_by_key(f"quiz_{question.page}_{question.name}").set_value(option).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("page", PAGES)
def test_every_question_is_predicted_then_revealed(open_page, page):
    app, asked = check_yourself(open_page, page)
    for number, question in enumerate(asked, 1):
        assert app.get_by_key("quiz_reveal").disabled
        assert label("quiz", "position", number=number, total=len(asked)) in shown(app)
        assert question.ask in shown(app)
        assert question.explain not in shown(app)
        right = number % 2 == 1
        option = question.answer if right else next(o for o in question.options if not question.is_right(o))
        predict(app, question, option)
        assert question.explain not in shown(app)
        app.get_by_key("quiz_reveal").click().run()
        assert not app.exception
        assert question.explain in shown(app)
        assert question.source in shown(app)
        assert bool(app.success) == right
        assert bool(app.warning) == (not right)
        app.get_by_key("quiz_next").click().run()
        assert not app.exception
    assert label("quiz", "summary", right=(len(asked) + 1) // 2, total=len(asked)) in shown(app)
    app.get_by_key("quiz_back").click().run()
    assert asked[-1].explain in shown(app)  # still known
    app.get_by_key("quiz_next").click().run()
    app.get_by_key("quiz_again").click().run()
    assert not app.exception
    assert app.get_by_key("quiz_reveal").disabled
    assert "question" not in app.query_params


@pytest.mark.parametrize(
    ("asked", "number", "note"), [("3", 3, False), ("0", 1, True), ("-7", 1, True), ("99", 6, True), ("x", 1, False)]
)
def test_the_question_is_in_the_link_and_an_impossible_one_is_clamped_with_a_note(open_page, asked, number, note):
    app, total = check_yourself(open_page, "lora", question=asked)
    words = label("quiz", "position", number=number, total=len(total))
    assert (words in shown(app)) == (number <= len(total))
    assert any(asked in i.value for i in app.info) == note


def test_another_setting_asks_anew(open_page):
    app, asked = check_yourself(open_page, "lora", question="3")
    predict(app, asked[2], asked[2].answer)
    app.get_by_key("quiz_reveal").click().run()
    assert app.success
    app.get_by_key("base").set_value("t5-3b").run()
    assert not app.exception
    assert not app.success
    assert app.get_by_key("quiz_reveal").disabled
    app.get_by_key("base").set_value("tiny-t5").run()
    assert app.success  # the prediction that was made for these options


def test_a_missing_file_of_measurements_is_a_sentence(open_page, monkeypatch, tmp_path):
    def missing(path=tmp_path / "cost.json"):
        from peft_core.report.costs.measured import CostReport, load_report

        return load_report(path, CostReport, "python -m benchmarks.cost")

    monkeypatch.setattr(facts_module, "load_cost", missing)
    app = open_page("lora", section="check")
    assert any("measure again" in e.value for e in app.error)


# ---------------------------------------------------------------------------------------------------------------------
# What is said of memory agrees with the table under it


def _megabytes(words: str) -> list[float]:
    return [float(n.replace(",", "")) for n in re.findall(r"([\d,.]+)\N{NO-BREAK SPACE}MB", words)]


def test_the_saving_of_lora_has_three_parts_that_add_up(facts):
    asked = quiz.questions(quiz.Setting("lora", BASES[0], LoraConfig()), facts)
    (memory,) = [question for question in asked if question.name == "memory"]
    full, lora, saved, *parts = _megabytes(memory.explain)
    assert len(parts) == 3
    assert abs(full - lora - saved) <= 1
    assert abs(saved - sum(parts)) <= 2
    weights, gradients, optimizer, rest, peak = (
        _megabytes(line)[0] - _megabytes(line)[1] for line in memory.table.splitlines()[2:]
    )
    assert peak == full - lora
    for part, column in zip(parts, (gradients + optimizer, weights, rest), strict=True):
        assert abs(part - column) <= 2


def test_gradients_and_means_are_as_many_times_the_weights_as_is_said(facts):
    asked = quiz.questions(quiz.Setting("full", BASES[0], FullConfig()), facts)
    (question,) = [question for question in asked if question.name == "weights_share"]
    weights, gradients, optimizer, *_ = (_megabytes(line)[0] for line in question.table.splitlines()[2:])
    said = float(re.search(r"([\d.]+)× the weights", question.explain)[1])
    assert said == pytest.approx((gradients + optimizer) / weights, rel=0.02)
