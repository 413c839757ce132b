"""The soft prompt page's own sections: every sentence against the record or the arithmetic that it speaks of."""

import json
import re
from math import comb

import numpy as np
import pytest

from app.content import label
from app.method.soft_prompt import how_many, price, relatives, start
from app.method.soft_prompt import nearest_words as words_section
from app.method.soft_prompt.choices import SCREENS
from peft_core.checkpoints.listing import find_checkpoint
from peft_core.counting.longer_input import work
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import load_step_zero
from peft_core.t5.architecture import base_model, catalogue
from peft_core.training.sweep import read_sweep

PAGE = "method/soft_prompt"
PLACES = ({"section": "maths"}, *({"section": "choices", "prompt_question": name} for name in SCREENS))


def shown(app) -> str:
    return " ".join(str(e.value) for e in (*app.markdown, *app.caption, *app.info))


# ---------------------------------------------------------------------------------------------------------------------
# Where the rows start


def test_the_maths_text_says_what_was_measured_of_each_start():
    rows = json.loads((RESULTS / "step_zero.json").read_text())["rows"]
    prompts = {r["method"]["prompt_init"]: r for r in rows if r["method"]["method"] == "soft_prompt"}
    report = load_step_zero()
    said = start.sentence(report, start.rows_of(report))
    for init in ("vocab", "text", "random"):
        assert f"**{100 * prompts[init]['mean_change']:.2g}" in said
        assert re.search(rf"\b{prompts[init]['changed_verdicts']}\b", said)
    words_more = prompts["vocab"]["mean_change"] > prompts["random"]["mean_change"]
    assert ("words disturb the model more" in said) == words_more
    for init in ("vocab", "random"):
        if others := prompts[init]["further_mean_changes"]:
            ends = f"{100 * min(others):.2g} to {100 * max(others):.2g}"
            assert ends in said.replace(" points", "").replace("\n", " ")


def test_were_it_the_other_way_round_the_text_would_say_so():
    report = load_step_zero()
    measured = start.rows_of(report)
    swapped = measured | {"vocab": measured["random"], "random": measured["vocab"]}
    one, other = start.sentence(report, measured), start.sentence(report, swapped)
    assert ("words disturb" in one) == ("noise disturbs" in other) == ("words disturb" not in other)


def test_the_starts_that_are_compared_in_the_end_differ_in_nothing_else():
    ends = start.trained_from(read_sweep(RESULTS / "sweep-tiny-t5.json").trials)
    assert {"vocab", "random"} <= ends.keys()
    for name, trial in ends.items():
        assert trial.config.method == SoftPromptConfig(**start.STARTS[name])
        assert trial.config.train == ends["vocab"].config.train


def test_the_label_words_are_a_start_that_the_link_sets(open_page, line):
    app = open_page("soft_prompt", section="train", prompt_init="labels")
    app.get_by_key("train").click().run()
    assert line[0].config.method == SoftPromptConfig(prompt_init="text", prompt_text="negative positive")


# ---------------------------------------------------------------------------------------------------------------------
# A longer input, and how many rows


@pytest.mark.parametrize("n", [1, 10, 200])
def test_attention_grows_as_the_square_and_the_rest_as_the_length(n):
    a, tokens = base_model("tiny-t5").architecture, 192
    found = price.growth(work(a, tokens), work(a, tokens + n))
    ratio = (n + tokens) / tokens
    assert found["pairs"] == pytest.approx(ratio**2)
    assert found["rows"] == found["read"] == pytest.approx(ratio)
    assert found["rest"] == 1
    assert 1 < found["total"] < ratio**2


def test_the_sentence_on_lengths_is_what_the_stored_answers_give():
    stored = json.loads((RESULTS / "reproduction-tiny-t5.json").read_text())["runs"]
    full = next(run for run in stored if run["name"] == "full")
    prompts = sorted(
        (run["config"]["method"]["num_virtual_tokens"], run)
        for run in stored
        if run["state"] == "done" and run["config"]["method"]["method"] == "soft_prompt"
    )
    results = how_many.results()
    runs = list(how_many.by_length(results).values())
    assert [run.config.method.num_virtual_tokens for run in runs] == [n for n, _ in prompts]
    said = how_many.sentence(runs, next(run for run in results.runs if run.name == "full"))
    share = {n: run["test_right"].count("1") / len(run["test_right"]) for n, run in prompts}
    best = max(share, key=share.get)
    assert f"**n = {best}** with {share[best]:.1%}" in said
    assert f"{100 * (full['test_right'].count('1') / 3000 - share[best]):.1f} points behind" in said.replace("\n", " ")
    first, low = prompts[0][1]["test_right"], 0
    for n, run in prompts[1:]:
        pairs = list(zip(first, run["test_right"], strict=True))
        b, c = pairs.count(("1", "0")), pairs.count(("0", "1"))
        p = min(1, 2 * sum(comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c))  # the binomial itself
        low += p < 0.05 / (len(prompts) - 1)
        written = "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"
        assert f"n = {n}: {100 * (share[n] - share[prompts[0][0]]):+.1f} points, {written}" in said
    assert ("do not show that more rows help" in said.replace("\n", " ")) == (low == 0)


