"""What the server sends, it sends at once.

Streamlit binds its socket without naming TCP, and asyncio switches Nagle's algorithm off only for sockets that name it
(https://github.com/Kludex/uvicorn/issues/3149). So the second part of an answer waits until the other side has
confirmed the first, which Linux puts off by up to 40 ms (docs/log.md, "Twenty milliseconds a move").
"""

import os
import socket
import stat
from pathlib import Path

_OPEN_FILES = Path("/dev/fd")  # Linux and macOS; Windows has none, and its sockets are no files


def send_at_once() -> int:
    """Switch Nagle's algorithm off for what this process listens on: connections that it accepts inherit that.

    Returns:
        How many sockets it listens on.
    """
    listening = 0
    for name in os.listdir(_OPEN_FILES) if _OPEN_FILES.is_dir() else ():
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with socket.socket(fileno=os.dup(int(name))) as same:
                if same.type == socket.SOCK_STREAM and same.family in (socket.AF_INET, socket.AF_INET6):
                    if same.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        listening += 1
        except OSError:  # closed meanwhile, as the one that the list was read with
            continue
    return listening
