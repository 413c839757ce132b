"""The report's table, trained again on a base model of one's choice: `python -m peft_core reproduce`.

`planned_rows.py` says what is compared, `plan.py` which runs that takes, `worker.py` is the process of one run,
`collect.py` starts those that are missing and collects what there is, `results.py` is the file it is written to,
`publishing.py` ships the checkpoints. Importing this package loads no torch; reading results needs nothing else.
"""

from peft_core.report.reproduction.planned_rows import ROW_NAMES, ROWS, YARDSTICK_ROWS
from peft_core.report.reproduction.results import Results, RunResult, YardstickResult, load_results, shipped_results

__all__ = [
    "ROWS",
    "ROW_NAMES",
    "YARDSTICK_ROWS",
    "Results",
    "RunResult",
    "YardstickResult",
    "load_results",
    "shipped_results",
]
