"""Colours of words in code. Streamlit's own stay below a contrast of 4.5 to 1 on a light ground."""

COLOURS = {  # kinds of words → (light, dark)
    "keyword, function, builtin": ("#0067A3", "#7CC4F0"),
    "string": ("#1B6E3A", "#8FD3A2"),
    "number, boolean": ("#B34E00", "#F2A36B"),
    "comment": ("#59616D", "#AEB6C1"),
    "operator, punctuation": ("#1B2027", "#E9ECF0"),
}


def rules(dark: bool) -> str:
    """Those of the theme that is on, wherever there is code."""
    written = []
    for kinds, colours in COLOURS.items():
        words = ", ".join(f".stApp .stCode .token.{kind}" for kind in kinds.split(", "))
        written.append(f"{words} {{ color: {colours[dark]}; }}")
    return " ".join(written)
