"""A box for a review: own words, or one of the test split with its label. The words are never in the URL."""

import streamlit as st

from app import services
from app.content import label
from app.kit import url

MAX_CHARACTERS = 20_000
OWN_WORDS = -1


def review_box(review_key: str = "review", example_key: str = "example") -> tuple[str, int | None]:
    """The review and, if it is one of the test split, unchanged, its label. The number of the example is in the URL."""
    examples = services.examples()
    options = [OWN_WORDS, *range(len(examples))]

    def name(option: int) -> str:
        if option < 0:
            return label("playground", "own")
        start = "".join(c for c in examples[option][0][:60] if c.isalnum() or c in " ,.'’!?-")
        return label("playground", "example_option", number=option + 1, start=start)

    def take() -> None:
        if st.session_state[example_key] >= 0:
            st.session_state[review_key] = examples[st.session_state[example_key]][0]

    if examples and url.from_link(example_key, options, OWN_WORDS):
        take()
    box = st.container()
    st.selectbox(label("playground", "example"), options, format_func=name, key=example_key, on_change=take)
    if examples:  # until they are read, the link keeps what it asks for
        url.remember(example_key, str(st.session_state[example_key]), str(OWN_WORDS))
    review = box.text_area(
        label("playground", "review"),
        key=review_key,
        max_chars=MAX_CHARACTERS,
        height=90,
        placeholder=label("playground", "placeholder"),
    )
    picked = st.session_state[example_key]
    from_test_split = 0 <= picked < len(examples) and review == examples[picked][0]
    return review, examples[picked][1] if from_test_split else None


def truth_line(truth: int | None) -> None:
    """What the reviewer thought of the film, where it is known."""
    if truth is not None:
        st.markdown(label("playground", "truth", label=label("playground", ("negative", "positive")[truth])))
