"""What is seen at a moment, drawn by its kind; one colour scale and fixed axes over all moments of a run."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure
from app.kit.plain import escaped
from app.method.inside import charts
from app.method.steps.charts import number, shape
from app.method.steps.controls import token_name
from peft_core.analysis.inside.seen import Matrix, Rows, Seen, Units, Vector
from peft_core.methods.inside import Kind
from peft_core.training.snapshots.moments import SIGMAS

LINE, MOST_LINES = 37, 5  # of the table: pixels of a line, lines before it scrolls
MOST_UNITS, MOST_NUMBERS = 12, 192  # rows of a heat-map, marks of a vector


def draw(now: Seen, whole: Sequence[Seen], kind: Kind, method: str) -> None:
    """The picture of one moment of `whole`, which has all of them, with its number and a sentence."""
    limit = max(one.largest for one in whole) or 1.0
    if isinstance(now, Matrix):
        _matrix(now, whole, limit, kind, method)
    elif isinstance(now, Rows):
        _rows(now, whole[0], limit)
    elif isinstance(now, Units):
        _units(now, whole, limit)
    else:
        _vector(now, limit, method)


def blocks(now: Seen) -> str:
    """What a cell of an image stands for, where it is more than one number."""
    if not isinstance(now, Matrix) or now.image.shape == now.shape:
        return ""
    size = (-(-whole // cells) for whole, cells in zip(now.shape, now.image.shape, strict=True))
    return text("inside", "blocks", block=shape(tuple(size)))


def _matrix(now: Matrix, whole: Sequence[Matrix], limit: float, kind: Kind, method: str) -> None:
    """The image of what has changed, and its singular values beside those of the last moment."""
    rows, columns = now.image.shape
    left, right = st.columns(2)
    with left:
        said = {"size": shape(now.shape), "limit": number(limit)}
        st.caption(label("inside", f"image_{kind}", **said))
        cells = pd.DataFrame(
            {
                "row": np.repeat(np.arange(rows, dtype=np.int16), columns),
                "column": np.tile(np.arange(columns, dtype=np.int16), rows),
                "value": now.image.ravel().astype(np.float32),
            }
        )
        spec = figure.filled(charts.image(limit, rows, columns, charts.dark()), {charts.ROWS: cells}, {})
        figure.draw(spec, "inside_image", label("inside", "image_alt", norm=number(now.norm), **said))
    with right:
        highest = max(float(one.sigmas.max(initial=0)) for one in whole) or 1.0
        st.caption(label("inside", "sigmas"))
        sigmas = pd.DataFrame({"k": range(1, len(now.sigmas) + 1), "now": now.sigmas, "end": whole[-1].sigmas})
        spec = figure.filled(charts.sigmas(highest, len(sigmas), method, charts.dark()), {charts.ROWS: sigmas}, {})
        listed = ", ".join(number(float(sigma)) for sigma in now.sigmas[:4])
        figure.draw(spec, "inside_sigmas", label("inside", "sigmas_alt", listed=listed, n=len(sigmas)))
    values = {"share": f"{charts.AWAKE:.0%}", "norm": number(now.norm)}
    awake, n = int((now.sigmas > charts.AWAKE * highest).sum()), len(now.sigmas)
    st.markdown(text("inside", "update_found_some" if n == SIGMAS else "update_found", awake=awake, n=n, **values))


def _rows(now: Rows, start: Rows, limit: float) -> None:
    """A line a row: its nearest words at the start and now, and how far it has come."""
    columns = {
        "row": [f"P{i}" for i in range(1, len(now.rows) + 1)],
        "start_word": [row.words[0] for row in start.rows],
        "words": ["  ".join(row.words) for row in now.rows],
        "cosine": [f"{row.cosines[0]:.2f}" for row in now.rows],
        "moved": [row.moved for row in now.rows],
    }
    frame = pd.DataFrame({label("inside", name): values for name, values in columns.items()})
    names = dict(zip(columns, frame.columns, strict=True))
    config = {names[name]: st.column_config.TextColumn(width=width) for name, width in
              (("row", 40), ("start_word", 110), ("words", 250), ("cosine", 60))}  # fmt: skip
    config[names["moved"]] = st.column_config.ProgressColumn(min_value=0.0, max_value=limit, format="%.3g", width=150)
    st.dataframe(
        frame, hide_index=True, width="stretch", height=LINE * (min(len(frame), MOST_LINES) + 1) + 3,
        key="inside_rows", column_config=config, alt=label("inside", "rows_alt", n=len(frame)),
    )  # fmt: skip
    others = sum(then.words[0] != row.words[0] for then, row in zip(start.rows, now.rows, strict=True))
    st.markdown(text("inside", "rows_found", others=others, n=len(now.rows), far=number(now.largest)))


def _units(now: Units, whole: Sequence[Units], limit: float) -> None:
    """Units × words; where there are many units, those that ever answer most."""
    strongest = np.max([np.abs(one.activations).max(axis=1) for one in whole], axis=0)  # (m,) over all moments
    shown = np.sort(np.argsort(-strongest, kind="stable")[:MOST_UNITS])
    pieces = [token_name(i, token) for i, token in enumerate(now.tokens, start=1)]
    names = [label("inside", "unit", number=unit + 1) for unit in shown]
    cells = pd.DataFrame(
        {
            "unit": np.repeat(names, len(pieces)),
            "token": np.tile(pieces, len(names)),
            "value": now.activations[shown].ravel().astype(np.float32),
        }
    )
    m = len(now.activations)
    said = {"limit": number(limit), "m": m, "shown": len(shown)}
    st.caption(label("inside", "units_some" if len(shown) < m else "units", **said))
    spec = figure.filled(charts.units(limit, tuple(names), len(pieces), charts.dark()), {charts.ROWS: cells}, {})
    figure.draw(spec, "inside_units", label("inside", "units_alt", **said))
    unit, token = np.unravel_index(np.argmax(np.abs(now.activations)), now.activations.shape)
    silent = int((now.activations == 0).all(axis=1).sum())
    st.markdown(
        text(
            "inside", "units_found", unit=unit + 1, value=number(float(now.activations[unit, token])),
            word=escaped(now.tokens[token].piece), silent=silent, m=m,
        )
    )  # fmt: skip


def _vector(now: Vector, limit: float, method: str) -> None:
    """The change of every number; of many, the largest in size of its neighbours."""
    parts = np.array_split(now.change, min(len(now.change), MOST_NUMBERS))
    first = np.cumsum([1, *map(len, parts[:-1])])
    rows = pd.DataFrame({"number": first, "change": [float(part[np.abs(part).argmax()]) for part in parts]})
    together = max(map(len, parts))
    said = {"n": f"{len(now.change):,}", "together": together, "limit": number(limit)}
    st.caption(label("inside", "vector_some" if together > 1 else "vector", **said))
    spec = figure.filled(charts.vector(limit, len(now.change), method, charts.dark()), {charts.ROWS: rows}, {})
    figure.draw(spec, "inside_vector", label("inside", "vector_alt", **said))
    most = int(np.abs(now.change).argmax())
    st.markdown(
        text(
            "inside", "vector_found", number=most + 1, start=number(float(now.start[most])),
            now=number(float(now.start[most] + now.change[most])), n=f"{len(now.change):,}",
            mean=number(float(np.sqrt((now.change**2).mean()))),
        )
    )  # fmt: skip
