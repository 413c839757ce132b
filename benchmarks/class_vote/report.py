"""What `benchmarks.class_vote` measures, as plain data."""

from collections.abc import Sequence

from pydantic import Field

from benchmarks.app_report import percentile
from benchmarks.peer_reports import Part
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance

VOTE = RESULTS / "vote.json"


class Spread(Part):
    """Times of one kind, in seconds."""

    n: int = Field(ge=1)
    p50: float
    p95: float
    largest: float


class Round(Part):
    """One question: votes for each option, as phones had them confirmed last, and as others show them."""

    changed: int = Field(description="votes that took the place of an earlier one")
    sent: tuple[int, ...] = Field(description="counted by the phones themselves")
    on_projector: tuple[int, ...]
    in_file: tuple[int, ...] = Field(description="of the table that the teacher saves")

    @property
    def lost(self) -> bool:
        """Whether the three differ anywhere."""
        return not self.sent == self.on_projector == self.in_file


class Sentences(Part):
    """The wall at its end."""

    sent: int
    fooled: int = Field(description="those of which a phone was told that a method is wrong")
    in_file: int = Field(description="of these, as often as they are in the table that the teacher saves")
    accepted: int = Field(description="of these, accepted by that table")
    on_projector: int = Field(description="different ones that the projector has shown; it shows thirty at most")
    pressed_again: int = Field(
        0, description="times that the models were too busy for a phone, which then sent it again"
    )
    strangers: int = Field(description="in the table, and sent by nobody or fooling nobody")

    @property
    def lost(self) -> bool:
        """Whether one is missing, there twice, or there without a reason."""
        return not self.fooled == self.in_file == self.accepted or bool(self.strangers)


class VoteReport(Part):
    """The content of `vote.json`."""

    format: int = 1
    provenance: Provenance
    cores: int
    load_before: float = Field(description="load average of one minute: other work beside this")
    phones: int
    seed: int
    opened: Spread | None = Field(description="a phone's page: its HTML, its websocket, the script")
    confirmed: Spread | None = Field(description="from a vote until the phone shows it as its own")
    seen: Spread | None = Field(description="from a first vote until the projector counts it; it looks once a second")
    answered: Spread | None = Field(description="from a sentence until the phone has what every model says")
    on_wall: Spread | None = Field(description="from the teacher's word until the projector has the sentence")
    rounds: tuple[Round, ...] = Field(min_length=1)
    sentences: Sentences
    errors: tuple[str, ...]
    raised: tuple[str, ...] = Field(description="by the server's log, and where")
    seconds: float
    server_cores: float = Field(description="processor time of the server by the time it took")
    memory: float = Field(description="resident at the end, MB")

    @property
    def nothing_lost(self) -> bool:
        """The one thing that this is for."""
        return not (any(one.lost for one in self.rounds) or self.sentences.lost or self.errors or self.raised)


def spread(seconds: Sequence[float]) -> Spread | None:
    """None of no times: then something went wrong, and `errors` says what."""
    times = tuple(seconds)
    if not times:
        return None
    return Spread(n=len(times), p50=percentile(times, 0.5), p95=percentile(times, 0.95), largest=max(times))


def summary(report: VoteReport) -> str:
    """The report as lines, in milliseconds."""
    lines = [f"{report.provenance.machine}, {report.cores} cores, {report.provenance.created}; {report.phones} phones"]
    for name in ("opened", "confirmed", "seen", "answered", "on_wall"):
        one: Spread | None = getattr(report, name)
        values = (one.p50, one.p95, one.largest) if one else ()
        lines.append(f"{name:10} {one.n if one else 0:5}  " + " ".join(f"{1000 * value:7.0f}" for value in values))
    for number, one in enumerate(report.rounds, 1):
        lines.append(
            f"question {number}: {sum(one.sent)} votes {one.sent}, {one.changed} changed; "
            f"projector {one.on_projector}, file {one.in_file}{' LOST' if one.lost else ''}"
        )
    wall = report.sentences
    lines.append(
        f"wall: {wall.sent} sent, {wall.fooled} fooled, {wall.in_file} in the file, {wall.accepted} accepted, "
        f"{wall.on_projector} seen, {wall.strangers} strangers, {wall.pressed_again} pressed again"
        f"{' LOST' if wall.lost else ''}"
    )
    lines += [f"! {one}" for one in (*report.errors[:10], *report.raised[:10])]
    lines.append(
        f"{report.seconds:.0f} s, server {report.server_cores:.2f} cores, {report.memory:.0f} MB; "
        f"{'nothing lost' if report.nothing_lost else 'SOMETHING IS LOST'}"
    )
    return "\n".join(lines)
