"""Who sits in front of this page: a browser, somebody who is signed in, the teacher."""

import hashlib
import uuid

import streamlit as st

from peft_core.paths import runs_dir
from peft_core.serving.door import from_this_machine
from peft_core.serving.keys import TEACHER, VISITOR, Keys
from peft_core.serving.names import Names
from peft_core.serving.start import LOOPBACK


@st.cache_resource(show_spinner=False)
def keys() -> Keys:
    """What this server signs cookies with."""
    return Keys()


def owner() -> str:
    """Whose runs these are: who may cancel them. Names nobody.

    Somebody who is signed in has the same runs in every browser. Otherwise it is the browser, by the cookie that the
    server gave it, whose id survives a reload; without one (cookies refused, no browser) it is the session.
    """
    if person := _person():
        return hashlib.sha256(f"person {person}".encode()).hexdigest()[:32]
    return _browser() or st.session_state.setdefault("owner", uuid.uuid4().hex)


def is_teacher() -> bool:
    """Whether this browser gave the teacher's key."""
    cookie = st.context.cookies.get(TEACHER)
    return bool(cookie) and keys().is_teacher(_browser(), cookie)


def is_operator() -> bool:
    """Whether whoever sits here may read folders and versions of this computer.

    With a teacher: the teacher alone, for a proxy that says nothing of itself makes anybody look local. Without one:
    whoever sits at this very computer.
    """
    if keys().has_teacher:
        return is_teacher()
    return from_this_machine(st.context.ip_address or LOOPBACK[0], st.context.headers)


def leave() -> None:
    """This browser is not the teacher's any more, until the key is given again."""
    if browser := _browser():
        keys().leave(browser)


def has_teacher() -> bool:
    """Whether this server has a teacher, who reads names."""
    return keys().has_teacher


def names() -> Names:
    """What students call themselves, by the owner of their runs."""
    return Names(runs_dir())


def asks_for_login() -> bool:
    """Whether the school's own login is set up (`[auth]` in Streamlit's secrets) and this visitor has not used it."""
    return st.user.get("is_logged_in") is False


def _browser() -> str | None:
    cookie = st.context.cookies.get(VISITOR)
    return keys().visitor(cookie) if cookie else None


def _person() -> str | None:
    """Issuer and subject, which together are one person for ever; an address may be given to another one later."""
    if not st.user.get("is_logged_in") or not st.user.get("sub"):
        return None
    return f"{st.user.get('iss')} {st.user['sub']}"
