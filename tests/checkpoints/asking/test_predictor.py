"""Many checkpoints over one backbone: right answers, shared memory, no crosstalk, sentences for odd input."""

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.reviews.checks import MAX_CHARACTERS, check_text
from peft_core.reviews.config import REVIEWS
from tests.cases import CASES
from tests.own import NAMES, stored
from tests.trained import make_record, trained

TEXTS = ["a good film", "the plot was very dull and sad , not funny", "i never", "bad " * 300]


@pytest.fixture(scope="module")
def folders(backbone, tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    ids = torch.randint(5, 27, (3, 7), generator=torch.Generator().manual_seed(2))
    for name, config in CASES.items():
        model = trained(backbone, config, (ids, torch.ones_like(ids)))
        save_checkpoint(model, make_record(backbone, config), backbone, root / name)
    return {name: root / name for name in CASES}


def numbers(predictions):
    return [p.probability_positive for p in predictions]


def test_a_batch_gives_what_each_text_gives_alone(backbone, folders):
    predictor = Predictor(backbone)
    for folder in folders.values():
        together = numbers(predictor.classify(TEXTS, folder))
        alone = [numbers(predictor.classify([text], folder))[0] for text in TEXTS]
        assert np.allclose(together, alone, atol=1e-5)
        assert len(set(np.round(together, 6))) == len(TEXTS)


def test_checkpoints_answer_as_if_they_were_alone_whatever_was_asked_before_or_beside(backbone, folders):
    expected = {name: numbers(Predictor(backbone).classify(TEXTS, folder)) for name, folder in folders.items()}
    assert len({tuple(np.round(v, 5)) for v in expected.values()}) == len(folders)
    shared, wrong = Predictor(backbone), []

    def ask(name):
        for _ in range(5):
            if numbers(shared.classify(TEXTS, folders[name])) != expected[name]:
                wrong.append(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in folders for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_only_the_latest_checkpoints_stay_loaded(backbone, folders):
    predictor = Predictor(backbone, max_checkpoints=2)
    for folder in folders.values():
        predictor.classify(["good"], folder)
    assert len(predictor._loaded) == 2


def test_notes_say_what_a_reader_should_know(backbone, folders):
    predictor = Predictor(backbone)
    long, foreign, symbols, html, unknown, plain = predictor.classify(
        ["good " * 400, "una película muy buena", "!!! 12345 ???", "a good<br/>film", "a good 電影 !", "a good film"],
        folders["lora"],
    )
    assert "400 tokens" in long.notes[0]
    assert "not look like English" in foreign.notes[0]
    assert "no words" in symbols.notes[0]
    assert html.notes == ("This text had HTML in it; it was read without.",)
    assert html.probability_positive == pytest.approx(plain.probability_positive, abs=1e-6)
    assert "2 of this text's 4 tokens stand for signs" in unknown.notes[-1]
    assert plain.notes == ()


def test_empty_and_endless_texts_are_refused_with_a_sentence(backbone, folders):
    predictor = Predictor(backbone)
    for text in ("", "  \n\t ", "\x00\x07"):
        with pytest.raises(PeftClassroomError, match="empty"):
            predictor.classify([text], folders["lora"])
    with pytest.raises(PeftClassroomError, match="at most 20,000"):
        predictor.classify(["a" * (MAX_CHARACTERS + 1)], folders["lora"])
    for texts in ([], ["good"] * 1001):
        with pytest.raises(PeftClassroomError, match="1 to 1,000 reviews"):
            predictor.classify(texts, folders["lora"])


@given(st.text(max_size=300))
@settings(max_examples=50)
def test_any_text_gets_a_probability_or_a_sentence(backbone, folders, text):
    try:
        check_text(text)
    except PeftClassroomError:
        return
    (prediction,) = Predictor(backbone).classify([text], folders["soft_prompt-vocab"])
    assert 0 <= prediction.probability_positive <= 1
    assert prediction.label == ("positive" if prediction.probability_positive > 0.5 else "negative")


def test_own_texts_may_be_in_any_language(backbone):
    """A text that is no English is no answer about film reviews, and an answer like any other about own texts."""
    predictor, german = Predictor(backbone), "Ich fand diesen Film wirklich ganz wunderbar, und die Musik war auch gut."
    own = stored().data(NAMES, NAMES)
    of_reviews, of_own, of_symbols = (
        predictor.classify_with_model(text, backbone.model, 64, learned)[0]
        for text, learned in ((german, REVIEWS), (german, own), ("!!! ???", own))
    )
    assert of_reviews.doubtful and any("English" in note for note in of_reviews.notes)
    assert not of_own.doubtful and not any("English" in note for note in of_own.notes)
    assert of_symbols.doubtful and "no words" in of_symbols.notes[0]  # of no task does this mean anything
