"""What loralib leaves out: an alpha that no LoRA can have is not passed on."""

import pytest

from app.playground.exchange import _is_alpha
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig


@pytest.mark.parametrize("alpha", [-3, 0, 0.5, 16, 4096, 4097])
def test_an_alpha_is_let_in_where_the_configuration_lets_it_in(alpha):
    try:
        LoraConfig(alpha=alpha)
        possible = True
    except PeftClassroomError:
        possible = False
    assert _is_alpha(alpha) is possible
    assert not _is_alpha(None)
