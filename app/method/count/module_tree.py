"""The module tree of the real model, short or whole, and a sentence that says the same."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit import module_tree as drawing
from peft_core.counting.module_tree import insertions, outline
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel


def draw(base: BaseModel, config: MethodConfig) -> None:
    """The tree, short or whole, with a sentence that says the same."""
    st.markdown(text("tree", "lead"))
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
