"""What else there is to know of rows in front, one question at a time."""

from functools import partial

from app.method import screens
from app.method.soft_prompt import how_many, nearest_words, price, relatives

SCREENS = {"price": price.draw, "length": how_many.draw, "words": nearest_words.draw, "relatives": relatives.draw}
draw = partial(screens.draw, "soft_prompt", "prompt_question", SCREENS)
