"""Some of the ten thousand addresses of `make soak`; and whether the law that they are held to can be broken."""

import pytest

from app.kit.plain import escaped
from tests.hostile import markup, soak
from tests.hostile.addresses import MARKUPS, browser, cases
from tests.hostile.markup import CANARY
from tests.hostile.soak import Told

WORDS = [form.format(CANARY) for form in MARKUPS]


def test_whatever_an_address_says_a_page_is_drawn_and_nothing_of_it_is_markup():
    told = Told()
    with browser() as one:
        places = one.places(["home", "race"], 6)
        assert len(places) == 6 and all(place.keys for place in places)
        soak.try_each(cases(places), one.judge, 15, 5, told)
        together, of_class = Told(), one.places(["vote", "wall"])
        assert len(of_class) == 7 and all("code" in place.keys for place in of_class)  # each view of what is open
        soak.try_each(cases(of_class), one.judge, 10, 5, together)
    assert not told.failed and not together.failed
    assert told.cases == 15 and len(told.outcomes) == 2


@pytest.mark.parametrize("words", WORDS)
def test_what_the_app_escapes_is_text(words):
    assert not markup.broken(f"The link asked for **X** = {escaped(words)}, which is not here.", [words])
    assert not markup.broken(escaped(words[:40]), [words])


@pytest.mark.parametrize(
    "words",
    [
        word
        for word in WORDS
        if not word.startswith("![[")
        and word.startswith(
            ("<", "[canary](", "[x]", "!", "http", "www", "me@", "*", "`", "$", ":red", ":mat", "#", "~", "_", "&")
        )
    ],
)
def test_what_nobody_escapes_is_noticed(words):
    assert markup.broken(f"a **b** {words}", [words]) or markup.broken(words, [words])
