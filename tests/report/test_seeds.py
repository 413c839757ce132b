"""Methods compared with the seed as the unit: what the table's rows have, and what one seed cannot say."""

import json
from itertools import pairwise
from statistics import fmean

import pytest
from scipy import stats

from peft_core.checkpoints.listing import list_checkpoints
from peft_core.paths import RESULTS
from peft_core.report.build import build_table
from peft_core.report.seeds import row_differences, rows_with_seeds


@pytest.fixture(scope="module")
def rows():
    return rows_with_seeds(build_table([info for info in list_checkpoints() if info.shipped]))


def test_every_run_of_the_results_file_is_a_seed_of_one_row(rows):
    runs = json.loads((RESULTS / "reproduction-tiny-t5.json").read_text())["runs"]
    done = sorted(run["record"]["test"]["accuracy"] for run in runs if run["record"])
    ours = sorted(accuracy for row in rows for accuracy in row.accuracies if row.method.method != "ia3")
    assert ours == pytest.approx(done)
    (adapter,) = [row for row in rows if row.method.method == "adapter" and row.method.bottleneck_dim == 8]
    assert adapter.seeds == (0, 1, 2, 3)  # two rows of the report, one configuration of ours
    assert len({row.label for row in rows}) == len(rows)


def test_pairs_of_rows_are_welchs_tests_with_holms_correction(rows):
    found = row_differences(rows)
    several = [row for row in rows if len(row.seeds) > 1]
    assert len(found) == len(several) * (len(several) - 1) / 2 > 1
    p = []
    for pair in found:
        wanted = stats.ttest_ind(pair.first.accuracies, pair.second.accuracies, equal_var=False)
        assert pair.difference.p == pytest.approx(wanted.pvalue)
        assert pair.difference.value == pytest.approx(fmean(pair.first.accuracies) - fmean(pair.second.accuracies))
        p.append(pair.difference.p)
    assert p == sorted(p)
    assert found[0].p_holm == pytest.approx(len(p) * p[0])
    assert all(before.p_holm <= after.p_holm for before, after in pairwise(found))


def test_a_row_with_one_seed_is_in_no_pair(rows):
    single = {row.label for row in rows if len(row.seeds) == 1}
    assert single
    assert all({pair.first.label, pair.second.label}.isdisjoint(single) for pair in row_differences(rows))
    assert row_differences(tuple(row for row in rows if row.label in single)) == ()
    assert all(row.mean.low is None for row in rows if row.label in single)
