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
    from app.kit.machine.server import parts

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
    start = {"home": "home", "lessons": "signpost", "map": "map", "glossary": "dictionary", "computer": "computer"}
    together = {"playground": "rate_review", "race": "flag", "vote": "how_to_vote", "wall": "add_comment"}
    pages = {
        "teacher": _pages(_of_the_teacher()),
        "start": _pages(start),
        "methods": [_page(name, page.short, page.icon) for name, page in method_pages().items()],
        "try": _pages(together),
        "evidence": _pages({"rank_lab": "science", "compare": "balance"}),
    }
    return {label("navigation", heading): there for heading, there in pages.items() if there}


def _page(name: str, title: str, icon: str) -> st.Page:
    home = name == "home"
    return st.Page(
        script_of(name), title=title, icon=f":material/{icon}:", url_path=None if home else name, default=home
    )


def _pages(icons: dict[str, str]) -> list[st.Page]:
    return [_page(name, label("navigation", name), icon) for name, icon in icons.items()]


def _of_the_teacher() -> dict[str, str]:
    """The teacher's pages, for whoever has given the teacher's key: nobody else sees that there are any.

    On a server without a teacher the board is its operator's.
    """
    pages = {"classroom": "school"} if services.is_teacher() else {}
    return pages | ({"board": "scatter_plot"} if services.is_operator() else {})


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
    present.draw()
    rail.draw()
    page.run()


if __name__ == "__main__":  # a process started beside a running script runs this file again, under another name
    main()
