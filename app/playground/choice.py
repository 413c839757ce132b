"""Who is asked: checkpoints and untrained base models; the chosen ones are in the URL."""

import streamlit as st

from app import services
from app.content import label
from app.kit import url
from app.kit.asking import task, verdicts
from peft_core.t5.architecture import catalogue


def choose() -> list[verdicts.Model]:
    """The chosen ones, in the order in which they were chosen.

    Not with `bind`: that would write what people read, and names of runs are neither unique nor for ever.
    """
    known = offered(task.choose())
    in_link = st.query_params.get_all("checkpoint")
    if url.to_be_read("checkpoint"):
        here = [name for name in dict.fromkeys(in_link) if name in known]
        st.session_state["checkpoint"] = here or at_first(known)
        st.session_state["checkpoint left out"] = set(in_link) - set(here)
    elif not known.keys() >= set(st.session_state["checkpoint"]):  # a run was deleted meanwhile
        st.session_state["checkpoint"] = [name for name in st.session_state["checkpoint"] if name in known]
    if (brought := st.session_state.pop("checkpoint to add", None)) in known:
        st.session_state["checkpoint"] = [*st.session_state["checkpoint"], brought]
    if st.session_state.get("checkpoint left out"):
        st.info(label("playground", "unknown"), icon=":material/info:")
    titles = verdicts.titles(known.values())
    names = st.multiselect(
        label("playground", "checkpoints"), list(known), format_func=titles.get, key="checkpoint", wrap=True
    )
    own = {info.name for info in services.opened()}  # of this session alone: a link could not name them
    if (linked := [name for name in names if name not in own]) != in_link:
        st.query_params["checkpoint"] = linked
    return [known[name] for name in names]


def offered(learned: str) -> dict[str, verdicts.Model]:
    """Everyone who can be asked about this task, by the name in a link: checkpoints, and the base models."""
    known: dict[str, verdicts.Model] = {info.name: info for info in services.askable(learned)}
    bundled = [name for name, base in catalogue().items() if base.bundled]
    bases = dict.fromkeys([*bundled, *map(verdicts.base_of, known.values())])
    return known | {base: base for base in bases if base not in known}


def at_first(known: dict[str, verdicts.Model]) -> list[str]:
    """A visitor's newest run, if there is one; the base model; one shipped checkpoint of each method."""
    infos = [model for model in known.values() if not isinstance(model, str)]
    own = [info.name for info in infos[:1] if not info.shipped]
    shipped = verdicts.one_a_method(infos)
    first = next(iter([*own, *shipped]), None)
    base = [verdicts.base_of(known[first])] if first else [*known][:1]
    return [*own, *base, *(name for name in shipped if name not in own)]
