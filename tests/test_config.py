"""Settings that cannot be are one sentence."""

import pytest

from peft_core.config import run_config
from peft_core.errors import PeftClassroomError


def test_wrong_settings_are_one_sentence():
    with pytest.raises(PeftClassroomError, match=r"train\.epochs.*given: 0"):
        run_config({"method": {"method": "lora"}, "train": {"epochs": 0}})
    with pytest.raises(PeftClassroomError, match="extra"):
        run_config({"method": {"method": "lora", "rank": 3}})
