"""How phones come in: a code to type, a QR code to scan, and a page on a phone that has nothing else on it."""

import io
from collections.abc import Callable
from functools import lru_cache

import segno
import streamlit as st

from app import services
from app.content import label
from app.kit import saving
from app.kit.pages import script_of
from app.kit.plain import escaped
from peft_core.serving.live.codes import LENGTH, Codes, Live, T

CODE, VIEW = "code", "view"  # in the URL
MOST_TOLD = 20  # characters of a code that is none
QR_WIDTH = 290  # pixels: read from the last row
_NAVIGATION = ":is([data-testid='stSidebar'], [data-testid='stExpandSidebarButton'], .st-key-presenter)"


def found(codes: Codes[T], what: str) -> T | None:
    """What the address names. None, after a box for a code and why there is nothing, if it names nothing."""
    given = st.query_params.get(CODE, "")
    one = codes.find(given)
    joined = f"{what} joined"
    if one is not None:
        st.session_state[joined] = one.code
        return one
    if given:
        over = st.session_state.get(joined) == given.upper()
        words = label("live", "over") if over else label("live", "unknown", code=escaped(given[:MOST_TOLD]))
        st.info(words, icon=":material/info:")
    return None


def box(key: str) -> None:
    """Where the code is typed by whoever has no camera."""

    def go() -> None:
        if typed := "".join(st.session_state[key].split()):
            st.query_params[CODE] = typed

    st.text_input(label("live", "code"), key=key, max_chars=4 * LENGTH, on_change=go, width=260)


def panel(page: str, live: Live) -> None:
    """For the projector: the QR code, the address and the code, which a phone that cannot scan types."""
    address = services.live.address_of(page, code=live.code)
    st.image(qr_code(address), width=QR_WIDTH, alt=label("live", "qr_alt", address=address))
    shown = services.live.address_of(page).partition("://")[2]
    st.markdown(f"**{escaped(shown)}**")
    st.markdown(label("live", "type_code", code=live.code))
    if not services.live.phones_find(address):
        st.warning(label("live", "only_here"), icon=":material/wifi_off:")


@lru_cache(maxsize=64)
def qr_code(address: str) -> str:
    """The address for the cameras of phones, as SVG: dark on white in either scheme, which every camera reads."""
    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn, kind="svg", border=3, xmldecl=False, svgns=True, light="#ffffff", dark="#000000", omitsize=True, nl=False
    )
    return drawn.getvalue().decode()


def only_this() -> None:
    """On a phone nothing but the question: no navigation, no header; buttons that a thumb finds."""
    rules = f"[data-testid='stHeader'], {_NAVIGATION} {{ display: none !important; }}"
    rules += ".stMainBlockContainer { padding: 1rem 1rem 2rem; max-width: 40rem; }"
    rules += ".stMainBlockContainer h1 { font-size: 1.35rem; line-height: 1.35; padding: 0 0 0.5rem; }"
    rules += ".stMainBlockContainer .stButton button { min-height: 3.5rem; padding: 0.6rem 1rem; }"
    rules += ".stMainBlockContainer .stButton button p { font-size: 1.1rem; }"
    rules += ".stMainBlockContainer [data-testid='stButtonGroup'] button { min-height: 3rem; min-width: 7rem; }"
    rules += ".stMainBlockContainer .stPageLink a { min-height: 44px; }"
    rules += ".stMainBlockContainer .stMarkdown a { pointer-events: none; text-decoration: none; }"
    st.html(f"<style>{rules}</style>")


def large() -> None:
    """On a projector: no navigation, the whole width, and letters that the last row reads."""
    words, code = ".st-key-live_screen", ".st-key-live_code"
    rules = f"{_NAVIGATION} {{ display: none !important; }}"
    rules += ".stMainBlockContainer { max-width: none; padding-bottom: 1rem; }"
    rules += "@media (min-width: 800px) { .stMainBlockContainer { padding-top: 1.5rem; } }"
    rules += f"{words} :is(p, li, label) {{ font-size: 1.3rem; line-height: 1.4; }}"
    rules += f"{words} .stText * {{ font-size: 1.6rem; line-height: 1.3; }}"
    rules += f"{words} h1 {{ font-size: 1.65rem; line-height: 1.3; padding: 0 0 0.4rem; }}"
    rules += f"{words} :is([data-testid='stCaptionContainer'], [class*='st-key-said_'], .stAlert) p"
    rules += " { font-size: 1.1rem; }"
    rules += f"{words} .stProgress [role='progressbar'] > div {{ height: 1.1rem; }}"
    rules += ".st-key-live_foot p { font-size: 1.1rem; } .st-key-live_answers { gap: 0.6rem; }"
    rules += f"{code} h2 {{ font-size: 3.2rem; letter-spacing: 0.2em; padding: 0; }} {code} {{ gap: 0.6rem; }}"
    st.html(f"<style>{rules}</style>")


def save(what: str, table: bytes, one: Live) -> None:
    """Save what is on the screen as a file: drawn with it, each time."""
    saving.button(label("live", "csv"), table, f"{what}-{one.code}.csv", "text/csv", key=f"{what}_csv")


def end(what: str, close: Callable[[T], None], one: T) -> None:
    """A button that ends it, behind one that says what goes: nothing of it is stored."""
    with st.popover(label(what, "close"), type="tertiary", icon=":material/close:"):
        st.markdown(label(what, "close_help"))
        st.button(label("live", "end"), key=f"{what}_close", on_click=close, args=(one,))


def home() -> None:
    """The way out of a view without navigation."""
    st.page_link(script_of("home"), label=label("navigation", "home"), icon=":material/home:")
