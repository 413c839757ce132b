"""When this process looks for what only points at itself: once in a while, when nobody waits for an answer.

Streamlit would do it after every rerun, through every object of the process and while all sessions wait; its option
`runner.postScriptGC` is off. Python's own collections of young objects go on as ever.
"""

import gc
import threading
import time
from collections.abc import Callable

EVERY = 60.0  # seconds between two full collections
LOOK = 0.5  # seconds that are looked at before one
AT_REST = 0.1  # share of a core: a process that takes less keeps nobody waiting
LOOKS = 120  # after so many it is done whoever waits: memory stays bounded in a busy hour, too


def freeze() -> None:
    """Collect, and keep what is left out of every later collection: the libraries live as long as the process."""
    gc.collect()
    gc.freeze()


def wait_for_rest(
    used: Callable[[], float] = time.process_time, sleep: Callable[[float], None] = time.sleep, looks: int = LOOKS
) -> bool:
    """Wait until this process is at rest, at most so many looks; whether it is.

    Args:
        used: processor seconds of this process so far, all threads together.
        sleep: waits so many seconds.
    """
    for _ in range(looks):
        before = used()
        sleep(LOOK)
        if used() - before < AT_REST * LOOK:
            return True
    return False


def collect_at_rest(used: Callable[[], float] = time.process_time, sleep: Callable[[float], None] = time.sleep) -> None:
    """Collect everything as soon as this process is at rest, or after `LOOKS` looks; arguments as above."""
    wait_for_rest(used, sleep)
    gc.collect()


def keep_collecting() -> threading.Thread:
    """Start a thread that collects every `EVERY` seconds, at rest if it can. It never touches streamlit."""

    def go_on() -> None:
        while True:
            time.sleep(EVERY)
            collect_at_rest()

    thread = threading.Thread(target=go_on, name="garbage", daemon=True)
    thread.start()
    return thread
