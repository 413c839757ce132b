"""Sixty phones on one server: they open a link, vote, change their votes, and send sentences to the wall.

    python -m benchmarks.class_vote             writes benchmarks/results/vote.json; about three minutes
    python -m benchmarks.class_vote --short     eight phones and one question, for a check

The server is the real app, in a process of its own, with a teacher's key; phones, projector and desk speak Streamlit's
protocol with cookies of their own, from this process. Everybody counts for themselves: a vote is lost if the projector
or the table that the teacher saves says anything else than all phones together.
"""

import argparse
import os
import random
import re
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.app_client import App, running
from benchmarks.class_vote.browser import Browser, come_in
from benchmarks.class_vote.report import VOTE, Round, Sentences, VoteReport, spread, summary
from benchmarks.load_report import raised_in
from benchmarks.processes import command_line, provenance
from peft_core.serving.keys import Keys
from peft_core.serving.live.wall import SECONDS

COME = 10.0  # seconds within which all phones come
THINK = (1.0, 6.0)  # seconds before a vote, and before it is changed
WAIT = 120.0
TRIES = 5  # of a phone that is told to try again
MOST_PHONES = 200  # this is a measurement, no attack
PRAISE = "A wonderful film, warm and funny from the first minute to the last"
TAKEN = re.compile(r"\*\*(\d+) of \d+\*\* methods are fooled\.")
COUNTED = re.compile(r"\*\*(\d+)\*\* votes?")
BAR = re.compile(r"\*\*(\d+)\*\*(?: · right)?$")


class Notes:
    """What all have noted. Safe for several threads: a list's append is, and a dictionary's setting."""

    def __init__(self, questions: int) -> None:
        self.opened: list[float] = []
        self.confirmed: list[float] = []
        self.answered: list[float] = []
        self.errors: list[str] = []
        self.first: list[list[tuple[float, float]]] = [[] for _ in range(questions)]  # confirmed at, sent at
        self.counts: list[list[tuple[float, int]]] = [[] for _ in range(questions)]  # the projector's, and when
        self.choices: list[dict[int, int]] = [{} for _ in range(questions)]  # of each phone, as it shows it
        self.changed = [0] * questions
        self.sent: set[str] = set()
        self.fooled: set[str] = set()
        self.accepted: dict[str, float] = {}
        self.shown: dict[str, float] = {}
        self.pressed_again = 0
        self.lock = threading.Lock()


class Phone:
    """One of the class: comes in, votes on each question, sends sentences."""

    def __init__(self, app: App, number: int, seed: int, notes: Notes) -> None:
        self.app, self.number, self.notes = app, number, notes
        self.chance = random.Random(f"{seed} {number}")
        self.browser: Browser | None = None

    def come(self, code: str) -> None:
        """Scan the code."""
        time.sleep(self.chance.uniform(0, COME))
        cookies, first = come_in(self.app, f"/vote?code={code}")
        begun = time.perf_counter()
        self.browser = Browser(self.app, self.chance, cookies)
        self.browser.go("vote", f"code={code}")
        self.notes.opened.append(first + time.perf_counter() - begun)

    def vote(self, question: int) -> None:
        """When the question is there: vote, and now and then vote again."""
        begins = f"vote_{question + 1}_"
        self.browser.until(lambda: any(key.startswith(begins) for key in self.browser.drawn), WAIT)
        for turn in range(self.chance.choice((1, 1, 2, 3))):
            self.rest(self.chance.uniform(*THINK))
            key = self.chance.choice([key for key in self.browser.drawn if key.startswith(begins)])
            sent = time.monotonic()
            seconds = self.browser.press(key)
            if self.browser.drawn[key].proto.type != "primary":
                raise RuntimeError(f"the vote {key} was not confirmed")
            self.notes.confirmed.append(seconds)
            self.notes.choices[question][self.number] = int(key.removeprefix(begins))
            if turn == 0:
                self.notes.first[question].append((sent + seconds, sent))
            else:
                with self.notes.lock:
                    self.notes.changed[question] += 1

    def write(self, code: str, sentences: int) -> None:
        """Open the wall and send sentences: meant as nobody would mean them, or as everybody does."""
        self.browser.go("wall", f"code={code}")
        for turn in range(sentences):
            self.rest(SECONDS + self.chance.uniform(*THINK))
            words = f"{PRAISE}, says number {self.number} the {turn + 1}. time."
            self.browser.write(f"wall_text_{turn}", words)
            self.browser.choose(f"wall_truth_{turn}", self.chance.choice((0, 1, 1)))
            sent = time.monotonic()
            self.browser.press("wall_send")
            for _ in range(TRIES):
                if words in self.browser.texts:
                    break
                with self.notes.lock:
                    self.notes.pressed_again += 1  # "Many people are asking the models right now; try again"
                self.rest(SECONDS + 1)
                self.browser.press("wall_send")
            if words not in self.browser.texts:
                raise RuntimeError(f"no answer to {words!r}")
            self.notes.answered.append(time.monotonic() - sent)
            self.notes.sent.add(words)
            if any(TAKEN.fullmatch(line) for line in self.browser.words):
                self.notes.fooled.add(words)

    def rest(self, seconds: float) -> None:
        for _ in self.browser.rest(seconds):
            pass


