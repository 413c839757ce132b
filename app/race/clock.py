"""Where a replay stands: a share of the race, moved by the time that passes while it runs. Session state only."""

import time
from dataclasses import dataclass

import streamlit as st

from app.kit import url

KEY, AT = "race clock", "race_at"  # the second one is in the URL: percent of a race that stands still


@dataclass
class Clock:
    """At `share` of the race, 0 to 1, at the moment `since`; `since` None: it stands still."""

    share: float = 0.0
    since: float | None = None

    def now(self, duration: float, at: float | None = None) -> float:
        """The share that is reached at the moment `at` if the whole race takes `duration` seconds."""
        if self.since is None:
            return self.share
        return min(1.0, self.share + ((time.monotonic() if at is None else at) - self.since) / duration)

    @property
    def running(self) -> bool:
        return self.since is not None

    def start(self) -> None:
        self.since = time.monotonic()

    def stop(self, duration: float) -> None:
        self.share, self.since = self.now(duration), None

    def reset(self) -> None:
        self.share, self.since = 0.0, None


def clock() -> Clock:
    """This session's clock. A link may say where it stands."""
    if url.to_be_read(KEY):
        try:
            percent = min(max(int(st.query_params.get(AT, "0")), 0), 100)
        except ValueError:
            percent = 0
        st.session_state[KEY] = Clock(percent / 100)
    return st.session_state[KEY]


def remember(clock: Clock) -> None:
    """Write into the URL where the race stands; not while it runs."""
    if not clock.running:
        url.remember(AT, str(round(100 * clock.share)), "0")
