"""Behind a mask of 0 a prompt is not there: the same answer as the base model alone, and no gradient."""

import pytest
import torch

from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.methods import apply_method
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import SHIPPED_CHECKPOINTS
from peft_core.report.reread.prompt_mask import read_with_mask
from peft_core.t5.backbone import load_backbone

TEXTS = ("I expected little and was not disappointed: it is as flat as they say.", "A wonderful, moving film.")


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(load_backbone("tiny-t5"))


@pytest.mark.parametrize("text", TEXTS)
def test_the_shipped_prompt_read_and_masked(predictor, text):
    """The predictor has its own way to the answer: other code puts the rows in front, in batches."""
    folder = SHIPPED_CHECKPOINTS / "soft-prompt-10"
    model, longest = predictor.model(folder)
    read, masked = (read_with_mask(predictor.backbone, model, text, longest, ones) for ones in (True, False))
    asked = [predictor.classify([text], path)[0].probability_positive for path in (folder, None)]
    assert read.probability == pytest.approx(asked[0], abs=1e-4)
    assert masked.probability == pytest.approx(asked[1], abs=1e-4)
    assert abs(read.probability - masked.probability) > 1e-3
    assert read.gradient > 0
    assert masked.gradient == 0


def test_what_stands_behind_the_mask_does_not_matter(backbone):
    torch.manual_seed(0)
    found = []
    for n in (1, 4):
        model = apply_method(backbone.replica(), SoftPromptConfig(num_virtual_tokens=n, prompt_init="random"))
        found.append(read_with_mask(backbone, model, TEXTS[0], 64, ones=False).probability)
    assert found[0] == pytest.approx(found[1], abs=1e-6)
