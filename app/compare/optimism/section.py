"""What choosing on the test set adds: in the report's curves, in ours, and by dividing our own test reviews."""

import streamlit as st

from app import services
from app.compare.optimism import charts as optimism_charts
from app.compare.optimism import selection
from app.compare.optimism.charts import Claim
from app.content import label, text
from app.kit import url, verdicts
from app.kit.plain import escaped
from peft_core.report.optimism import Mean, mean_over_runs, quoted_optimism, run_optimism, validation_gap
from peft_core.report.quoted import BASE, TEST_REVIEWS
from peft_core.statistics.formats import points


def draw() -> None:
    """The report's curves and ours, one of them in full; then the same on divided test reviews, and the gap."""
    st.markdown(text("compare", "optimism"))
    quoted, ours = quoted_claims(), our_claims()
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**{label('compare', 'optimism_report', base=BASE)}**")
        optimism_charts.claims(quoted, "optimism_report", "last")
        st.markdown(_sentence("optimism_report_mean", mean_over_runs([c.difference for c in quoted])))
    with right:
        st.markdown(f"**{label('compare', 'optimism_ours')}**")
        if ours:
            optimism_charts.claims(ours, "optimism_ours", "validation")
            st.markdown(_sentence("optimism_ours_mean", mean_over_runs([c.difference for c in ours])))
        else:
            st.info(text("compare", "no_test_curves"), icon=":material/info:")
            st.code("python -m peft_core reproduce", language="bash")
    st.caption(label("compare", "optimism_reading"))
    optimism_charts.curve(_choose([*quoted, *ours]))
    st.divider()
    selection.draw()
    _gap()


def quoted_claims() -> list[Claim]:
    """The report's rows with a curve: its table has the best epoch, nothing chose the last."""
    return [
        Claim(
            key=q.quoted.key,
            words=q.quoted.label,
            method=q.quoted.method.method,
            claimed=q.best.accuracy,
            honest=q.last.accuracy,
            claimed_at=q.best.epoch + 1,
            honest_at=q.last.epoch + 1,
            test=tuple((e.epoch + 1, e.accuracy) for e in q.quoted.curve),
            validation=(),
            n=TEST_REVIEWS,
            along="epoch",
        )
        for q in quoted_optimism()
    ]


def our_claims() -> list[Claim]:
    """The runs that noted their test accuracy at every validation."""
    titles = verdicts.titles(services.checkpoints())
    claims = []
    for info in services.checkpoints():
        found = run_optimism(info.record)
        if found:
            claims.append(
                Claim(
                    key=info.name,
                    words=titles[info.name],
                    method=info.method,
                    claimed=found.claimed,
                    honest=found.honest,
                    claimed_at=found.claimed_step,
                    honest_at=found.honest_step,
                    test=(info.record.test_curve or ())[1:],
                    validation=info.record.validations[1:],
                    n=found.n,
                    along="step",
                )
            )
    return claims


def _sentence(name: str, mean: Mean) -> str:
    """The mean over curves, with an interval where there are several."""
    told = {"mean": points(mean.value, sign=False), "n": mean.runs}
    if mean.low is None or mean.high is None:
        return label("compare", f"{name}_one", **told)
    return label("compare", name, **told, low=points(mean.low), high=points(mean.high))


def _choose(claims: list[Claim]) -> Claim:
    """The curve to see in full; in the URL by the key of its row or the name of its run."""
    by_key = {claim.key: claim for claim in claims}
    first = max(claims, key=lambda claim: claim.difference).key
    url.from_link("curve", list(by_key), first)
    if st.session_state["curve"] not in by_key:  # a run was deleted meanwhile
        st.session_state["curve"] = first
    key = st.selectbox(
        label("compare", "curve"), list(by_key), key="curve",
        format_func=lambda name: by_key[name].words if name in by_key else name,
    )  # fmt: skip
    url.remember("curve", key, default=first)
    return by_key[key]


def _gap() -> None:
    """How much lower the same weights are on test reviews than on the validation reviews that chose them."""
    gap = validation_gap(info.record for info in services.checkpoints())
    if gap is None:
        return
    told = {
        "validation": f"{gap.validation.accuracy:.1%}", "test": f"{gap.test.accuracy:.1%}",
        "n_validation": f"{gap.validation.n:,}", "n_test": f"{gap.test.n:,}", "difference": points(gap.difference),
        "low": points(gap.low), "high": points(gap.high),
    }  # fmt: skip
    st.markdown(escaped(label("compare", "validation_gap", **told)))
