"""The runs that come with the project: one of each method, small, whole, and looked into without training."""

import pytest

from peft_core.analysis.inside.reel import Reel
from peft_core.methods.registry import METHODS
from peft_core.t5.backbone import load_backbone
from peft_core.training.snapshots.moments import RECORDED, list_moments

FOLDERS = sorted(path for path in RECORDED.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def tiny():
    return load_backbone("tiny-t5")


def test_there_is_one_of_each_method_and_all_together_are_small():
    assert {list_moments(folder).moments[0].config.method.method for folder in FOLDERS} == set(METHODS)
    assert sum(path.stat().st_size for path in RECORDED.rglob("*") if path.is_file()) <= 1_500_000


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_moment_is_seen_and_grows_from_nothing(tiny, folder):
    reel = Reel(folder, tiny)
    moments = reel.found.moments
    assert not reel.found.damaged and len(moments) == 8
    assert (moments[0].step, moments[-1].step) == (0, moments[-1].planned_steps)
    place = reel.places()[-1].name
    seen = [reel.seen(moment.step, place, "A wonderful film.") for moment in moments]
    if reel.kind != "units":  # whose answers are there at step 0 too
        assert seen[0].largest == 0
    assert 0 < seen[1].largest and 0 < seen[-1].largest
