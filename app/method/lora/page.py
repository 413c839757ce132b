"""LoRA: two thin strips beside a frozen matrix."""

import streamlit as st

from app.content import glossary, label, text
from app.kit import stops, url
from app.method import skeleton
from app.method.count.count_chart import Knob, Limit
from app.method.lora import picture, why_rank_one
from app.method.lora.choices import section as choices
from app.method.lora.formula import formula
from app.method.shapes import matrix_shape, wrapped_weights
from app.method.sheet import show_all
from peft_core.counting.by_hand import count
from peft_core.methods.lora.method import TARGET_MODULES, VARIANTS, LoraConfig
from peft_core.t5.architecture import BaseModel

MAX_RANK, MAX_ALPHA = 256, 512.0
VARIANT, KEEP, ALPHA, TARGETS = "lora_variant", "lora_keep", "lora_alpha", "lora_targets"  # in the URL
ALONE = "lora_targets alone"  # session state: somebody has just tried to take the last one out
RATIO = LoraConfig().scaling  # of every shipped LoRA, too


def controls(base: BaseModel) -> LoraConfig:
    """What the class moves. All of it is in the URL."""
    default = LoraConfig()
    with st.container(gap="xsmall"):  # so that the count stays on a projector's screen
        variant = url.one_of(VARIANT, label("count", "variant"), {name: name for name in VARIANTS}, untitled=True)
        r = stops.number("lora_r", label("count", "r"), stops.powers(MAX_RANK), default.r, glossary()["rank"])
        targets = _targets(list(default.target_modules))
    rslora = variant == "rsLoRA"
    alpha = _free_alpha(r) if rslora else _alpha(r)
    return LoraConfig(r=r, alpha=alpha, target_modules=tuple(targets), use_rslora=rslora, use_dora=variant == "DoRA")


def _targets(default: list[str]) -> list[str]:
    """The modules that are wrapped. The last one cannot be taken out: without any there would be no method."""
    kept = f"{TARGETS} kept"

    def keep_one() -> None:
        st.session_state[ALONE] = not st.session_state[TARGETS]
        if st.session_state[ALONE]:
            st.session_state[TARGETS] = st.session_state[kept]

    targets = st.pills(
        label("count", "target_modules"),
        TARGET_MODULES,
        selection_mode="multi",
        default=default,
        key=TARGETS,
        bind="query-params",
        on_change=keep_one,
        help=glossary()["q, k, v, o, wi, wo"],
    )
    st.session_state[kept] = targets = targets or default  # a link may ask for none
    if st.session_state.get(ALONE):
        st.warning(label("count", "no_targets"), icon=":material/info:")
    return targets


def _alpha(r: int) -> float:
    """α, which follows r as long as α/r is kept. A link with another α/r opens without that."""
    url.clamp(ALPHA, label("count", "alpha"), 1, MAX_ALPHA, whole=False)
    if st.session_state.get(ALPHA, RATIO * r) != RATIO * r and KEEP not in (*st.session_state, *st.query_params):
        st.session_state[KEEP] = False
    keep = st.toggle(label("count", "keep_ratio", ratio=f"{RATIO:g}"), True, key=KEEP, bind="query-params")
    if keep:
        st.session_state[ALPHA] = RATIO * r
    alpha = _number(disabled=keep)
    if not keep:
        st.caption(label("count", "ratio_now", ratio=f"{alpha / r:.3g}"))
    return alpha


def _free_alpha(r: int) -> float:
    """α of rsLoRA, which is meant to stay where it is while r moves."""
    url.clamp(ALPHA, label("count", "alpha"), 1, MAX_ALPHA, whole=False)
    alpha = _number(disabled=False)
    st.caption(label("count", "root_now", ratio=f"{alpha / r**0.5:.3g}"))
    return alpha


def _number(disabled: bool) -> float:
    default, told = LoraConfig().alpha, glossary()["alpha"]
    name = label("count", "alpha")
    return url.bounded_number(ALPHA, name, 1, MAX_ALPHA, default, format="%g", disabled=disabled, help=told)


def idea(base: BaseModel, config: LoraConfig) -> None:
    """The concrete number first, then the picture."""
    module = config.target_modules[0]
    out, inner = matrix_shape(base.architecture, module)
    whole, strips = out * inner, config.r * (out + inner)
    values = {"base": base.name, "module": module, "out": out, "inner": inner, "w": whole, "r": config.r, "ab": strips}
    lengths = text("method/lora", "idea_dora", out=out) if config.use_dora else ""
    st.markdown(f"{text('method/lora', 'idea', share=strips / whole, **values)} {lengths}")
    show_all(picture.pictures(base, config))


def maths(base: BaseModel, config: LoraConfig) -> None:
    """The formula, and what its letters stand for."""
    (d, k), r = matrix_shape(base.architecture, config.target_modules[0]), config.r
    skeleton.latex(formula(base, config))
    st.markdown(text("method/lora", "shapes", inner=k, out=d, r=r, **_factor(config)))
    if config.use_dora:
        st.markdown(text("method/lora", "lengths", out=d))
    if config.use_rslora:
        st.markdown(text("method/lora", "root", r=r, alpha=config.alpha, same=config.scaling * r))
    st.markdown(text("method/lora", "initialisation"))
    st.caption(text("method/lora", f"source_{config.variant.lower()}"))


def _factor(config: LoraConfig) -> dict[str, str]:
    """The factor s in words: its rule, and the rule with this page's numbers."""
    root = f"√{config.r}" if config.use_rslora else f"{config.r}"
    return {"rule": config.rule, "divided": f"{config.alpha:g} / {root}", "scaling": f"{config.scaling:.4g}"}


def limit(base: BaseModel, config: LoraConfig) -> Limit:
    """What the wrapped matrices hold, and the rank from which LoRA trains as much."""
    full = wrapped_weights(base.architecture, config.target_modules)
    one, two = (
        count(base.architecture, config.model_copy(update={"r": r})).trainable_parameters for r in (1, 2)
    )  # DoRA's lengths are there at every rank
    rank = 1 - (one - full) // (two - one)
    sentence = text("method/lora", "break_even", rank=rank, full=f"{full:,}", name=config.variant)
    return Limit(full, label("count", "full_matrices", full=f"{full:,}"), sentence)


skeleton.draw(
    skeleton.MethodPage(
        "lora",
        controls,
        idea,
        maths,
        pictures=picture.pictures,
        formula=formula,
        knob=Knob("r", label("count", "r"), 1, MAX_RANK),
        limit=limit,
        more={"rank_one": lambda base, config: why_rank_one.draw(), "choices": choices.draw},
    )
)
