"""How strong is the update at each rank? Three rules for the factor before B·A, and what they do at the first step."""

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme, url
from app.kit.machine.measured_on import measured_on
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_of
from peft_core.report.experiments.lora_scaling import ScalingReport, load_lora_scaling, rules
from peft_core.report.reproduction.planned_rows import as_planned
from peft_core.t5.architecture import BaseModel

WHAT = "lora_scaling"  # in the URL
WHATS = ("factor", "moved", "gradient")
DASHES = {"fixed": [1, 0], "kept": [7, 3], "rslora": [2, 2]}
REFERENCE, WIDE = LoraConfig(), 64


def draw(base: BaseModel, config: LoraConfig) -> None:
    """Claim, what to look at, three lines over the ranks, the numbers of two ranks."""
    st.markdown(text("lora_choices", "scaling"))
    titles = {name: label("lora_choices", f"scaling_{name}") for name in WHATS}
    what = url.one_of(WHAT, label("lora_choices", "scaling_what"), titles)
    report = load_lora_scaling()
    lines = {rule: _line(report, what, rule) for rule in DASHES}
    _chart(report.ranks, lines, what)
    low, high = report.ranks[0], WIDE
    values = {f"{rule}_{r}": f"{line[report.ranks.index(r)]:.2g}" for rule, line in lines.items() for r in (low, high)}
    st.markdown(text("lora_choices", f"scaling_{what}", low=low, high=high, **values))
    told = {"wide": high, "wide_rate": f"{as_planned(base.name, LoraConfig(r=high)).learning_rate:g}"}
    told |= {"usual": REFERENCE.r, "usual_rate": f"{method_of(config).learning_rate:g}"}
    now = {"r": config.r, "alpha": f"{config.alpha:g}", "now": f"{config.scaling:.3g}"}
    st.markdown(text("lora_choices", "scaling_so", **told, **now))
    if what != "factor":
        st.caption(text("lora_choices", "scaling_source", reviews=report.reviews, seeds=_seeds(report)))
        st.caption(measured_on(report.provenance))


def _seeds(report: ScalingReport) -> int:
    return len({step.seed for step in report.steps})


def _line(report: ScalingReport, what: str, rule: str) -> list[float]:
    """One rule's values at every rank: the factor itself, or the measured size times it, as a multiple of r = 8's."""
    factor = rules(REFERENCE.r, REFERENCE.alpha)[rule]
    if what == "factor":
        return [factor(r) for r in report.ranks]
    size = getattr(report, what)
    middle = factor(REFERENCE.r) * size(REFERENCE.r)
    return [factor(r) * size(r) / middle for r in report.ranks]


@figure.kept
def _chart(ranks: tuple[int, ...], lines: dict[str, list[float]], what: str) -> None:
    rows = pd.DataFrame(
        [
            {"r": r, "value": value, "rule": rule, "name": label("lora_choices", f"rule_{rule}")}
            for rule, line in lines.items()
            for r, value in zip(ranks, line, strict=True)
        ]
    )
    powers = [
        10.0**n for n in range(-2, 3) if 10.0 ** (n + 1) > rows["value"].min() and 10.0 ** (n - 1) < rows["value"].max()
    ]
    base = alt.Chart(rows).encode(
        x=alt.X(
            "r:Q", title=label("count", "rank_axis"), scale=alt.Scale(type="log", base=2, domain=[1, ranks[-1] * 4]),
            axis=alt.Axis(values=list(ranks), format="d", grid=False),
        ),
        y=alt.Y(
            "value:Q", title=label("lora_choices", f"axis_{what}"),
            scale=alt.Scale(type="log", domain=[powers[0], powers[-1]]), axis=alt.Axis(format="~g", values=powers),
        ),
        strokeDash=alt.StrokeDash(
            "rule:N", scale=alt.Scale(domain=list(DASHES), range=list(DASHES.values())), legend=None
        ),
        detail=alt.Detail("rule:N"),
    )  # fmt: skip
    colour = theme.METHOD["lora"].colour
    tips = [alt.Tooltip("name:N", title=label("lora_choices", "rule")), alt.Tooltip("r:Q", title="r")]
    tips.append(alt.Tooltip("value:Q", title=label("lora_choices", f"axis_{what}"), format=".3g"))
    drawn = base.mark_line(color=colour, strokeWidth=2.5)
    points = base.mark_point(filled=True, size=60, color=colour, opacity=1).encode(tooltip=tips)
    last = base.transform_filter(f"datum.r == {ranks[-1]}").mark_text(
        align="left", dx=10, fontSize=14, color=theme.ink()
    )
    listed = "; ".join(
        f"{label('lora_choices', f'rule_{rule}')}: "
        + ", ".join(f"r = {r} {value:.3g}" for r, value in zip(ranks, line, strict=True))
        for rule, line in lines.items()
    )
    st.altair_chart(
        theme.readable((drawn + points + last.encode(text=alt.Text("name:N"))).properties(height=260)),
        width="stretch",
        key="lora_scaling_chart",
        alt=label("lora_choices", "scaling_alt", what=label("lora_choices", f"axis_{what}"), rows=listed),
    )
