"""What the class does together on this server: votes and walls, who may start them, where phones find them."""

from urllib.parse import urlencode, urlsplit

import streamlit as st

from app.services.visitor import has_teacher, is_operator, is_teacher, owner
from peft_core.errors import PeftClassroomError
from peft_core.serving.door import PASSED_ON
from peft_core.serving.live.codes import Codes, Live
from peft_core.serving.live.servers import Servers
from peft_core.serving.live.vote import Ballot, Vote
from peft_core.serving.live.wall import Wall
from peft_core.serving.start import LOOPBACK, Service


@st.cache_resource(show_spinner=False)
def votes() -> Codes[Vote]:
    """All votes that are open on this server."""
    return Codes("votes")


@st.cache_resource(show_spinner=False)
def walls() -> Codes[Wall]:
    """All walls that are open on this server."""
    return Codes("walls")


def may_start() -> bool:
    """Whether this visitor may ask the class: the teacher, where there is one; else anybody."""
    return is_teacher() if has_teacher() else True


def may_steer(live: Live) -> bool:
    """Whether this visitor may show, accept and close: the teacher.

    Where there is none: whoever started it, or sits at the server's own computer.
    """
    return is_teacher() if has_teacher() else live.is_starter(owner()) or is_operator()


def ask_the_class(ballot: Ballot) -> Vote:
    """Put a question to the class: in the vote that this visitor has open, or in a new one.

    Raises:
        PeftClassroomError: if this visitor may not, or this server cannot hold a vote for all.
    """
    _check_start()
    if vote := votes().of(owner()):
        vote.ask(ballot)
        return vote
    return votes().add(Vote(owner(), ballot))


def open_wall(models: list[str]) -> Wall:
    """A new wall, on which these models are asked.

    Raises:
        PeftClassroomError: as above.
    """
    _check_start()
    return walls().add(Wall(owner(), models))


def _check_start() -> None:
    if not may_start():
        raise PeftClassroomError("The teacher asks the class: give the teacher's key first, at the address /teacher.")
    if _is_shared() and (others := Servers().others()):
        raise PeftClassroomError(
            f"{others + 1} servers share this address, and a vote is in the memory of one: phones would come to the "
            "others, too. Stop the others for this lesson, or open one server by its own port."
        )


def _is_shared() -> bool:
    """Whether other servers may stand behind the address that this visitor has opened: a proxy's, not our own."""
    passed_on = any(name in st.context.headers for name in PASSED_ON)
    try:
        port = urlsplit(f"//{st.context.headers.get('host', '')}").port
    except ValueError:
        port = None
    return passed_on or port != st.get_option("server.port")


def address_of(page: str, /, **query: str | list[str]) -> str:
    """Where phones find a page of this app: what a QR code says."""
    return f"{_address()}{page}{'?' + urlencode(query, doseq=True) if query else ''}"


def phones_find(address: str) -> bool:
    """Whether an address leads anywhere from another machine than the server's."""
    return urlsplit(address).hostname not in LOOPBACK


def _address() -> str:
    """With a slash at its end: the proxy's name, if `serve` was told; else as this browser has it; else this machine's.

    A browser at the server's own machine calls it by a name that a phone would take for itself.
    """
    hosts = tuple(name for name in st.get_option("server.allowedHosts") or () if name not in LOOPBACK)
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    seen = urlsplit(st.context.url or "")
    if not hosts and seen.hostname and seen.hostname not in LOOPBACK:
        return f"{seen.scheme}://{seen.netloc}/{f'{base}/' if base else ''}"
    bind = st.get_option("server.address") or "0.0.0.0"
    return Service(bind=bind, port=st.get_option("server.port"), base_path=base, hosts=hosts).address
