"""The two files: the handout, and the answers for the teacher. No script, nothing loaded from elsewhere."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from app import services
from app.content import LANGUAGE, head, text
from app.kit.formats import times
from app.kit.theme import on_paper
from app.method.handout import prose
from app.method.handout.address import qr_code
from app.method.handout.svg import svg
from app.method.parts import words
from app.method.quiz.questions.question import Question
from app.method.sheet import Picture
from peft_core.counting.by_hand import Count, count
from peft_core.methods.method import CountLine, MethodConfig
from peft_core.methods.registry import method_label, method_of
from peft_core.t5.architecture import BaseModel

TEMPLATE = "paper.html.j2"
BLANK = "……"
PAGE = "handout"  # its words


@dataclass(frozen=True)
class Handout:
    """What is on it, as the page shows it at this moment."""

    title: str
    base: BaseModel
    config: MethodConfig
    pictures: tuple[Picture, ...]
    formula: tuple[str, ...]
    questions: tuple[Question, ...]
    address: str

    def blank(self) -> bytes:
        """The handout itself."""
        with on_paper():
            return _render(self, answers=False)

    def answers(self) -> bytes:
        """The same with everything filled in, and why it is so."""
        with on_paper():
            return _render(self, answers=True)


@cache
def _environment():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"block": prose.block, "inline": prose.inline, "formula": prose.formula}
    return made


def _render(handout: Handout, answers: bool) -> bytes:
    counted = count(handout.base.architecture, handout.config)
    worked_out = {counted.trainable_parameters, *(line.value for line in counted.lines)}
    hidden = (lambda written: written) if answers else _without(worked_out)
    of_base = counted.total_parameters - (0 if _is_whole(handout) else counted.trainable_parameters)
    written = _environment().get_template(TEMPLATE).render(
        language=LANGUAGE,
        words=head(PAGE),
        prose=lambda section, **values: text(PAGE, section, **values),
        answers=answers,
        title=handout.title,
        setting=method_label(handout.config),
        base=handout.base.name,
        settings=_settings(handout.config),
        pictures=[prose.Markup(svg(_hiding(picture, hidden))) for picture in handout.pictures],
        formula=handout.formula,
        lines=[_line(handout, line, answers) for line in counted.lines],
        counted=counted,
        of_base=of_base,
        is_whole=_is_whole(handout),
        verdict=_verdict(handout, counted) if answers else "",
        questions=[(hidden(question.ask), question) for question in handout.questions],
        times=times,
        address=handout.address,
        only_here=not services.live.phones_find(handout.address),
        qr=qr_code(handout.address),
    )  # fmt: skip
    return written.encode()


def _settings(config: MethodConfig) -> list[tuple[str, str]]:
    """What is chosen, in the words of the configuration; what is empty or off is left out."""
    found = config.model_dump(mode="json", exclude={"method"})
    return [(name.replace("_", " "), _written(value)) for name, value in found.items() if value]


def _written(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _without(worked_out: Iterable[int]) -> Callable[[str], str]:
    """Words in which none of these numbers stands; below 1,000 one may be anything else."""
    numbers = "|".join(f"{number:,}" for number in worked_out if number >= 1_000)
    pattern = re.compile(rf"(?<![\d,.])({numbers})(?![\d,])") if numbers else None
    return lambda written: pattern.sub(BLANK, written) if pattern else written


def _hiding(picture: Picture, hidden: Callable[[str], str]) -> Picture:
    words = tuple(replace(each, text=hidden(each.text)) for each in picture.sheet.words)
    return picture._replace(sheet=replace(picture.sheet, words=words), alt_text=hidden(picture.alt_text))


def _is_whole(handout: Handout) -> bool:
    return method_of(handout.config).owns_weights


def _line(handout: Handout, line: CountLine, answers: bool) -> Mapping[str, object]:
    """A line of the count: what it is of, its shapes, and, among the answers, its number and what numel() says."""
    seen = services.numel_by_part(handout.base, handout.config) if answers else None
    numel = None if seen is None else seen.get(line.part, 0)
    return {"part": words(line.part), "product": line.product, "value": line.value, "numel": numel}


def _verdict(handout: Handout, counted: Count) -> str:
    """What numel() over the real model says of the sum."""
    audit = services.numel(handout.base, handout.config)
    if audit is None:
        return text(PAGE, "not_checked")
    same = (audit.numel_trainable, audit.numel_total) == (counted.trainable_parameters, counted.total_parameters)
    return text(PAGE, "agrees" if same else "differs", numel=f"{audit.numel_trainable:,}")