class Lesson:
    """A teacher with a projector and a desk, and the phones."""

    def __init__(self, app: App, key: str, phones: int, seed: int, questions: int) -> None:
        self.notes = Notes(questions)
        self.app, self.questions = app, questions
        self.cookies, _ = come_in(app, "/", key)
        self.projector = Browser(app, random.Random(seed), self.cookies, self._watch)
        self.phones = [Phone(app, number, seed, self.notes) for number in range(phones)]
        self._question: int | None = None

    def _watch(self, browser: Browser) -> None:
        now = time.monotonic()
        if self._question is not None:
            self.notes.counts[self._question] += [
                (now, int(found[1])) for line in browser.words if (found := COUNTED.fullmatch(line))
            ]
        for words in browser.texts:
            self.notes.shown.setdefault(words, now)

    def _all(self, what: str, *arguments: object) -> list[threading.Thread]:
        """Every phone does it, in a thread of its own; what goes wrong is noted."""

        def one(phone: Phone) -> None:
            try:
                getattr(phone, what)(*arguments)
            except Exception as error:  # whatever it is, it is what a student would have met
                self.notes.errors.append(f"phone {phone.number}, {what}: {type(error).__name__}: {error}"[:300])

        threads = [threading.Thread(target=one, args=(phone,)) for phone in self.phones]
        for thread in threads:
            thread.start()
        return threads

    def vote(self) -> tuple[Round, ...]:
        """Question after question, each asked when all have voted."""
        shown, coming = [], []
        for question in range(self.questions):
            self.projector.go("lora", f"section=check&question={question + 2}")
            self.projector.press("quiz_ask_class")
            self._question = question
            if not question:
                coming = self._all("come", _code(self.projector))
            while coming:
                coming.pop().join()
            voting = self._all("vote", question)
            self.projector.until(lambda voting=voting: not any(thread.is_alive() for thread in voting), 2 * WAIT)
            self.projector.press("vote_show")
            shown.append(_bars(self.projector))
            self.projector.press("vote_reveal")
        self._question = None
        looking = self._all("rest", 5.0)  # a file has to be there while everybody's scripts run
        rows = self.projector.table("vote_csv")
        for thread in looking:
            thread.join()
        rounds = []
        for question in range(self.questions):
            in_file = [int(row["votes"]) for row in rows if row["number"] == str(question + 1)]
            sent = [0] * len(in_file)
            for place in self.notes.choices[question].values():
                sent[place] += 1
            rounds.append(
                Round(changed=self.notes.changed[question], sent=sent, on_projector=shown[question], in_file=in_file)
            )
        return tuple(rounds)

    def seen(self) -> list[float]:
        """Of every first vote: from sending it until the projector has counted as many as were confirmed by then."""
        found = []
        for first, counts in zip(self.notes.first, self.notes.counts, strict=True):
            for place, (_, sent) in enumerate(sorted(first), 1):
                if (at := next((at for at, number in counts if number >= place), None)) is not None:
                    found.append(at - sent)  # one that was never counted is in no time, but lost
        return found

    def wall(self, sentences: int) -> Sentences:
        """A wall; what waits at the desk is accepted whenever the desk looks."""
        self.projector.go("wall")
        self.projector.press("wall_open")
        code = _code(self.projector)
        desk = Browser(self.app, random.Random(), self.cookies)
        desk.go("wall", f"code={code}&view=desk")
        writing = self._all("write", code, sentences)
        at_desk = threading.Thread(target=self._accept, args=(desk, writing))
        at_desk.start()
        self.projector.until(lambda: not at_desk.is_alive(), 4 * WAIT)
        for _ in self.projector.rest(5):
            pass
        looking = self._all("rest", 5.0)
        desk.go("wall", f"code={code}&view=desk")
        rows = desk.table("wall_csv")
        for thread in looking:
            thread.join()
        texts = [row["sentence"] for row in rows]
        fooled = self.notes.fooled
        return Sentences(
            sent=len(self.notes.sent),
            fooled=len(fooled),
            in_file=sum(words in fooled for words in texts),
            accepted=sum(row["sentence"] in fooled and row["state"] == "on the wall" for row in rows),
            on_projector=len(self.notes.shown),
            pressed_again=self.notes.pressed_again,
            strangers=sum(words not in fooled for words in [*texts, *self.notes.shown]),
        )

    def _accept(self, desk: Browser, writing: Sequence[threading.Thread]) -> None:
        try:
            while "wall_accept_all" in desk.drawn or any(thread.is_alive() for thread in writing):
                if "wall_accept_all" in desk.drawn:
                    now = time.monotonic()
                    for words in desk.texts:
                        self.notes.accepted.setdefault(words, now)
                    desk.press("wall_accept_all")
                desk.until(lambda: True, 0)
                for _ in desk.rest(3.1):
                    pass
        except Exception as error:
            self.notes.errors.append(f"desk: {type(error).__name__}: {error}"[:300])

    def on_wall(self) -> list[float]:
        """Of every sentence that the projector has shown: since the teacher accepted it."""
        return [at - self.notes.accepted[words] for words, at in self.notes.shown.items()]


