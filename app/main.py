"""The router: `streamlit run app/main.py`. A page is a room of its own; this file only lists them.

Streamlit first imports this file as a module called `main`, to find the server in it; then it runs it as a script for
every page. What pages need is imported by the first of them: the server answers before.
"""

import sys
from pathlib import Path

if (ROOT := str(Path(__file__).resolve().parent.parent)) not in sys.path:  # this file runs again at every rerun
    sys.path.insert(0, ROOT)  # streamlit puts app/ there, not the project

import streamlit as st

if __name__ == "main":
    from app.kit.server import parts

    server = st.App(**parts(__file__))
else:
    from app import services
    from app.content import FOLDER, label
    from app.kit import present, theme
    from app.kit.pages import method_pages, script_of


def rooms() -> dict[str, list[st.Page]]:
    """Return every page of the app under its heading of the navigation."""
    return _of_the_teacher() | {
        label("navigation", "start"): [
            st.Page(script_of("home"), title=label("navigation", "home"), icon=":material/home:", default=True),
            st.Page(
                script_of("glossary"),
                title=label("navigation", "glossary"),
                icon=":material/dictionary:",
                url_path="glossary",
            ),
            st.Page(
                script_of("computer"),
                title=label("navigation", "computer"),
                icon=":material/computer:",
                url_path="computer",
            ),
        ],
        label("navigation", "methods"): [
            st.Page(script_of(name), title=page.short, icon=f":material/{page.icon}:", url_path=name)
            for name, page in method_pages().items()
        ],
        label("navigation", "try"): [
            st.Page(
                script_of("playground"),
                title=label("navigation", "playground"),
                icon=":material/rate_review:",
                url_path="playground",
            ),
            st.Page(script_of("race"), title=label("navigation", "race"), icon=":material/flag:", url_path="race"),
        ],
        label("navigation", "evidence"): [
            st.Page(
                script_of("rank_lab"),
                title=label("navigation", "rank_lab"),
                icon=":material/science:",
                url_path="rank_lab",
            ),
            st.Page(
                script_of("compare"),
                title=label("navigation", "compare"),
                icon=":material/balance:",
                url_path="compare",
            ),
        ],
    }


def _of_the_teacher() -> dict[str, list[st.Page]]:
    """The teacher's page, for whoever has given the teacher's key: nobody else sees that there is one."""
    if not services.is_teacher():
        return {}
    title = label("navigation", "classroom")
    page = st.Page(script_of("classroom"), title=title, icon=":material/school:", url_path="classroom")
    return {label("navigation", "teacher"): [page]}


def _login() -> None:
    st.title(label("app", "title"))
    st.button(label("door", "login"), type="primary", icon=":material/login:", on_click=st.login)


def main() -> None:
    """Draw the frame and run the page that the address names."""
    st.set_page_config(
        page_title=label("app", "title"),
        page_icon=FOLDER / "icon.svg",
        layout="wide",
        initial_sidebar_state=220,
    )
    theme.tidy()
    if services.asks_for_login():
        return _login()
    services.start()
    page = st.navigation(rooms())
    st.set_page_config(page_title=label("app", "page_title", page=page.title))  # of its own: tabs, bookmarks, history
    present.draw()
    page.run()


if __name__ == "__main__":  # a process started beside a running script runs this file again, under another name
    main()
