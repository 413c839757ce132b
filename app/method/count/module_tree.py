"""The module tree of the real model, short or whole, and a sentence that says the same; or as a library prints it."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.drawn import module_tree as drawing
from peft_core.counting.library_trees import LibraryTrees, library_trees
from peft_core.counting.module_tree import insertions, outline
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel

HERE = "here"
HEIGHT = 480  # pixels of a printed tree, which scrolls: some have 400 lines


def draw(base: BaseModel, config: MethodConfig) -> None:
    """The tree with a sentence that says the same, or what a library prints."""
    st.markdown(text("tree", "lead"))
    trees = library_trees()
    printed = {HERE: label("tree", HERE)} | {name: label("code", name) for name in trees.of(config.method)}
    by = url.one_of("tree_by", label("tree", "by"), printed) if len(printed) > 1 else HERE
    if by == HERE:
        _real(base, config)
    else:
        _quoted(trees, by, config.method)


def _real(base: BaseModel, config: MethodConfig) -> None:
    """Of this page's model, short or whole."""
    whole = st.toggle(label("tree", "everything"), key="tree_everything", bind="query-params")
    if not services.libraries().ready.is_set() or services.libraries().error:
        st.info(services.libraries().error or label("tree", "waiting"), icon=":material/hourglass_top:")
        return
    from peft_core.counting.by_numel import module_tree

    tree = module_tree(base, config)
    numbers = {"trains": f"{tree.trains:,}", "frozen": f"{tree.frozen:,}", "n": sum(insertions(tree).values())}
    st.markdown(text(f"method/{config.method}", "tree", **numbers))
    drawing.show(drawing.lines(tree if whole else outline(tree)), config.method)
    st.caption(text("tree", "legend"))


def _quoted(trees: LibraryTrees, library: str, method: str) -> None:
    """What a library has printed, as text; of which model and by which versions is said first."""
    found = trees.of(method)[library]
    versions = ", ".join(f"{name} {version}" for name, version in trees.libraries[library].versions.items())
    st.markdown(text("tree", "quoted", base=trees.base, versions=versions, made=found.made))
    st.code(found.summary, language=None)
    st.code(found.tree, language=None, height=HEIGHT)
