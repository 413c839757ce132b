"""How good a model is: p("positive") of every row in its place, whatever shares the work; shares of right answers."""

import numpy as np
import pytest
import torch

from peft_core.reviews.batches import encode, make_batches
from peft_core.reviews.config import DataConfig
from peft_core.reviews.splits import data_fingerprint
from peft_core.training import measuring
from peft_core.training.measuring import accuracy, probabilities
from tests.cases import CASES
from tests.trained import trained

CPU = torch.device("cpu")


@pytest.mark.parametrize("training", [True, False])
def test_every_row_has_its_own_answer_whichever_thread_asked(backbone, batch, two_threads, training):
    model = trained(backbone, CASES["lora"], batch).train(training)
    encoded = [[5, 6, *range(7, 7 + length)] for length in (9, 2, 5, 1, 12)]
    batches = make_batches(encoded, 2, (8, 16), pad_id=0)
    together = probabilities(model, batches, backbone.label_ids, CPU)
    assert model.training is training
    torch.set_num_threads(1)
    assert np.array_equal(probabilities(model, batches, backbone.label_ids, CPU), together)
    model.eval()
    for ids, positive in zip(encoded, together, strict=True):
        start = torch.zeros(1, 1, dtype=torch.long)
        with torch.inference_mode():
            words = model(input_ids=torch.tensor([ids]), decoder_input_ids=start).logits[0, 0, list(backbone.label_ids)]
        assert positive == pytest.approx(words.softmax(-1)[1].item(), abs=1e-5)
    assert len(set(together.round(5))) == 5


def test_accuracy_counts_right_answers_and_a_tie_is_negative():
    result = accuracy(np.array([0.9, 0.2, 0.6, 0.4, 0.5]), [1, 0, 0, 1, 0])
    assert (result.accuracy, result.n) == (0.6, 5)


@pytest.mark.usefixtures("easy_reviews")
def test_reviews_are_read_when_they_are_wanted_and_once(monkeypatch, backbone):
    """A run's first step does not wait for its test reviews: how many there are, and which, is known without."""
    texts = []
    monkeypatch.setattr(
        measuring, "encode", lambda tokenizer, given, *rest: texts.append(given) or encode(tokenizer, given, *rest)
    )
    rows = measuring.load_rows(backbone, DataConfig(max_length=16), "test", 20, 0)
    assert not texts
    assert len(rows.labels) == len(rows.encoded) == len(rows.encoded) == 20
    (read,) = texts
    assert rows.fingerprint == data_fingerprint(read, rows.labels.tolist())
