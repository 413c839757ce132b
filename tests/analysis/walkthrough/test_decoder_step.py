"""The one decoder step that training compares with the label, beside what transformers itself calls the loss."""

import pytest
import torch

from peft_core.analysis.walkthrough.decoder_step import decoder_step
from peft_core.analysis.walkthrough.tokens import read_words

TEXT = "The plot creaks, but the two leads are wonderful."


@pytest.mark.parametrize("label", (0, 1))
def test_the_loss_is_the_one_that_transformers_computes_from_labels(backbone, label):
    step = decoder_step(backbone, backbone.model, TEXT)
    ids = torch.tensor([read_words(backbone, TEXT).ids])
    with torch.inference_mode():
        theirs = backbone.model(input_ids=ids, labels=torch.tensor([[backbone.label_ids[label]]])).loss
    assert step.loss(label) == pytest.approx(theirs.item(), rel=1e-4)


def test_the_words_come_likeliest_first_and_are_shares_of_one(backbone):
    step = decoder_step(backbone, backbone.model, TEXT, shown=4)
    shares = [p for _, p in step.likeliest]
    assert shares == sorted(shares, reverse=True)
    assert 0 < sum(shares) <= 1
    assert len(shares) == 4
