"""The router: `streamlit run app/main.py`. Pages live in `app_pages/`; this file only lists them."""

import sys
from pathlib import Path

if (ROOT := str(Path(__file__).resolve().parent.parent)) not in sys.path:  # this file runs again at every rerun
    sys.path.insert(0, ROOT)  # streamlit puts app/ there, not the project

import streamlit as st

from app import services
from app.components import theme
from app.content import label

METHOD_PAGES = {  # file and path of the page: its label and icon
    "full": ("full", "select_all"),
    "soft_prompt": ("soft_prompt", "playlist_add"),
    "adapter": ("adapter", "compress"),
    "adapterhub": ("adapterhub_short", "hub"),
    "lora": ("lora", "stacks"),
}

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
        st.Page(f"app_pages/{name}.py", title=label("methods", title), icon=f":material/{icon}:", url_path=name)
        for name, (title, icon) in METHOD_PAGES.items()
    ],
    label("navigation", "try"): [
        st.Page(
            "app_pages/playground.py",
            title=label("navigation", "playground"),
            icon=":material/rate_review:",
            url_path="playground",
        )
    ],
    label("navigation", "evidence"): [
        st.Page(
            "app_pages/rank_lab.py",
            title=label("navigation", "rank_lab"),
            icon=":material/science:",
            url_path="rank_lab",
        ),
        st.Page(
            "app_pages/compare.py", title=label("navigation", "compare"), icon=":material/balance:", url_path="compare"
        ),
    ],
}
st.navigation(pages).run()
