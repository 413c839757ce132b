"""The Hugging Face cache on this computer, looked into without the network. No torch here.

models--google-t5--t5-small/    in the folder that HF_HUB_CACHE or HF_HOME names; of data: datasets--…
    refs/main                   which version is the current one
    snapshots/VERSION/          its files: mostly links into blobs/
"""

import os
from pathlib import Path

# Where somebody may have said that the cache lies. Hugging Face's libraries read some of them, each with a place inside
# it of its own, and no longer the two with TRANSFORMERS in their names.
VARIABLES = (
    "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "TRANSFORMERS_CACHE", "PYTORCH_TRANSFORMERS_CACHE",
    "XDG_CACHE_HOME",
)  # fmt: skip
INSIDE = ("", "hub", "huggingface/hub")
USUAL = "~/.cache"


def hub_cache() -> Path:
    """The folder that Hugging Face's libraries read."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids to ask the network."""
    from huggingface_hub import constants

    return constants.is_offline_mode()


def entry(name: str, kind: str = "model", cache: Path | None = None) -> Path:
    """Where all versions of what the Hub calls `name` lie, if they are there."""
    return (cache or hub_cache()) / f"{kind}s--{name.replace('/', '--')}"


def snapshot(name: str, kind: str = "model", cache: Path | None = None) -> Path | None:
    """The files of its current version; None: it has none here."""
    place = entry(name, kind, cache)
    try:
        version = (place / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    folder = place / "snapshots" / version
    return folder if version and folder.is_dir() else None


def other_caches() -> list[Path]:
    """Folders that are not read, and that a variable names or that are usual: a download may have gone there."""
    named = [os.environ.get(variable) for variable in VARIABLES] + [USUAL]
    meant = [Path(os.path.expandvars(os.path.expanduser(name))) for name in named if name]
    read = hub_cache()
    around = dict.fromkeys(folder / inside for folder in meant for inside in INSIDE)
    return [folder for folder in around if folder != read and folder.is_dir()]


def fetching(name: str, patterns: tuple[str, ...], kind: str = "model") -> str:
    """What to do where it is missing: the command that downloads what is read of it, and what forbids it now."""
    of_kind = "" if kind == "model" else f" --repo-type {kind}"
    command = f"hf download {name}{of_kind} " + " ".join(f'--include "{pattern}"' for pattern in patterns)
    return f"With a network and without HF_HUB_OFFLINE: {command}" if is_offline() else f"With a network: {command}"
