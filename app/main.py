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
    from app.kit.reach import titles
    from app.lessons import rail


def rooms() -> dict[str, list[st.Page]]:
    """Return every page of the app under its heading of the navigation."""
    return _of_the_teacher() | {
        label("navigation", "start"): [
            st.Page(script_of("home"), title=label("navigation", "home"), icon=":material/home:", default=True),
            st.Page(
                script_of("lessons"),
                title=label("navigation", "lessons"),
                icon=":material/signpost:",
                url_path="lessons",
            ),
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
            st.Page(script_of("map"), title=label("navigation", "map"), icon=":material/map:", url_path="map"),
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
            *_of_the_class(),
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
    """The teacher's pages, for whoever has given the teacher's key: nobody else sees that there are any.

    On a server without a teacher the board is its operator's.
    """
    names = {"classroom": "school"} if services.is_teacher() else {}
    names |= {"board": "scatter_plot"} if services.is_operator() else {}
    pages = [
        st.Page(script_of(name), title=label("navigation", name), icon=f":material/{icon}:", url_path=name)
        for name, icon in names.items()
    ]
    return {label("navigation", "teacher"): pages} if pages else {}


def _of_the_class() -> list[st.Page]:
    """What a class does together, each with its phone."""
    icons = {"vote": "how_to_vote", "wall": "add_comment"}
    return [
        st.Page(script_of(name), title=label("navigation", name), icon=f":material/{icon}:", url_path=name)
        for name, icon in icons.items()
    ]


def _login() -> None:
    st.set_page_config(page_title=label("app", "title"))
    st.title(label("app", "title"))
    st.button(label("door", "login"), type="primary", icon=":material/login:", on_click=st.login)


def main() -> None:
    """Draw the frame and run the page that the address names."""
    st.set_page_config(
        page_icon=FOLDER / "icon.svg",
        layout="wide",
        initial_sidebar_state=220,
    )
    theme.tidy()
    if services.asks_for_login():
        return _login()
    services.start()
    page = st.navigation(rooms())
    titles.page(page.title)
    rail.draw()
    present.draw()
    page.run()


if __name__ == "__main__":  # a process started beside a running script runs this file again, under another name
    main()
