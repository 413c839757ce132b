"""Drawings that are kept: made once for the same arguments and ground, on the page every time."""

from streamlit.testing.v1 import AppTest

from app.kit import figure, theme


def page(number: int) -> None:
    """Two drawings in columns, as sections have them. Each asks for the colour of words while it is made."""
    import altair as alt
    import pandas as pd
    import streamlit as st

    from app.kit import figure, theme

    @figure.kept
    def drawn(rows: pd.DataFrame, key: str) -> None:
        st.caption(f"{key} {rows['x'].tolist()}")
        st.altair_chart(alt.Chart(rows).mark_point(color=theme.ink()).encode(x=alt.X("x:Q")), key=key, alt=key)

    for key, column in zip(("left", "right"), st.columns(2), strict=True):
        with column:
            drawn(pd.DataFrame({"x": [1, number]}), key)


def test_the_same_drawing_is_made_once_and_is_on_the_page_every_time(monkeypatch):
    made, dark = [], []
    monkeypatch.setattr(theme, "is_dark", lambda: bool(dark))
    monkeypatch.setattr(theme, "ink", lambda: made.append(1) or ("white" if dark else "black"))
    figure._replayed.clear()

    def shown(number: int) -> list[tuple[str, str, bytes]]:
        app = AppTest.from_function(page, kwargs={"number": number}).run()
        assert not app.exception
        said = [column.caption[0].value for column in app.columns]
        assert said == [f"{key} [1, {number}]" for key in ("left", "right")]
        protos = [chart.proto for chart in app.get("vega_lite_chart")]
        return [(proto.alt, proto.spec, [data.data.data for data in (*proto.datasets, proto)]) for proto in protos]

    first = shown(2)
    assert [alt for alt, *_ in first] == ["left", "right"] and len(made) == 2
    assert shown(2) == first and len(made) == 2
    assert shown(3) != first and len(made) == 4  # other data
    dark.append(True)
    assert [spec for _, spec, _ in shown(2)] != [spec for _, spec, _ in first] and len(made) == 6
    dark.clear()
    monkeypatch.setattr(theme, "CHECKED_AGAIN", True)  # tests look at what is made now
    assert shown(2) == first and len(made) == 8
