"""Connections of a server whose socket was bound without naming TCP, as Streamlit's is."""

import asyncio
import socket

import pytest

from peft_core.serving.at_once import send_at_once

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs the list of a process's open files")


async def _waits(listening: socket.socket) -> bool:
    """Whether a connection to it holds back what is small, until the other side has confirmed what came before."""
    accepted = asyncio.get_running_loop().create_future()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(met, sock=listening):
        _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
        waits = not await accepted
        writer.close()
        await writer.wait_closed()
    return waits


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_what_is_accepted_afterwards_sends_at_once(family, address):
    def bound() -> socket.socket:
        listening = socket.socket(family)  # protocol 0
        listening.bind((address, 0))
        listening.listen()
        listening.setblocking(False)
        return listening

    assert asyncio.run(_waits(bound()))  # else this file is needed no longer
    with bound() as one, bound() as another:
        assert send_at_once() >= 2
        assert not asyncio.run(_waits(one))
        assert not asyncio.run(_waits(another))


def test_other_files_and_sockets_are_left_alone(tmp_path):
    with socket.socket() as idle, (tmp_path / "file").open("w"):
        send_at_once()
        assert idle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
