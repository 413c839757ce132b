"""Fool the checkpoint: sentences on which methods are wrong; the projector shows those that the teacher accepts."""

import streamlit as st

from app import services
from app.classroom.wall import desk, opening, phone, screen
from app.content import text
from app.kit.live import join

VIEWS = {"screen": screen.draw, "desk": desk.draw}

wall = join.found(services.live.walls(), "wall")
view = st.query_params.get(join.VIEW)
if wall is None:
    st.markdown(text("wall", "lead"))
    join.box("wall_code")
    opening.draw()
elif view in VIEWS and services.live.may_steer(wall):
    VIEWS[view](wall)
else:
    phone.draw(wall)
