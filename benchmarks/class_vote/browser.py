"""A browser of a class: with a cookie that the server gave it, its eyes on what a page shows, its hands on buttons."""

import csv
import http.client
import io
import random
import time
from collections.abc import Callable
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.app_client import App, Shown
from benchmarks.load_visitor import Visitor, Widget, key_of

NAVIGATES = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}


class Browser(Visitor):
    """One tab.

    Args:
        after: called after every run of a page, timers' included.
    """

    def __init__(
        self, app: App, chance: random.Random, cookies: str, after: Callable[["Browser"], None] = lambda _: None
    ) -> None:
        super().__init__(app, chance, cookies)
        self.words: list[str] = []  # what the last run has put on the screen; `texts`: of it, what visitors wrote
        self.texts: list[str] = []
        self.drawn: dict[str, Widget] = {}  # what is there now, by its key: a fragment draws its own anew
        self.files: dict[str, str] = {}  # key of a button that saves a file → its address
        self._app, self._cookies, self._after = app, cookies, after

    def _exchange(self, message: BackMsg) -> list[Shown]:
        again = message.rerun_script.fragment_id
        self.words, self.texts = [], []
        self.drawn = {key: one for key, one in self.drawn.items() if again and one.fragment != again}
        shown = super()._exchange(message)
        self._after(self)
        return shown

    def _note(self, answer: ForwardMsg) -> None:
        super()._note(answer)
        element = answer.delta.new_element
        match element.WhichOneof("type"):
            case "text":
                self.texts.append(element.text.body)
            case "progress":
                self.words.append(element.progress.text)
            case "markdown":
                self.words.append(element.markdown.body)
            case "download_button":
                self.files[key_of(element.download_button.id)] = element.download_button.url
            case "button" | "text_area" | "button_group" as kind:
                proto = getattr(element, kind)
                self.drawn[key_of(proto.id)] = self.screen.widgets[proto.id]

    def press(self, key: str) -> float:
        """Seconds until what the button does is on the screen."""
        widget = self.drawn[key]
        return self._ask(WidgetState(id=widget.proto.id, trigger_value=True), fragment=widget.fragment)

    def write(self, key: str, words: str) -> float:
        """Type into a box and leave it."""
        box = self.drawn[key]
        return self._ask(WidgetState(id=box.proto.id, string_value=words), fragment=box.fragment)

    def choose(self, key: str, place: int) -> float:
        """One of a few options side by side."""
        group = self.drawn[key]
        state = WidgetState(id=group.proto.id)
        state.string_array_value.data.append(group.proto.options[place].content)
        return self._ask(state, fragment=group.fragment)

    def until(self, done: Callable[[], bool], seconds: float) -> None:
        """Do nothing but what timers do until something is so.

        Raises:
            TimeoutError: if it is not in time.
        """
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.page}?{self.query}: not within {seconds:.0f} seconds")
            for _ in self.rest(1.01 * min(self.screen.timers.values(), default=0.2)):
                pass

    def table(self, key: str) -> list[dict[str, str]]:
        """The rows of the table that a button saves, fetched as browsers fetch files."""
        connection = http.client.HTTPConnection("127.0.0.1", self._app.port, timeout=60)
        connection.request("GET", self.files[key], headers={"Cookie": self._cookies})
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"The table cannot be saved: {answer.status}.")
        rows = list(csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig"))))
        connection.close()
        return rows


def come_in(app: App, path: str, key: str = "") -> tuple[str, float]:
    """The cookies of a browser that is new here, and the seconds that its first page took.

    Args:
        key: the teacher's; it is given at the teacher's door.
    """
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
    connection.request("GET", path, headers=NAVIGATES)
    answer = connection.getresponse()
    answer.read()
    cookies, took = _cookies(answer), time.perf_counter() - began
    if key:
        headers = NAVIGATES | {"Cookie": cookies, "Sec-Fetch-Site": "same-origin"}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/teacher", urlencode({"word": key}), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 303:
            raise RuntimeError(f"The teacher's key was not taken: {answer.status}.")
        cookies = f"{cookies}; {_cookies(answer)}"
    connection.close()
    return cookies, took


def _cookies(answer: http.client.HTTPResponse) -> str:
    return "; ".join(value.partition(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")
