"""The shipped checkpoints in the rows of the report."""

import pytest

from peft_core.checkpoints.listing import find_checkpoint
from tests.report.variants import SHIPPED


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """The four checkpoints by name, and no results file."""
    from peft_core.report import build

    monkeypatch.setattr(build, "shipped_results", lambda base: tmp_path / "none.json")
    return {name: find_checkpoint(name) for name in SHIPPED}
