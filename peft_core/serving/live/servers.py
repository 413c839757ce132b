"""Which servers run over one folder of runs. Each holds a lock of its own there as long as it lives.

Behind a proxy two servers have one address, and phones come to either: what one has in memory, the other does not.
"""

import logging
import os
import socket
import time
from pathlib import Path

from filelock import FileLock, Timeout

from peft_core.paths import runs_dir

SECONDS = 5.0  # for a lock that somebody looks at just now
FORGOTTEN = 60.0  # seconds after which the file of a server that is gone is removed
_log = logging.getLogger("peft_core.serving")


class Servers:
    """The servers over a folder.

    Args:
        folder: where their locks lie; default: beside the runs.
        name: of this one.
    """

    def __init__(self, folder: Path | None = None, name: str = "") -> None:
        self._folder = folder or runs_dir() / ".server" / "servers"
        self._name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._lock: FileLock | None = None

    def sign_on(self) -> None:
        """This server runs now. Where that cannot be noted the log says so: no other server knows of it then."""
        lock = FileLock(self._folder / f"{self._name}.lock", thread_local=False)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire(timeout=SECONDS)
        except (OSError, Timeout) as error:
            _log.warning("Other servers over this folder do not see this one: %s", error)
            return
        self._lock = lock

    def sign_off(self) -> None:
        """It ends."""
        if self._lock:
            self._lock.release()
            self._lock = None

    def others(self) -> int:
        """How many run beside this one."""
        return sum(self._lives(path) for path in self._folder.glob("*.lock") if path.stem != self._name)

    def _lives(self, path: Path) -> bool:
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:  # gone meanwhile
            return False
        try:
            if time.time() - path.stat().st_mtime > FORGOTTEN:
                path.unlink(missing_ok=True)
        except OSError:
            pass
        finally:
            lock.release()
        return False
