"""The Pareto front: what is on it, and what changes it."""

from hypothesis import given
from hypothesis import strategies as st

from peft_core.statistics.pareto import Point, dominates, pareto_front

POINTS = st.lists(
    st.builds(Point, st.text(max_size=3), st.integers(1, 6), st.sampled_from([0.5, 0.6, 0.7, 0.8])), max_size=12
)


@given(POINTS)
def test_nothing_beats_the_front_and_the_front_beats_the_rest(given_points):
    front = pareto_front(given_points)
    assert not any(dominates(other, point) for point in front for other in given_points)
    for point in given_points:
        assert point in front or any(dominates(better, point) for better in front)
    places = [(p.trainable_parameters, p.accuracy) for p in front]
    assert places == sorted(places)


@given(POINTS, POINTS)
def test_a_point_that_is_beaten_changes_nothing(given_points, more):
    beaten = [point for point in more if any(dominates(other, point) for other in given_points)]
    front = pareto_front(given_points)
    assert pareto_front([*given_points, *beaten]) == front


@given(POINTS)
def test_the_front_does_not_depend_on_the_order(given_points):
    assert set(pareto_front(given_points[::-1])) == set(pareto_front(given_points))
