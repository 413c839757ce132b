"""What this computer is and can do, looked at once: one report for the command line and the page. No torch until then.

from peft_core.computer.look import look

look().state          # "ok", "note", or "wrong": something stops training or asking
"""

from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby

from pydantic import AwareDatetime

from peft_core.computer.bases import Base, bases
from peft_core.computer.browser import Browser, browser
from peft_core.computer.device import Device, Speed, device
from peft_core.computer.finding import Finding, State, worst
from peft_core.computer.folders import Folder, folders
from peft_core.computer.memory import Memory, of_computer, of_gpu
from peft_core.computer.software import Software, packages, python
from peft_core.errors import PeftClassroomError
from peft_core.paths import INSTALLED
from peft_core.validated import Frozen


class Computer(Frozen):
    """Everything that was looked at. Fields are parts, in the order in which they are told."""

    created: AwareDatetime
    software: tuple[Software, ...]
    device: tuple[Device, ...]
    precisions: tuple[Speed, ...]
    memory: tuple[Memory, ...]
    folders: tuple[Folder, ...]
    bases: tuple[Base, ...]
    browser: tuple[Browser, ...]

    @property
    def parts(self) -> dict[str, tuple[Finding, ...]]:
        """The findings of each part."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "created"}

    @property
    def state(self) -> State:
        """The worst of all findings."""
        return worst(tuple(one for part in self.parts.values() for one in part))


def look() -> Computer:
    """Look at everything: some seconds, most of them for torch and the base models. The network is not asked."""
    computes, precisions = device()
    memory = [of_computer()]
    if computes.kind == "cuda":
        with suppress(PeftClassroomError, RuntimeError):  # its device says what is wrong
            memory += filter(None, [of_gpu()])
    return Computer(
        created=datetime.now(UTC),
        software=(python(), packages()),
        device=(computes,),
        precisions=precisions,
        memory=tuple(memory),
        folders=folders(),
        bases=bases(),
        browser=() if INSTALLED else (browser(),),  # an installed package has no tests
    )


def told(findings: tuple[Finding, ...]) -> list[tuple[State, str, str]]:
    """(state, names, sentence) of each finding; what several in a row say alike is said once."""
    lines = []
    for (state, _), some in groupby(findings, lambda one: (one.state, one.alike or one.sentence)):
        group = list(some)
        sentence = (group[0].alike if len(group) > 1 else "") or group[0].sentence
        lines.append((state, ", ".join(one.name for one in group), sentence))
    return lines
