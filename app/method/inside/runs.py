"""Which runs can be looked into: the visitor's own, newest first, then those of the command line that kept moments,
then those that come with the project. No torch.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app import services
from app.content import label
from peft_core.config import run_name
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import Run
from peft_core.training.snapshots.moments import FOLDER, RECORDED, Moments, list_moments, steps_in

TRAINED_HERE = "run"  # in the URL: the run of the Train section


@dataclass(frozen=True)
class Filmed:
    """A run with its folder of snapshots; `recorded`: it comes with the project."""

    id: str
    name: str
    folder: Path
    base: str
    recorded: bool = False

    def under_way(self) -> bool:
        """Whether more moments may come."""
        if self.recorded:
            return False
        try:
            return not services.backend().store.read(self.id).status.finished
        except PeftClassroomError:  # it was deleted meanwhile, or trained on the command line
            return False

    def moments(self) -> Moments:
        """What there is now."""
        return _recorded(self.folder) if self.recorded else list_moments(self.folder)


@st.cache_resource(max_entries=32, show_spinner=False)
def _recorded(folder: Path) -> Moments:
    return list_moments(folder)


def filmed(base: str, method: str) -> dict[str, Filmed]:
    """The runs of a method on a base model that have snapshots, or will, by id; and the one of a link, whose ever."""
    store, asked = services.backend().store, st.query_params.get("inside_run", "")
    runs = services.own_runs()
    for other in dict.fromkeys((asked, st.query_params.get(TRAINED_HERE, ""))):
        if other and other not in {run.id for run in runs}:
            try:
                runs.append(store.read(other))
            except PeftClassroomError:  # no run of this server; perhaps a recorded one
                continue
    found = [_of(run) for run in runs if (run.spec.config.base, run.spec.config.method.method) == (base, method)]
    found = [one for one in found if steps_in(one.folder) or one.under_way()]
    for info in services.listing().runs:
        if (info.base, info.method) == (base, method) and steps_in(info.path / FOLDER):
            title = label("inside", "of_checkpoint", name=info.record.name, folder=info.name)
            found.append(Filmed(f"checkpoint-{info.name}", title, info.path / FOLDER, base))
    for folder in sorted(path for path in RECORDED.glob("*") if path.is_dir()):
        moments = _recorded(folder).moments
        if moments and (moments[0].config.base, moments[0].config.method.method) == (base, method):
            found.append(Filmed(folder.name, run_name(moments[0].config), folder, base, recorded=True))
    return {one.id: one for one in found}


def _of(run: Run) -> Filmed:
    return Filmed(run.id, run.spec.name, run.path / FOLDER, run.spec.config.base)


def titles(known: dict[str, Filmed]) -> dict[str, str]:
    """What a person calls each run, by id: no two are called the same."""
    often = Counter(one.name for one in known.values() if not one.recorded)
    return {
        name: label("inside", "recorded", name=one.name)
        if one.recorded
        else f"{one.name} · {name[-6:]}"
        if often[one.name] > 1
        else one.name
        for name, one in known.items()
    }
