"""What breaks a rule and is Streamlit's own: by rule and place, each with the reason. The only list of its kind.

A finding that is not in it is ours, and fails. What is in it and is found nowhere any more fails, too, once every
screen has been walked: it goes out. The markup is Streamlit 1.67's; nothing of it is made by a call of ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.accessibility.axe import Found


@dataclass(frozen=True)
class Theirs:
    """One rule at one place of Streamlit's pages."""

    rule: str
    html: str  # how the element begins
    inside: str  # the data-testid of the part it is in, or what axe.py says instead; empty: any
    why: str
    everywhere: bool = False  # on every screen that shows the list of pages, so a sample of screens has it, too

    def is_it(self, found: Found) -> bool:
        same_place = not self.inside or found.inside == self.inside
        return found.rule == self.rule and same_place and found.html.startswith(self.html)


VIOLATIONS = (
    Theirs(
        "list",
        '<ul data-testid="stSidebarNavItems"',
        "stSidebarNavItems",
        "st.navigation puts a div between the list of pages and the pages under one heading",
        everywhere=True,
    ),
    Theirs(
        "listitem",
        "<li class=",
        "stSidebarNavItems",
        "the pages in that list: their parent is the div",
        everywhere=True,
    ),
    Theirs(
        "color-contrast",
        "<p>",
        "label of a disabled widget",
        "pale on purpose, as WCAG allows; st.selectbox does not tie its words to its field, so axe does not know",
    ),
)
OPEN = (  # what axe cannot say, and tests/accessibility/contrast.js does not answer
    Theirs(
        "aria-prohibited-attr",
        "<span tabindex=",
        "stMultiSelectTagsContainer",
        "st.multiselect names each chosen option by aria-label on a span without a role",
    ),
)
UNSEEN = {  # what has the focus and is not seen: the data-testid of it → why
    "glide-cell": "st.dataframe: a cell in the table that stands in for the canvas, on which the ring is drawn",
}
NAMELESS = {  # boxes that scroll sideways without a name: tag and name → why
    "div.stDataFrameGlideDataEditor": "st.dataframe's canvas has name and focus; the box behind only moves it",
}
ANSWERED = {"color-contrast"}  # incomplete to axe under pseudo-elements and in pictures: computed by contrast.js


def ours(found: Iterable[Found], theirs: Iterable[Theirs]) -> list[Found]:
    """Those that no line of the list explains."""
    return [one for one in found if not any(line.is_it(one) for line in theirs)]


def gone(found: Iterable[Found], theirs: Iterable[Theirs]) -> Iterator[Theirs]:
    """Lines of the list that explain nothing any more."""
    seen = list(found)
    return (line for line in theirs if not any(line.is_it(one) for one in seen))
