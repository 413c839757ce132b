"""Compare: the report's table beside our own runs, and how sure one may be of any difference."""

import streamlit as st

from app import services
from app.compare import export
from app.compare.curves import section as curves
from app.compare.optimism import section as optimism
from app.compare.report import section as report
from app.compare.significant import section as significant
from app.compare.table import section as table
from app.compare.trade_off import section as trade_off
from app.content import label, text
from app.kit import onward, url
from app.kit.plain import escaped
from app.kit.reach import titles
from peft_core.errors import PeftClassroomError

PARTS = {
    "table": table.draw,
    "trade_off": trade_off.draw,
    "curves": curves.draw,
    "significant": significant.draw,
    "optimism": optimism.draw,
    "report": report.draw,
    "export": export.draw,
}

st.markdown(text("compare", "lead"))
titled = {name: label("compare", f"part_{name}") for name in PARTS}
tabs = url.tabs("part", tuple(PARTS), list(titled.values()))
opened = next(name for name, tab in tabs.items() if tab.open)
titles.section(titled[opened])
with tabs[opened]:
    try:
        PARTS[opened]()
    except PeftClassroomError as error:  # a file of measurements is damaged, or a base model's folder is gone
        st.error(escaped(error), icon=":material/error:")
onward.draw("part", tabs, titled)
for left_out in (*services.listing().adopted, *services.listing().damaged):
    st.caption(f"{label('compare', 'left_out', name=escaped(left_out.name))} {escaped(left_out.why)}")
services.rerun_when_ready(examples=opened in ("trade_off", "significant", "optimism"))
