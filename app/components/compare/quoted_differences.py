"""The report's own differences, tested from its 25,000 reviews."""


def draw() -> None:
    return
