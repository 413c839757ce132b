"""Python and the packages that the project needs: which are here, and are they the pinned ones?"""

import platform
import re
from importlib import metadata

from peft_core.computer.finding import Finding
from peft_core.paths import INSTALLED, ROOT

_PIN = re.compile(r"^([\w.-]+)==([\w.+-]+)")
INSTALL = "Run `make app` again, or python -m pip install -r requirements.lock."


class Software(Finding):
    """Python, or all packages together."""

    version: str | None = None
    missing: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def python() -> Software:
    """The Python that runs this, and on what."""
    version = platform.python_version()
    where = f"{platform.system()} on {platform.machine()}"
    return Software(name="Python", found=f"{version}, {where}", version=version, public="it runs")


def packages(pins: dict[str, str] | None = None) -> Software:
    """The packages that the project needs, held against their pins.

    Args:
        pins: name → version; None: those of this project.
    """
    pins = _pins() if pins is None else pins
    there = {name: _version(name) for name in pins}
    missing = tuple(name for name, version in there.items() if version is None)
    others = tuple(
        f"{name} {version} instead of {pins[name]}"
        for name, version in there.items()
        if version is not None and version.partition("+")[0] != pins[name]  # 2.13.0+cpu is a build of 2.13.0
    )
    torch = there.get("torch")
    if missing:
        return Software(
            name="packages", state="wrong", found=f"missing: {', '.join(missing)}", then=INSTALL, version=torch,
            missing=missing, others=others, public="something is missing",
        )  # fmt: skip
    if others:
        return Software(
            name="packages", state="note", found=f"other versions than the pinned ones: {', '.join(others)}",
            then=f"What is measured and exact here was so with the pins. {INSTALL}", version=torch, others=others,
            public="other versions than the pinned ones",
        )  # fmt: skip
    found = f"all {len(pins)} packages in the pinned versions" + (f", torch {torch}" if torch else "")
    return Software(name="packages", found=found, version=torch, public="all are here")


def _pins() -> dict[str, str]:
    """Name → version of every direct dependency: of the checkout's list, or as the installed package says."""
    if INSTALLED:
        lines = [line.replace(" ", "") for line in metadata.requires("peft-classroom") or ()]
    else:
        lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {found[1]: found[2] for line in lines if (found := _PIN.match(line))}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
