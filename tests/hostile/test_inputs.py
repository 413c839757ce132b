"""Some of what `make soak` types, pastes and uploads; and a file of any name, in a table that a browser saves."""

import pandas as pd
import pytest
from hypothesis import strategies as st

from tests.hostile import markup, soak
from tests.hostile.addresses import Place, browser
from tests.hostile.inputs import Case, Input, Judge, cases, inputs, no_run_starts
from tests.hostile.soak import Told

CSV = "text,kind\n" + "".join(
    f'"={markup.CANARY} {n}","<b>{markup.CANARY}</b>"\n"fine {n}","@{markup.CANARY}"\n' for n in range(15)
)


def test_whatever_is_typed_pasted_or_uploaded_is_text_or_refused():
    own = Input(Place("lora", {"learn": "own"}), "text_area", "own_pasted")
    zipped = Input(Place("playground", {}), "file_uploader", "exchange_file")
    fixed = [
        Case(own, CSV, None, (CSV, f"<b>{markup.CANARY}</b>", f"@{markup.CANARY}"), False),
        Case(zipped, "", (f"<b>{markup.CANARY}</b>.csv", b"hello", "text/csv"), (), False),
    ]
    told = Told()
    with browser() as one, no_run_starts():
        soak.try_each(st.sampled_from(fixed), Judge(one), 2, 0, told)
        assert told.cases == 2 and not told.failed
        known = inputs(one, [Place("lora", {"section": "try"}), own.place])
        assert {each.key for each in known} == {"try_review", "own_pasted", "own_file"}
        soak.try_each(cases(known).filter(lambda case: not case.then), Judge(one), 4, 1, told)
    assert not told.failed


@pytest.mark.parametrize("cell", ["=canary", " +canary", "\uff1dcanary", '"@canary'])
def test_a_formula_in_a_table_is_noticed(cell):
    from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    for words, count in ((cell, 1), (f"'{cell}", 0)):
        message = ForwardMsg()
        data = convert_pandas_df_to_arrow_bytes(pd.DataFrame({"a": [words, "x"]}))
        message.delta.new_element.dataframe.arrow_data.data = data
        assert len(markup.formulas([message])) == count
