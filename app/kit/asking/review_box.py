"""A box for a review: own words, or one of the test split with its label.

What is in the box goes along from page to page. It is in the address only where a visitor has asked for that: what
people type is theirs, and addresses are kept by browsers and servers.
"""

import streamlit as st

from app import services
from app.content import label
from app.kit import url
from peft_core.errors import PeftClassroomError
from peft_core.reviews.checks import MAX_CHARACTERS, check_text
from peft_core.reviews.config import REVIEWS, Learned

OWN_WORDS = -1
LINK = "words"  # the key of typed words in a link
WANTED = "asked"  # in a link: 1 wants answers at once, 0 wants none before somebody asks
SHORTCUT = "Ctrl+Enter"  # of the button that asks: also where the words were there before the page was opened
MOST_IN_LINK = 300  # characters; a browser's address is no place for more
KEPT = "review kept"  # session state: it does not end with the page, as that of a widget does
ASKED = "review asked"  # session state: whether verdicts are wanted, from now on for every review and checkpoint
SHARED = "words in the link"  # session state: whether the visitor wants them there


def review_box(
    review_key: str = "review", example_key: str = "example", learned: Learned = REVIEWS
) -> tuple[str, int | None]:
    """The review and, if it is one of the test split, unchanged, its label. The number of the example is in the URL.

    Ctrl+Enter, or leaving the box, asks for verdicts: see `asked`. Where own texts were learned, no review is offered.
    """
    own_texts = learned.own is not None
    examples = [] if own_texts else services.examples()
    _begin(review_key, example_key, [text for text, _ in examples])
    options = [OWN_WORDS, *range(len(examples))]

    def name(option: int) -> str:
        if option < 0:
            return label("playground", "own")
        start = "".join(c for c in examples[option][0][:60] if c.isalnum() or c in " ,.'’!?-")
        return label("playground", "example_option", number=option + 1, start=start)

    def take() -> None:
        if st.session_state[example_key] >= 0:
            st.session_state[review_key] = examples[st.session_state[example_key]][0]
            ask_from_now_on()

    if examples and url.from_link(example_key, options, OWN_WORDS):
        st.session_state[review_key] = examples[st.session_state[example_key]][0]
    box, below = st.container(), st.container(horizontal=True, vertical_alignment="center", key=f"{review_key}_from")
    if examples:
        below.selectbox(
            label("playground", "example"), options, format_func=name, key=example_key, on_change=take,
            label_visibility="collapsed",
        )  # fmt: skip
    elif not own_texts:  # without a key: the link keeps what it asks for until they are read
        own = [label("playground", "own")]
        below.selectbox(label("playground", "example"), own, disabled=True, label_visibility="collapsed")
    review = box.text_area(
        label("playground", "text" if own_texts else "review"),
        key=review_key,
        height=90,
        placeholder=label("playground", "placeholder_text" if own_texts else "placeholder"),
        on_change=ask_from_now_on,
    )
    picked = st.session_state[example_key] if examples else OWN_WORDS
    chosen = picked >= 0 and review == examples[picked][0]
    if examples:
        url.remember(example_key, str(picked if chosen else OWN_WORDS), str(OWN_WORDS))
    st.session_state[KEPT] = review if len(review) <= MAX_CHARACTERS else ""
    with below:
        _share(review, review_key, offered=bool(review) and not chosen)
    return review, examples[picked][1] if chosen else None


def _begin(review_key: str, example_key: str, examples: list[str]) -> None:
    """Before the box is drawn for the first time on a page: the words of the link, or those of the page before."""
    linked = st.query_params.get(LINK, "")
    if not url.to_be_read(review_key) or (review_key in st.session_state and not linked):
        return
    st.session_state.setdefault(SHARED, bool(linked))
    if linked and url.went_back_or_forward():
        st.session_state[SHARED] = st.session_state[f"{review_key}_in_link"] = True
    words = linked if _fits(linked) else st.session_state.get(KEPT, "")
    if words and not st.query_params.get(example_key):
        st.session_state[review_key] = words
        if examples:
            st.session_state[example_key] = examples.index(words) if words in examples else OWN_WORDS


def _fits(review: str) -> bool:
    """Whether a link may bring these words: few, and such that a model could read them."""
    try:
        return len(review) <= MOST_IN_LINK and bool(check_text(review))
    except PeftClassroomError:
        return False


def _share(review: str, review_key: str, offered: bool) -> None:
    """The switch that puts typed words into the address; a sentence where they do not fit."""
    key = f"{review_key}_in_link"
    wanted = offered and st.toggle(
        label("playground", "in_link"),
        value=st.session_state.get(SHARED, False),
        key=key,
        on_change=_switch,
        args=(key,),
    )
    url.remember(LINK, review if wanted and _fits(review) else "", "")
    if wanted and not _fits(review):
        st.caption(label("playground", "too_long_for_link", most=MOST_IN_LINK))


def _switch(key: str) -> None:
    st.session_state[SHARED] = st.session_state[key]


def in_link() -> dict[str, str]:
    """What a link to another page of this app adds, so that it also brings the words in a new window."""
    words = st.query_params.get(LINK)
    return {LINK: words} if words else {}


def ask_from_now_on() -> None:
    """Verdicts are wanted: for this review, and for whatever it, or the choice of checkpoints, is changed to."""
    st.query_params.pop(WANTED, None)
    st.session_state[ASKED] = True


def asked() -> bool:
    """Whether verdicts are wanted: somebody has asked for them, or the link does."""
    if WANTED in st.query_params and url.to_be_read(ASKED):
        st.session_state[ASKED] = st.query_params[WANTED] == "1"
    return st.session_state.get(ASKED, False)


def link_asks() -> bool:
    """Whether the link wants an answer at once that otherwise a button would ask for."""
    return st.query_params.get(WANTED) == "1"


def truth_line(truth: int | None) -> None:
    """What the reviewer thought of the film, where it is known."""
    if truth is not None:
        st.markdown(label("playground", "truth", label=label("playground", ("negative", "positive")[truth])))
