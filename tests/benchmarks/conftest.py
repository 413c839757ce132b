"""What the tests of the benchmarks share."""

import gc

import pytest


@pytest.fixture(autouse=True)
def garbage_of_this_test_alone():
    """Benchmarks collect garbage before they measure: here they need not look through what other tests have left."""
    gc.freeze()
    yield
    gc.unfreeze()
