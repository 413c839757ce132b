"""A visitor who does what the screen offers: opens pages and sections, moves what can be moved, asks for verdicts.

Pages come from the app's own navigation, sections from the tabs that a page draws, widgets from what stands on the
screen: nothing about the app is repeated here. Like a browser it sends the values of what was moved, runs the
fragment alone that a widget belongs to, tells the server which messages it still has, and lets timers run.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ButtonGroup_pb2 import ButtonGroup
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.app_client import END, App, Session, Shown

MOVABLE = ("slider", "number_input", "selectbox", "radio", "checkbox", "button_group")
LEFT_ALONE = {"base"}  # another base model: most are not on a classroom's computer, and then a section has nothing
PRESSED = {"steps_next", "steps_back"}  # the buttons that are moves; others start runs, downloads, long work
REVIEW_BOXES = {"review", "try_review"}
SENTENCES = (
    "The plot creaks and the dialogue is clumsy, yet the two leads are so good together that I left smiling.",
    "Two hours of noise. I looked at my watch, then at the exit, then at my watch again, and nothing had happened.",
    "A quiet film that trusts its audience; every scene with the grandmother is worth the ticket.",
    "It begins well and then forgets its own story, as if three writers had never met.",
)


@dataclass
class Widget:
    """One that the page has drawn. `fragment`: the one it belongs to, "" for none. `where`: its place in the page."""

    kind: str
    key: str
    proto: Message
    fragment: str
    where: tuple[int, ...]


@dataclass
class Tabs:
    """Tabs side by side; only what is in the opened one can be seen."""

    element: str
    opened: int
    labels: list[str] = field(default_factory=list)


@dataclass
class Screen:
    """What the last runs have left on it."""

    widgets: dict[str, Widget] = field(default_factory=dict)
    tabs: dict[tuple[int, ...], Tabs] = field(default_factory=dict)  # by their place in the page
    timers: dict[str, float] = field(default_factory=dict)  # fragment → seconds

    def seen(self) -> Iterator[Widget]:
        """The widgets that are not in a closed tab."""
        for widget in self.widgets.values():
            closed = (
                widget.where[: len(place)] == place and widget.where[len(place)] != tabs.opened
                for place, tabs in self.tabs.items()
            )
            if not any(closed):
                yield widget


def key_of(element: str) -> str:
    """The key in an id as "$$ID-0a1b-lora_r"."""
    return element.split("-", 2)[-1]


class Visitor(Session):
    """One browser tab that knows what is on its screen."""

    def __init__(self, app: App, chance: random.Random, cookies: str = "") -> None:
        super().__init__(app, cookies=cookies)
        self.screen = Screen()
        self.pages: dict[str, str] = {}  # address → hash of its script
        self._chance = chance
        self._states: dict[str, WidgetState] = {}
        self._kept: dict[str, ForwardMsg] = {}  # by hash: messages of this run and of the one before
        self._of_this_run: dict[str, ForwardMsg] = {}
        self._hash = ""

    @property
    def sections(self) -> tuple[str, ...]:
        """The labels of the page's sections: of the first tabs on it."""
        first = next(iter(self.screen.tabs.values()), None)
        return tuple(first.labels) if first else ()

    def go(self, page: str, query: str = "") -> float:
        """Open a page by its address; seconds until it is there."""
        self.page, self.query = page, query
        self._hash = self.pages.get(page, "")
        self._states.clear()
        return self._ask()

    def open_section(self, name: str) -> float:
        """Click on a tab; seconds until its section is there."""
        tabs = next(iter(self.screen.tabs.values()))
        return self._ask(WidgetState(id=tabs.element, string_value=name))

    def move(self) -> float | None:
        """Move something that can be moved; seconds, or None where nothing can."""
        offered = [state for widget in self.screen.seen() if (state := self._moved(widget))]
        if not offered:
            return None
        state = self._chance.choice(offered)
        return self._ask(state, fragment=self.screen.widgets[state.id].fragment)

    def ask_for_verdicts(self) -> float | None:
        """Write a review that nobody has written before; seconds until the verdicts are there. None without a box."""
        box = next((one for one in self.screen.seen() if one.key in REVIEW_BOXES), None)
        if box is None:
            return None
        words = f"{self._chance.choice(SENTENCES)} {self._chance.randrange(10**9)}"
        return self._ask(WidgetState(id=box.proto.id, string_value=words), fragment=box.fragment)

    def rest(self, seconds: float) -> Iterator[float]:
        """Do nothing for so long, as timers allow; the seconds of every run that they start."""
        end = time.monotonic() + seconds
        due = {fragment: time.monotonic() + pause for fragment, pause in self.screen.timers.items()}
        while due and (first := min(due, key=due.__getitem__)) and due[first] < end:
            time.sleep(max(0.0, due[first] - time.monotonic()))
            yield self._ask(fragment=first, by_itself=True)
            due = {one: due.get(one, 0.0) for one in self.screen.timers}
            if first in due:
                due[first] = time.monotonic() + self.screen.timers[first]
        time.sleep(max(0.0, end - time.monotonic()))

    def _ask(self, state: WidgetState | None = None, fragment: str = "", by_itself: bool = False) -> float:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.page_script_hash, rerun.fragment_id = self.query, self._hash, fragment
        rerun.page_name = "" if self._hash else self.page
        rerun.is_auto_rerun = by_itself
        rerun.cached_message_hashes.extend(self._of_this_run)  # of the run that is over
        rerun.context_info.color_scheme = "light"
        if state is not None:
            self._states[state.id] = state
        rerun.widget_states.widgets.extend(self._states.values())
        try:
            return self._exchange(message)[-1].seconds
        finally:
            if state is not None and state.HasField("trigger_value"):
                self._states.pop(state.id, None)  # gone already where the button led to another page

    def _exchange(self, message: BackMsg) -> list[Shown]:
        self._kept, self._of_this_run = self._of_this_run, {}
        shown = super()._exchange(message)
        assert shown[-1].words == END
        self._states = {name: one for name, one in self._states.items() if self._is_on_screen(name)}
        return shown

    def _is_on_screen(self, name: str) -> bool:
        return name in self.screen.widgets or any(name == tabs.element for tabs in self.screen.tabs.values())

    def _whole(self, answer: ForwardMsg) -> ForwardMsg:
        """The message that it refers to, if it does; what it says of screen, address and timers is noted."""
        if answer.WhichOneof("type") == "ref_hash":
            whole, name = ForwardMsg(), answer.ref_hash
            whole.CopyFrom(self._of_this_run.get(name) or self._kept[name])
            self._of_this_run[name] = whole
            whole.metadata.CopyFrom(answer.metadata)
            answer = whole
        elif answer.metadata.cacheable:
            self._of_this_run[answer.hash] = answer
        kind = answer.WhichOneof("type")
        if kind == "new_session" and not answer.metadata.run.fragment_ids:
            self.screen = Screen()
            self._hash = answer.new_session.page_script_hash
        elif kind == "navigation":
            self.pages = {page.url_pathname: page.page_script_hash for page in answer.navigation.app_pages}
            self._hash = answer.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = answer.page_info_changed.query_string
        elif kind == "auto_rerun":
            self.screen.timers[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
        elif kind == "stop_auto_rerun":
            for fragment in answer.stop_auto_rerun.fragment_ids:
                self.screen.timers.pop(fragment, None)
        elif kind == "delta":
            self._note(answer)
        return answer

    def _note(self, answer: ForwardMsg) -> None:
        """A widget, tabs, or a tab."""
        delta, where = answer.delta, tuple(answer.metadata.delta_path)
        if delta.WhichOneof("type") == "add_block":
            block = delta.add_block
            if block.tab_container.id:
                self.screen.tabs[where] = Tabs(block.tab_container.id, block.tab_container.default_tab_index)
            elif block.WhichOneof("type") == "tab" and where[:-1] in self.screen.tabs:
                tabs = self.screen.tabs[where[:-1]]
                tabs.labels.append(block.tab.label)
                if self._states.get(tabs.element, WidgetState()).string_value == block.tab.label:
                    tabs.opened = where[-1]
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind in (*MOVABLE, "button", "text_area"):
            proto = getattr(element, kind)
            self.screen.widgets[proto.id] = Widget(kind, key_of(proto.id), proto, delta.fragment_id, where)
            if getattr(proto, "set_value", False):  # the app has moved it
                self._states.pop(proto.id, None)

    def _moved(self, widget: Widget) -> WidgetState | None:
        """A value that it can be moved to, if it is one to be moved."""
        proto = widget.proto
        if widget.key in LEFT_ALONE or proto.disabled or proto.form_id:
            return None
        if widget.key in PRESSED:
            return WidgetState(id=proto.id, trigger_value=True)
        return getattr(self, f"_{widget.kind}")(proto) if widget.kind in MOVABLE else None

    def _slider(self, proto: Message) -> WidgetState | None:
        state = WidgetState(id=proto.id)
        if proto.options:
            state.string_array_value.data.append(self._chance.choice(proto.options))
        elif len(proto.default) != 1:
            return None
        else:
            step = self._chance.randint(0, round((proto.max - proto.min) / proto.step))
            state.double_array_value.data.append(min(proto.min + step * proto.step, proto.max))
        return state

    def _number_input(self, proto: Message) -> WidgetState:
        """A neighbour, half or double of the number at first, and at least 1 where the box has no bounds."""
        low = proto.min if proto.has_min else 1.0
        high = proto.max if proto.has_max else max(1.0, 2 * proto.default)
        step = proto.step or 1.0
        values = (proto.default + step, proto.default - step, 2 * proto.default, proto.default)
        return WidgetState(id=proto.id, double_value=min(max(self._chance.choice(values), low), high))

    def _selectbox(self, proto: Message) -> WidgetState | None:
        return WidgetState(id=proto.id, string_value=self._chance.choice(proto.options)) if proto.options else None

    _radio = _selectbox

    def _checkbox(self, proto: Message) -> WidgetState:
        return WidgetState(id=proto.id, bool_value=self._chance.random() < 0.5)

    def _button_group(self, proto: Message) -> WidgetState | None:
        if not proto.options or proto.click_mode != ButtonGroup.SINGLE_SELECT:
            return None
        state = WidgetState(id=proto.id)
        state.string_array_value.data.append(self._chance.choice(proto.options).content)
        return state
