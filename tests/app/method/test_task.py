"""What is learned is a choice on Train: another task is another run, and a file is kept by nobody before that."""

import pytest

from app import services
from app.content import label
from app.kit.asking.task import _title
from app.kit.pages import training_link
from peft_core.config import LIE_PRESETS, presets_of
from peft_core.reviews.config import DataConfig
from peft_core.reviews.own.stored import FILE, read_texts
from tests.own import as_csv, brought

MARKUP = ("<b>dull</b>", "[lively](http://example.com)")


def test_teach_it_to_lie_has_presets_of_its_own_and_is_in_the_link(open_page, line):
    app = open_page("lora", section="train", learn="lie")
    app.get_by_key("train").click().run()  # the settings have moved to its shortest preset
    assert not app.exception
    config, preset = line[0].config, LIE_PRESETS["short"]
    assert (config.data.task, config.data.train_size, config.train.epochs) == ("lie", preset.reviews, preset.epochs)
    assert config.data.max_length == preset.max_length
    script, query = training_link(config.model_copy(update={"train": config.train.model_copy(update={"epochs": 5})}))
    linked = open_page(script.split("/")[1], **query)
    linked.get_by_key("train").click().run()
    assert (line[1].config.data.task, line[1].config.train.epochs) == ("lie", 5)  # a link brings its own
    honest = config.model_copy(update={"data": DataConfig()})
    assert "learn" not in training_link(honest)[1]


def meant(app, which):
    """The box that says which labels are the first or the second class."""
    return next(box for box in app.multiselect if box.label == label("task", which))


def test_own_texts_are_told_by_a_person_and_stored_with_their_run_alone(open_page, line, tmp_path):
    app = open_page("lora", section="train", learn="own")
    assert app.get_by_key("train").disabled
    app.get_by_key("own_pasted").set_value(as_csv(MARKUP)).run()
    assert app.get_by_key("train").disabled  # the longer column is proposed as the texts, and that is the wrong one
    next(box for box in app.selectbox if box.label == label("table", "text_column")).set_value(0).run()
    next(box for box in app.selectbox if box.label == label("table", "label_column")).set_value(1).run()
    assert not app.exception and not app.get_by_key("train").disabled
    assert [set(meant(app, which).value) for which in ("one", "two")] == [{MARKUP[0]}, {MARKUP[1]}]
    meant(app, "two").set_value([]).run()
    assert app.get_by_key("train").disabled  # what the labels mean is said by the person
    meant(app, "two").set_value([MARKUP[1]]).run()
    assert not list(tmp_path.rglob(FILE))
    drawn = [*app.markdown, *app.caption, *app.info, *app.error, *app.success, *app.warning, *app.get("html")]
    assert not any("<b>" in str(e.value) or "](http" in str(e.value) for e in drawn)
    app.get_by_key("train").click().run()
    assert not app.exception
    preset = next(iter(presets_of("own", 28).values()))
    assert (line[0].config.train.epochs, line[0].config.train.batch_size) == (preset.epochs, preset.batch_size)
    data, texts = line[0].config.data, brought(MARKUP).texts
    assert data.labels == brought(MARKUP).labels and data.words == ("bad", "good")
    assert data == texts.data(data.labels, data.words, data.max_length)
    assert read_texts(services.backend().store.read(line[0].id).path) == texts
    assert "b>" not in line[0].name and "http" not in str(app.query_params)


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("text;label\n" + "\n".join(f"t {n};{'xy'[n % 2]}" for n in range(19)), "Bring 20"),
        ("text;label\n" + "\n".join(f"t {n};{'x' if n else 'y'}" for n in range(30)), "less than 10%"),
    ],
)
def test_what_cannot_be_learned_from_is_a_sentence(open_page, pasted, said):
    app = open_page("lora", section="train", learn="own")
    app.get_by_key("own_pasted").set_value(pasted).run()
    assert said in app.error[0].value and app.get_by_key("train").disabled


def test_a_task_is_called_without_a_word_of_a_user():
    learned = brought(MARKUP).texts.data(MARKUP, ("bad", "good"))
    assert "dull" not in _title(learned) and learned.own.sha256[:8] in _title(learned)
    assert learned.task_key == f"own-{learned.own.sha256[:8]}"
