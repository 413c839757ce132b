"""The page's settings as a script: for the libraries people use afterwards, and for the one under this app."""

from functools import partial

import streamlit as st

from app.content import has_section, label, text
from app.kit import saving, url
from app.kit.plain import escaped
from app.method.count import idle
from peft_core.config import RunConfig
from peft_core.counting.by_hand import count
from peft_core.counting.training_bytes import FP32
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.registry import method_label
from peft_core.t5.architecture import base_model
from peft_core.training.as_script.script import (
    ADAPTERS_VERSIONS,
    OPENDELTA,
    OPENDELTA_VERSIONS,
    Library,
    installed,
    libraries,
    notebook,
    output_folder,
    packages,
    reads_from_hub,
    script,
)
from peft_core.training.as_script.written_out import command

HEAVY = 4e9  # bytes of a base model that a page should not offer to load without a word


def draw(run: RunConfig) -> None:
    """A tab for each library that has the method. Which one is open is in the URL."""
    method = run.method
    names = libraries(type(method)())  # of the page: a setting that a library lacks does not move the tabs
    own = f"method/{method.method}"
    st.markdown(" ".join([text("code", "intro"), *([text(own, "without")] if has_section(own, "without") else [])]))
    idle.draw(base_model(run.base), method)  # the scripts take one decoder step, too
    tabs = url.tabs(f"{method.method}_library", names, [label("code", name) for name in names])
    for name in names:
        with tabs[name]:
            if tabs[name].open and name in libraries(method):
                _library(run, name)
            elif tabs[name].open:
                words = {"library": label("code", name), "method": method_label(method)}
                st.info(text("code", "not_so", **words), icon=":material/info:")


def _library(run: RunConfig, library: Library) -> None:
    """How far the script has been tried, what it needs, and the script itself, to copy or to download."""
    try:
        source = script(run, library)
    except PeftClassroomError as error:  # a task that this library's script cannot read
        st.info(escaped(error), icon=":material/info:")
        st.code(" ".join(command(run, output_folder(run.method))), language=None, wrap_lines=True)
        return
    st.markdown(text("code", library, **_versions(library)))
    if library == "peft_core":
        needs = " ".join(command(run, output_folder(run.method)))
    else:
        needs = f"pip install {' '.join(packages(run, library))}"
        if library == "opendelta":
            needs += f"\npip install --no-deps opendelta=={OPENDELTA}"
    st.code(needs, language=None, wrap_lines=True)
    if library != "peft_core" and reads_from_hub(run):
        st.caption(text("code", "from_hub"))
    numbers = count(base_model(run.base).architecture, FullConfig()).total_parameters
    if FP32 * numbers >= HEAVY:
        st.caption(text("code", "heavy", numbers=f"{numbers:,}", gigabytes=f"{FP32 * numbers / 1e9:.0f}"))
    if run.data.own:
        st.caption(text("code", "own_texts"))
    name = f"{run.method.method}-{library}"
    with st.container(horizontal=True):
        saving.button(label("code", "python"), source, f"{name}.py", "text/x-python", key="code_python")
        make, mime = partial(notebook, source), "application/x-ipynb+json"
        saving.button(label("code", "notebook"), make, f"{name}.ipynb", mime, key="code_notebook")
    with st.container(key="code_source"):
        st.code(source, language="python")


def _versions(library: Library) -> dict[str, str]:
    """What the note on a library says of versions."""
    if library == "opendelta":
        return {"opendelta": OPENDELTA, "transformers": OPENDELTA_VERSIONS["transformers"]}
    if library != "adapters":
        return {}
    return {"adapters": ADAPTERS_VERSIONS["adapters"], "transformers": installed("transformers")}
