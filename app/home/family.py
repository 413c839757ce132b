"""The family tree of parameter-efficient methods: which of them are here, and who else students will meet.

Nothing here names a method. Branches and methods that this app lacks stand in the head of `content/en/home.md`, and a
method's own page says of which branch it is; a method of that list that has a folder of its own is here.
"""

import streamlit as st

from app.content import head, label, text
from app.home import family_tree
from app.home.family_tree import Leaf
from app.kit import url
from app.kit.pages import method_pages, pages_of, script_of
from peft_core.methods.registry import METHODS


def branches() -> dict[str, tuple[Leaf, ...]]:
    """The leaves of every branch: what is here, in the order of the methods, then what is not."""
    found = {}
    for name, about in head("home")["branches"].items():
        here = [method for method in METHODS if head(f"method/{method}").get("family") == name]
        leaves = [Leaf(pages_of(method)[0].title, method) for method in here]
        known = {page.title for page in method_pages().values()}
        leaves += [Leaf(other) for other in about["others"] if other not in known]
        found[name] = tuple(leaves)
    return found


def draw() -> None:
    """What all have in common, the tree with the chosen branch in front, a sentence on it, and links to its pages."""
    st.markdown(text("home", "family"))
    found = branches()
    names = {name: about["name"] for name, about in head("home")["branches"].items()}
    chosen = url.one_of("branch", label("home", "branch"), names, untitled=True)
    family_tree.draw({names[name]: leaves for name, leaves in found.items()}, names[chosen])
    st.markdown(text("home", f"branch_{chosen}"))
    with st.container(horizontal=True):
        for leaf in found[chosen]:
            for page in pages_of(leaf.method):
                st.page_link(script_of(page.name), label=page.short, icon=f":material/{page.icon}:")
    st.caption(text("home", "family_reading"))
