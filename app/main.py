"""The router: `streamlit run app/main.py`. Pages live in `app_pages/`; this file only lists them."""

import sys
from pathlib import Path

if (ROOT := str(Path(__file__).resolve().parent.parent)) not in sys.path:  # this file runs again at every rerun
    sys.path.insert(0, ROOT)  # streamlit puts app/ there, not the project

import streamlit as st

from app import services
from app.components import theme
from app.content import label

st.set_page_config(
    page_title=label("app", "title"),
    page_icon=Path(__file__).with_name("icon.svg"),
    layout="wide",
    initial_sidebar_state=220,
)
theme.tidy()
services.start()
pages = {
    label("navigation", "start"): [
        st.Page("app_pages/home.py", title=label("navigation", "home"), icon=":material/home:", default=True)
    ],
    label("navigation", "methods"): [
        st.Page("app_pages/lora.py", title=label("methods", "lora"), icon=":material/stacks:", url_path="lora")
    ],
    label("navigation", "try"): [
        st.Page(
            "app_pages/playground.py",
            title=label("navigation", "playground"),
            icon=":material/rate_review:",
            url_path="playground",
        )
    ],
}
st.navigation(pages).run()
