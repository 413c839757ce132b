"""The Playground shows one task at a time, and answers in its words."""

from app import services
from app.playground import many_results
from peft_core.checkpoints.files import save_checkpoint
from peft_core.config import RunConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.spreadsheet import Reviews
from tests.cases import make_base
from tests.own import NAMES, stored
from tests.trained import make_record, trained

HONEST, OWN = "20260101-000000-abcdef", "20260101-000001-abcdef"


def test_one_task_at_a_time_is_asked_in_its_own_words(open_page, tmp_path, batch):
    from peft_core.t5.backbone import load_backbone

    backbone, config = load_backbone(str(make_base(tmp_path / "tiny"))), LoraConfig(r=2)
    data = stored().data(("Dull", "*Lively*"), NAMES)
    for name, learned in ((HONEST, RunConfig(method=config).data), (OWN, data)):
        record = make_record(backbone, config)
        record = record.model_copy(update={"config": record.config.model_copy(update={"data": learned})})
        save_checkpoint(trained(backbone, config, batch), record, backbone, tmp_path / "runs" / name / "checkpoint")
    app = open_page("playground", checkpoint=OWN)  # a link to a checkpoint means its task
    assert app.query_params["task"] == data.task_key and app.get_by_key("checkpoint").value == [OWN]
    assert OWN not in [info.name for info in (*services.checkpoints(), *services.askable())]
    assert [info.name for info in services.checkpoints(data.task_key)] == [OWN]
    app.get_by_key("review").set_value("a good film").run()
    app.get_by_key("classify").click().run()
    assert not app.exception
    assert [m.value[2:] in ("Dull", r"\*Lively\*") for m in app.metric] == [True]
    assert any("“dull” and “lively”" in caption.value for caption in app.caption)
    app.get_by_key("task").set_value("reviews").run()
    assert not app.exception
    assert OWN not in app.get_by_key("checkpoint").value and app.get_by_key("checkpoint").value
    assert "task" not in app.query_params


def test_many_texts_are_answered_in_the_classes_names_and_none_is_a_formula():
    reviews = Reviews(texts=("a", "b"), rows=(1, 2), labels=(1, None))
    answers = {"x": many_results.Answers(2, {0: 0.9, 1: 0.2})}
    labels = ("ham", "=spam")
    rows = many_results.review_rows(reviews, {"x": "X"}, answers, labels)
    assert list(rows["verdict"]) == ["+ =spam", "− ham"] and list(rows["truth"]) == ["+ =spam", ""]
    lines = many_results.result_file(reviews, {"x": "X"}, answers, labels).decode("utf-8-sig").splitlines()
    assert lines[0].endswith(",p(=spam) of X")
    assert [line.split(",")[2:4] for line in lines[1:]] == [["'=spam", "'=spam"], ["", "ham"]]
