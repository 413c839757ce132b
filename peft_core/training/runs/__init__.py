"""A training run as a process and a folder.

The app submits a `RunSpec` to a backend; the backend starts `worker.py` as a process of its own; everything to be known
about the run is in its folder. So a run outlives the page, the session and the server that started it. Importing this
package loads no torch: only the worker does. Read `spec.py`, `folder.py`, `worker.py`, `local.py`, in this order; then
`backend.py` and `cluster/`, for more machines than this one.
"""

from peft_core.training.runs.backend import Backend, open_backend
from peft_core.training.runs.folder import RunFolder, RunState, RunStatus
from peft_core.training.runs.local import LocalBackend
from peft_core.training.runs.orders import Orders, read_orders, workers, write_orders
from peft_core.training.runs.queue import in_turn, seconds_until_free
from peft_core.training.runs.spec import CLASSROOM_LIMITS, Limits, RunSpec, check_limits, new_run_id, new_spec, run_name
from peft_core.training.runs.store import DamagedRun, Run, RunStore

__all__ = [
    "CLASSROOM_LIMITS",
    "Backend",
    "DamagedRun",
    "Limits",
    "LocalBackend",
    "Orders",
    "Run",
    "RunFolder",
    "RunSpec",
    "RunState",
    "RunStatus",
    "RunStore",
    "check_limits",
    "in_turn",
    "new_run_id",
    "new_spec",
    "open_backend",
    "read_orders",
    "run_name",
    "seconds_until_free",
    "workers",
    "write_orders",
]
