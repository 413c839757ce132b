"""What the projector shows of a vote: the question, how many have voted, then how, then what is right; the QR code."""

import streamlit as st

from app import services
from app.classroom.vote import wording
from app.content import label
from app.kit import theme
from app.kit.live import ask_class, join
from app.kit.pages import script_of
from peft_core.reviews.spreadsheet.writing import write_csv
from peft_core.serving.live.vote import Phase, Tally, Vote

POLL = 1.0  # seconds: there is one projector


def link(vote: Vote) -> None:
    """To the projector's view of a vote that this visitor has open."""
    st.page_link(
        script_of("vote"), label=label("live", "to_open", code=vote.code), icon=":material/tv:",
        query_params={join.CODE: vote.code, join.VIEW: "screen"},
    )  # fmt: skip


def draw(vote: Vote) -> None:
    """The question with its votes at the left, how to come in at the right. One fragment, drawn again each second."""
    join.large()
    st.html(f"<style>{_bars()}</style>")
    with st.container(key="live_screen"):

        @st.fragment(run_every=POLL)
        def watch() -> None:
            if vote.closed:
                st.rerun()
            _screen(vote, vote.tally())

        watch()
    with st.container(horizontal=True, vertical_alignment="center", key="live_foot"):
        ask_class.way_back()
        join.home()
        join.end("vote", _close, vote)


def _screen(vote: Vote, tally: Tally) -> None:
    """The reason takes the place of the code: whoever wants to vote has come in by then."""
    revealed = tally.phase == "revealed"
    left, right = st.columns([6, 5] if revealed else [7, 3], gap="large")
    with left:
        _question(vote, tally)
    with right:
        if revealed:
            st.markdown(tally.ballot.explain)
            if tally.ballot.source:
                st.caption(tally.ballot.source)
        else:
            with st.container(key="live_code"):
                join.panel("vote", vote)


def _question(vote: Vote, tally: Tally) -> None:
    ballot, told = tally.ballot, tally.phase == "revealed" and tally.ballot.right is not None
    st.markdown(wording.heading(ballot.ask))
    most = max(1, tally.voters)
    with st.container(key="live_answers"):
        for place, option in enumerate(ballot.options):
            line, right = wording.option(place, option), told and place == ballot.right
            if tally.phase == "counted":
                st.markdown(line)
                continue
            line = label("vote", "bar_right" if right else "bar", option=line, n=tally.counts[place])
            with st.container(key=f"vote_bar_{place}{'_right' if right else ''}"):
                st.progress(tally.counts[place] / most, text=line)
    st.markdown(label("vote", "one_vote" if tally.voters == 1 else "votes", n=tally.voters))
    _steering(vote, tally)


def _steering(vote: Vote, tally: Tally) -> None:
    """The next step is the primary button: first the votes, then the answer."""
    with st.container(horizontal=True):
        if tally.phase != "revealed":
            counted = tally.phase == "counted"
            _button("show" if counted else "hide", "bar_chart" if counted else "visibility_off", counted, vote)
            _button("reveal", "lightbulb", not counted, vote)
        join.save("vote", table(vote), vote)


def _button(name: str, icon: str, primary: bool, vote: Vote) -> None:
    phase: Phase = {"show": "shown", "hide": "counted", "reveal": "revealed"}[name]
    st.button(
        label("vote", name), key=f"vote_{name}", type="primary" if primary else "secondary",
        icon=f":material/{icon}:", on_click=_go_to, args=(vote, phase),
    )  # fmt: skip


def _go_to(vote: Vote, phase: Phase) -> None:
    if services.live.may_steer(vote):
        vote.go_to(phase)


def _close(vote: Vote) -> None:
    if services.live.may_steer(vote):
        services.live.votes().close(vote)


def table(vote: Vote) -> bytes:
    """Every question of this vote as CSV: a row an option."""
    rows = []
    for tally in vote.all():
        for place, option in enumerate(tally.ballot.options):
            right = "" if tally.ballot.right is None else label("vote", "yes" if place == tally.ballot.right else "no")
            plain = wording.unlinked(" ".join(tally.ballot.ask.split()))
            rows.append([tally.number, plain, wording.unlinked(option), tally.counts[place], right])
    return write_csv([label("vote", f"column_{name}") for name in ("number", "ask", "option", "n", "right")], rows)


def _bars() -> str:
    """A bar for each option; the right one, which also says so, in the colour of what is positive."""
    rules = f"[class*='st-key-vote_bar_'] [role='progressbar'] > div > div {{ background: {theme.frozen()}; }}"
    return rules + (
        f"[class*='st-key-vote_bar_'][class*='_right'] [role='progressbar'] > div > div"
        f" {{ background: {theme.POSITIVE.colour}; }}"
    )
