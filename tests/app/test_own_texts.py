"""Checkpoints that have learned own texts: every section that can answer about them does, in the classes' names."""

import shutil

import pytest

from app import services
from app.content import label
from peft_core.checkpoints.dials.setting import AS_TRAINED, OFF
from peft_core.methods.lora.method import LoraConfig
from peft_core.training.runs import RunStore, new_spec
from tests.own import NAMES, run_on_own_texts, stored
from tests.trained import trained

TASK = stored().data(NAMES, NAMES).task_key
IDS = ("20260101-000000-aaaaaa", "20260101-000001-bbbbbb")
RIGHT = ([True] * 8 + [False] * 2, [True] * 5 + [False] * 5)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two runs of somebody's, on tiny-t5."""
    import torch

    from peft_core.t5.backbone import load_backbone

    folder, backbone = tmp_path_factory.mktemp("made"), load_backbone("tiny-t5")
    ids = torch.randint(5, 27, (3, 7), generator=torch.Generator().manual_seed(2))
    for name, rank, right in zip(IDS, (2, 1), RIGHT, strict=True):
        config = LoraConfig(r=rank)
        model = trained(backbone, config, (ids, torch.ones_like(ids)))
        run_on_own_texts(folder / name, backbone, config, model, right)
    return folder


@pytest.fixture
def runs(open_page, tmp_path, made):
    """Opens a page, with these two in the folder of runs."""
    shutil.copytree(made, tmp_path / "runs")
    return open_page


def shown(app) -> str:
    """Everything in words on the page."""
    kinds = (app.markdown, app.caption, app.info, app.warning, app.metric)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def ask(app, key: str) -> str:
    app.get_by_key("review").set_value("Ich fand den Film wirklich ganz wunderbar und sehr lustig").run()
    app.get_by_key(key).click().run()
    assert not app.exception
    assert "look like English" not in shown(app) and not app.warning
    return shown(app)


def test_explain_answers_in_the_classes_names(runs):
    app = runs("playground", task=TASK, tab="explain", explain_by="occlusion")
    said = ask(app, "explain_go")
    assert app.markdown[0].value.startswith("# “lively” or “")
    assert "p(lively) = " in said and "speaks for lively" in said


def test_what_if_and_a_base_model_answer_in_the_classes_names(runs):
    app = runs("playground", task=TASK, tab="what_if")
    assert "lively after" in ask(app, "what_if_negate")


def test_how_sure_is_asked_of_the_test_texts_in_the_folder_of_the_run(runs):
    app = runs("playground", task=TASK, tab="calibration", checkpoint=IDS[0])
    (table,) = app.dataframe
    assert list(table.value.iloc[:, -1]) == ["10"] and "test texts" in shown(app)


def test_identity_terms_take_a_sentence_of_ones_own(runs):
    app = runs("playground", task=TASK, tab="identity", checkpoint=IDS[0])
    assert app.get_by_key("identity_list").options == [app.get_by_key("identity_list").options[0]]
    app.get_by_key("identity_go").click().run()
    assert not app.exception and "p(“lively”)" in shown(app)
    assert label("identity", "column_order_reviews") not in app.dataframe[0].value  # film reviews say nothing here


def test_dials_are_tried_on_the_test_texts_of_the_run(runs):
    info = next(info for info in services.askable(TASK) if info.name == IDS[0])
    found = services.dials.fixed_test(services.dials.Place(info, AS_TRAINED))
    assert found.total == 10 == services.dials.known(services.dials.Place(info, OFF)).total


def test_try_it_offers_the_task_where_the_method_has_learned_it(runs):
    app = runs("lora", section="try", task=TASK)
    app.get_by_key("try_review").set_value("the film was funny").run()
    app.get_by_key("try").click().run()
    assert not app.exception
    assert len(app.metric) == 3 and all(metric.value[2:] in NAMES for metric in app.metric)
    (link,) = (one for one in app.get("page_link") if "playground" in one.proto.page)
    assert f"task={TASK}" in link.proto.query_string
    assert "task" not in [one.key for one in runs("prefix", section="try").selectbox]  # of the reviews alone


def test_two_are_compared_and_their_texts_are_shown_to_whoever_brought_them(runs, monkeypatch, tmp_path):
    app = runs("compare", part="significant", first=IDS[0], second=IDS[1], task=TASK)
    assert not {text for text, _ in stored().test} & set(app.dataframe[-1].value["review"])  # another browser's
    store = RunStore(tmp_path / "mine")
    mine = next(info for info in services.checkpoints(TASK) if info.name == IDS[0])
    spec = new_spec(mine.record.config, "whoever asks")
    monkeypatch.setattr(services, "own_runs", lambda: [store.create(spec, stored())])
    app = runs("compare", part="significant", first=IDS[0], second=IDS[1], task=TASK)
    assert not app.exception
    table = app.dataframe[-1].value
    assert len(table) == 3 and set(table["truth"].str[2:]) <= set(NAMES)
    assert "the same 10 test texts" in shown(app)
