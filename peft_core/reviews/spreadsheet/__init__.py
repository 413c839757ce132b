"""Many reviews at once: a pasted list or a CSV file in, a CSV file out. No torch here.

Bytes → characters (`encodings.py`) → cells (`table.py`) → reviews with labels (`labelled.py`); `writing.py` is the way
back. Files come from spreadsheets and from Kaggle: in any encoding, with commas, semicolons or tabs, with quotation
marks or without, with names in the first row or without, in any language. What cannot be read is refused with a
sentence. Which column is which, and what a label means, is only suggested: a person says it.
"""

from peft_core.reviews.spreadsheet.encodings import ENCODINGS, NotTextError
from peft_core.reviews.spreadsheet.labelled import (
    LABELS,
    MAX_CHARACTERS,
    MAX_REVIEWS,
    Reviews,
    labelled,
    plain_meaning,
    read_list,
)
from peft_core.reviews.spreadsheet.table import (
    DELIMITERS,
    MANY,
    MAX_COLUMNS,
    MAX_VALUES,
    ONE_COLUMN,
    Bounds,
    Table,
    looks_like_table,
    read_table,
)
from peft_core.reviews.spreadsheet.writing import safe_cell, write_csv

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "LABELS",
    "MANY",
    "MAX_CHARACTERS",
    "MAX_COLUMNS",
    "MAX_REVIEWS",
    "MAX_VALUES",
    "ONE_COLUMN",
    "Bounds",
    "NotTextError",
    "Reviews",
    "Table",
    "labelled",
    "looks_like_table",
    "plain_meaning",
    "read_list",
    "read_table",
    "safe_cell",
    "write_csv",
]