def _code(browser: Browser) -> str:
    return re.search(r"code=([A-Z]{4})", browser.query)[1]


def _bars(browser: Browser) -> list[int]:
    """The numbers beside the bars, in the order in which they stand."""
    return [
        int(found[1]) for line in browser.words if re.match(r"(✓ )?\*\*[A-L]\*\*", line) and (found := BAR.search(line))
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write the file, print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.class_vote", description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=60)
    parser.add_argument("--questions", type=int, default=3, help="1 to 4, of Check yourself on LoRA")
    parser.add_argument("--sentences", type=int, default=2, help="of each phone, for the wall")
    parser.add_argument("--short", action="store_true", help="eight phones, one question, one sentence each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=VOTE, help="where the results go")
    options = parser.parse_args(arguments)
    phones, questions, sentences = (
        (8, 1, 1) if options.short else (options.phones, options.questions, options.sentences)
    )
    if not (1 <= phones <= MOST_PHONES and 1 <= questions <= 4 and 1 <= sentences <= 10):
        parser.error(f"1 to {MOST_PHONES} phones, 1 to 4 questions, 1 to 10 sentences")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        runs, log = Path(folder) / "runs", Path(folder) / "server.log"
        key = Keys(runs / ".server").teacher_key()
        with running({"PEFT_RUNS_DIR": str(runs), "PEFT_LOG": "json"}, log) as app:
            lesson = Lesson(app, key, phones, options.seed, questions)
            lesson.projector.go("")
            app.wait_until_at_rest()  # its libraries are in
            cpu, begun = app.cpu_seconds(), time.monotonic()
            try:
                rounds = lesson.vote()
                wall = lesson.wall(sentences)
            except Exception:
                print(
                    *raised_in(log.read_text(errors="replace")), *lesson.notes.errors, sep="\n"
                )  # why, as the server says
                raise
            took = time.monotonic() - begun
            cores, resident = (app.cpu_seconds() - cpu) / took, app.process.memory_info().rss / 1e6
        raised = raised_in(log.read_text(errors="replace"))
    notes = lesson.notes
    report = VoteReport(
        provenance=provenance(command_line(parser, options), os.cpu_count() or 1),
        cores=os.cpu_count() or 1,
        load_before=load,
        phones=phones,
        seed=options.seed,
        opened=spread(notes.opened),
        confirmed=spread(notes.confirmed),
        seen=spread(lesson.seen()),
        answered=spread(notes.answered),
        on_wall=spread(lesson.on_wall()),
        rounds=rounds,
        sentences=wall,
        errors=tuple(notes.errors),
        raised=raised,
        seconds=took,
        server_cores=cores,
        memory=resident,
    )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(summary(report))


if __name__ == "__main__":
    main()
