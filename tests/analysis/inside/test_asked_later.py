"""The validation reviews asked later of a snapshot come to what the run measured at that step."""

import pytest

from peft_core.analysis.inside.asked_later import AT_A_TIME, AskedLater
from peft_core.analysis.inside.reel import Reel
from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.reviews.config import DataConfig
from peft_core.training.experiment import run_experiment
from peft_core.training.snapshots.moments import FOLDER
from tests.analysis.inside.test_reel import filmed  # noqa: F401


@pytest.mark.parametrize("method", [LoraConfig(r=2), SoftPromptConfig(num_virtual_tokens=2)], ids=lambda m: m.method)
@pytest.mark.usefixtures("easy_reviews")
def test_what_is_asked_later_is_what_the_run_measured_then(base_folder, backbone, tmp_path, method):
    config = RunConfig(
        base=str(base_folder),
        method=method,
        data=DataConfig(train_size=120, validation_size=72, test_size=20, max_length=16),
        train=TrainConfig(epochs=1, batch_size=8, learning_rate=0.05, evaluations=3),
    )
    list(run_experiment(config, tmp_path, snapshots=True))
    reel = Reel(tmp_path / FOLDER, backbone)
    later = AskedLater(reel)
    assert len(later) == 3 and AT_A_TIME * 2 < 72 < AT_A_TIME * 3
    validated = [moment for moment in reel.found.moments if moment.measured_at == moment.step]
    between = [moment for moment in reel.found.moments if moment.measured_at < moment.step]
    assert len(validated) == 4 and len(between) > 3
    for moment in (*validated, *between):  # in another order than they were taken in
        told = [later.right(moment.step, part) for part in range(len(later))]
        assert sum(of for _, of in told) == 72
        if moment in validated:
            assert sum(right for right, _ in told) / 72 == moment.measured.accuracy
    assert len({moment.measured.accuracy for moment in validated}) > 1, "a run that changes nothing would show nothing"


def test_a_run_whose_weights_were_not_kept_is_told(filmed):  # noqa: F811
    reel, _ = filmed(METHODS["full"].config())
    with pytest.raises(PeftClassroomError, match="were not kept"):
        AskedLater(reel)
