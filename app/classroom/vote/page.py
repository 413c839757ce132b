"""A vote of the class: a projector shows the question and the votes, phones show the question and its options."""

import streamlit as st

from app import services
from app.classroom.vote import phone, screen
from app.content import text
from app.kit.live import join

vote = join.found(services.live.votes(), "vote")
if vote is None:
    st.markdown(text("vote", "lead"))
    join.box("vote_code")
    if own := services.live.votes().of(services.owner()):
        screen.link(own)
elif st.query_params.get(join.VIEW) == "screen" and services.live.may_steer(vote):
    screen.draw(vote)
else:
    phone.draw(vote)
