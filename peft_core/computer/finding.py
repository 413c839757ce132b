"""What was looked at on a computer: each thing is a finding, and says itself what is to be done about it. No torch."""

from typing import Literal

from pydantic import Field

from peft_core.validated import Frozen

State = Literal["ok", "note", "wrong"]
STATES: tuple[State, ...] = ("ok", "note", "wrong")  # the worst one last


class Finding(Frozen):
    """One thing that was looked at."""

    name: str = Field(description="what it is, in a word or two")
    state: State = Field("ok", description="wrong: training or asking does not work; note: it does, and there is more")
    found: str = Field(description="what is there, in words; may name folders, versions and sizes")
    then: str = Field("", description="the sentence that says what to do, where there is something")
    alike: str = Field("", exclude=True, description="the sentence as others of its kind would say it")
    public: str = Field(exclude=True, description="of `found` what any visitor of a server may read")

    @property
    def sentence(self) -> str:
        """What is there, and what to do."""
        return f"{self.found}. {self.then}" if self.then else self.found


def worst(findings: tuple[Finding, ...]) -> State:
    """The state of them all."""
    return max((one.state for one in findings), key=STATES.index, default="ok")
