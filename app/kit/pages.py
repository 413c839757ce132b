"""Where the pages lie: what `st.Page`, `st.page_link` and `st.switch_page` take. No other file spells a path."""

METHOD_PAGES = {  # the page's name, its folder and address: label and icon
    "full": ("full", "select_all"),
    "soft_prompt": ("soft_prompt", "playlist_add"),
    "adapter": ("adapter", "compress"),
    "adapterhub": ("adapterhub_short", "hub"),
    "lora": ("lora", "stacks"),
}


def script_of(name: str) -> str:
    """The script of a page by its name, which is also its address: a room of its own, or a method's in `method/`."""
    return f"method/{name}/page.py" if name in METHOD_PAGES else f"{name}/page.py"
