"""Who is asked on a wall, and what they say."""

from collections.abc import Sequence

from app import services
from app.kit.asking import verdicts
from peft_core.serving.live.wall import Answer
from peft_core.t5.architecture import catalogue


def offered() -> dict[str, verdicts.Model]:
    """Everyone who can be asked, by name: checkpoints, and the base models that nobody has trained."""
    known: dict[str, verdicts.Model] = {info.name: info for info in services.checkpoints()}
    bundled = [name for name, base in catalogue().items() if base.bundled]
    bases = dict.fromkeys([*bundled, *map(verdicts.base_of, known.values())])
    return known | {base: base for base in bases if base not in known}


def at_first(known: dict[str, verdicts.Model]) -> list[str]:
    """A shipped checkpoint of each method, and their base model as it was."""
    shipped = verdicts.one_a_method(model for model in known.values() if not isinstance(model, str))
    return [*shipped, *dict.fromkeys(verdicts.base_of(known[name]) for name in shipped)]


def ask(text: str, names: Sequence[str]) -> tuple[list[Answer], bool]:
    """What each of them says, and whether the text is one that they were not made for; refusals are on the screen.

    One that is no longer here is left out.
    """
    known = offered()
    said = verdicts.ask(text, [known[name] for name in names if name in known])
    answers = [
        Answer(one.title, "" if isinstance(one.model, str) else one.model.method, one.probability) for one in said
    ]
    return answers, any(one.prediction.doubtful for one in said)
