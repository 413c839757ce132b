"""A photograph as a matrix of greys: one that scikit-learn ships, or a visitor's own, which is never kept on disk."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np

from peft_core.analysis.spectra.delta import svd
from peft_core.errors import PeftClassroomError

SIDE = 256  # pixels of the longer side of what is decomposed
MOST_PIXELS = 25_000_000  # of a file that is opened: a small file can unfold into gigabytes
MOST_MEGABYTES = 5
FORMATS = ("JPEG", "PNG", "WEBP")
NAMES = ("china", "flower")  # in scikit-learn, under CC BY 2.0; their README names the photographers


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture minus its mean grey, decomposed: u (rows, n), sigmas (n,), vt (n, columns)."""

    mean: float
    u: np.ndarray
    sigmas: np.ndarray
    vt: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)"""
        return len(self.u), self.vt.shape[1]

    def at_rank(self, k: int) -> np.ndarray:
        """The nearest picture of rank k, its mean grey put back, as greys from 0 to 255."""
        greys = self.mean + (self.u[:, :k] * self.sigmas[:k]) @ self.vt[:k]
        return np.clip(np.rint(greys), 0, 255).astype(np.uint8)


def decomposed(greys: np.ndarray) -> Picture:
    """The SVD of what is not mere brightness: one grey everywhere would be a rank-one term by itself."""
    mean = float(greys.mean())
    return Picture(mean, *svd(greys - mean))


@cache
def shipped(name: str) -> Picture:
    """One of scikit-learn's two photographs. The library itself is not imported: it takes a second.

    Raises:
        PeftClassroomError: if its file is not there.
    """
    found = find_spec("sklearn")
    folder = Path(next(iter(found.submodule_search_locations))) if found else Path()
    file = folder / "datasets" / "images" / f"{name}.jpg"
    if not file.is_file():
        raise PeftClassroomError("scikit-learn's photographs are not here: install the pinned requirements again.")
    with file.open("rb") as content:
        return decomposed(greys(content))


def greys(content: IO[bytes]) -> np.ndarray:
    """The picture in a file as greys, (rows, columns), at most `SIDE` a side.

    Raises:
        PeftClassroomError: if the file is too large, has too many pixels, or is no picture of `FORMATS`.
    """
    from PIL import Image, ImageOps

    data = content.read(MOST_MEGABYTES * 1_000_000 + 1)
    if len(data) > MOST_MEGABYTES * 1_000_000:
        raise PeftClassroomError(f"This file is larger than {MOST_MEGABYTES} MB: choose a smaller picture.")
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as picture:
            _check_pixels(*picture.size)
            if picture.mode.startswith(("I", "F")):
                raise PeftClassroomError("This picture has more than 8 bits a channel: save it with 8 and try again.")
            picture.draft("L", (2 * SIDE, 2 * SIDE))  # a JPEG is then decoded small
            picture.thumbnail((4 * SIDE, 4 * SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
            ground = Image.new("RGBA", upright.size, "white")
            grey = Image.alpha_composite(ground, upright).convert("L")
            grey.thumbnail((SIDE, SIDE))
            return np.asarray(grey, dtype=np.float64)
    except PeftClassroomError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many() from error
    except Exception as error:  # of a damaged file a decoder raises nearly anything
        kinds = ", ".join(FORMATS)
        raise PeftClassroomError(f"This file cannot be read as a picture. Choose a whole {kinds} file.") from error


def _check_pixels(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise _too_many()
    if min(width, height) < 2:
        raise PeftClassroomError("This picture is a single line of pixels: choose one with two sides.")


def _too_many() -> PeftClassroomError:
    return PeftClassroomError(
        f"This picture has more than {MOST_PIXELS // 1_000_000} million pixels: make it smaller and try again."
    )