def test_a_prefix_is_keys_and_values_in_every_layer():
    for base in catalogue().values():
        found = relatives.counts(base.architecture, 7)
        keys = 7 * base.architecture.num_heads * base.architecture.d_kv
        assert found["prefix"] == sum(keys + keys for _ in range(base.architecture.encoder_layers))
        assert found["prompt"] == 7 * base.architecture.d_model


# ---------------------------------------------------------------------------------------------------------------------
# Nearest words


def test_the_table_has_the_words_of_the_shipped_prompt(open_page):
    from safetensors.torch import load_file
    from transformers import AutoTokenizer

    info, base = find_checkpoint("soft-prompt-10"), base_model("tiny-t5")
    (trained,) = (t.double().numpy() for t in load_file(info.path / "adapter_model.safetensors").values())
    table = load_file(f"{base.source}/model.safetensors")["shared.weight"].double().numpy()
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    tokens = AutoTokenizer.from_pretrained(base.source).convert_ids_to_tokens
    app = open_page("soft_prompt", section="choices", prompt_question="words", prompt_of="soft-prompt-10")
    frame = app.dataframe[0].value
    assert len(frame) == 10
    for number, row in enumerate(trained):
        cosines = unit @ row / np.linalg.norm(row)
        nearest = np.argsort(-cosines)[: words_section.SHOWN]
        assert frame.iloc[number][label(PAGE, "words_nearest")] == "  ".join(tokens(nearest.tolist()))
        assert frame.iloc[number][label(PAGE, "words_value_cosine")] == f"{cosines[nearest[0]]:.2f}"
    assert not any(token in shown(app) for token in ("[CLS]", "[MASK]", "<extra_id"))  # letter for letter, in no text
    lengths = np.linalg.norm(trained, axis=1)
    assert f"**{lengths.mean():.1f}** long" in shown(app).replace("\n", " ")
    app.get_by_key(words_section.HOW).set_value("distance").run()
    assert not app.exception
    assert app.query_params[words_section.HOW] == "distance"
    smallest = [np.linalg.norm(table - row, axis=1).min() for row in trained]
    assert f"**{min(smallest):.0f} to {max(smallest):.0f}** away" in shown(app).replace("\n", " ")


@pytest.mark.parametrize("place", PLACES, ids=lambda place: [*place.values()][-1])
def test_every_section_opens_for_every_setting(open_page, place, checked_charts):
    app = open_page("soft_prompt", **place, base="t5-11b", prompt_n="200", prompt_init="labels")
    app.get_by_key("base").set_value("tiny-t5").run()
    assert not app.exception
    assert app.query_params["section"] == place["section"]
    assert app.query_params.get("prompt_question", "price") == place.get("prompt_question", "price")
    assert not re.search(r"\{[a-z_]+\}", shown(app))


def test_the_first_attention_does_not_see_how_long_a_row_is(backbone):
    import torch

    norm = backbone.model.encoder.block[0].layer[0].layer_norm
    rows = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(norm(6 * rows), norm(rows), atol=1e-5)
        assert not torch.allclose(norm(6 * rows[:, :8].repeat(1, 2)), norm(rows), atol=1e-5)


def test_a_link_to_no_checkpoint_is_a_sentence(open_page):
    app = open_page("soft_prompt", section="choices", prompt_question="words", prompt_of="**../../etc**")
    assert any(label(PAGE, "words_unknown") in info.value for info in app.info)


def test_the_length_of_a_review_is_that_of_train_on_the_whole_page(open_page):
    app = open_page("soft_prompt", section="maths", prompt_n="10", max_length="256")
    assert any("at T = 256 that is 266 rows" in words.value for words in app.markdown)
    assert app.get_by_key("max_length").value == 256
    other = open_page("soft_prompt", section="maths", prompt_n="10")
    usual = other.get_by_key("max_length").value
    assert any(f"at T = {usual} that is {usual + 10} rows" in words.value for words in other.markdown)
