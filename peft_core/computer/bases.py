"""Which base models can be loaded here without the network, and why not the others: in the library's own words."""

from peft_core.computer.finding import Finding
from peft_core.errors import PeftClassroomError
from peft_core.t5.architecture import BaseModel, catalogue
from peft_core.t5.at_hand import at_hand


class Base(Finding):
    """A base model of the catalogue."""

    bundled: bool
    loadable: bool


def bases() -> tuple[Base, ...]:
    """All of the catalogue. The bundled ones are loaded, of the others the files are looked at; loads torch."""
    found = tuple(_looked_at(base) for base in catalogue().values())
    if any(base.loadable for base in found):
        return found
    return tuple(base.model_copy(update={"state": "wrong"}) if base.bundled else base for base in found)


def _looked_at(base: BaseModel) -> Base:
    problem = _loading(base) if base.bundled else at_hand(base).problem
    figures = {"name": base.name, "bundled": base.bundled, "loadable": problem is None}
    if problem is None:
        return Base(**figures, found="can be loaded", public="can be loaded")
    alike = problem.replace(base.name, "NAME")
    return Base(**figures, state="note", found=problem, alike=alike, public="cannot be loaded")


def _loading(base: BaseModel) -> str | None:
    """Why it cannot be loaded; None: it can, and was."""
    try:
        from peft_core.t5.backbone import load_backbone

        load_backbone(base.name)
    except PeftClassroomError as error:
        return str(error)
    except (ImportError, OSError) as error:
        return f"The libraries cannot be imported ({error})."
    return None
