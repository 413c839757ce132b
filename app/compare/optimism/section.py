"""What choosing on the test set adds: in the report's curves, in ours, and by dividing our own test reviews."""

from statistics import fmean, median

import streamlit as st

from app import services
from app.compare.optimism import charts as optimism_charts
from app.compare.optimism import selection
from app.compare.optimism.charts import Claim
from app.content import label, text
from app.kit import url
from app.kit.asking import verdicts
from app.kit.plain import escaped
from peft_core.report.optimism import luck_alone, quoted_optimism, run_optimism, validation_gap
from peft_core.report.our_disagreement import between_seeds
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
        st.markdown(_report_sentence(quoted))
        _luck(quoted)
    with right:
        st.markdown(f"**{label('compare', 'optimism_ours')}**")
        if ours:
            optimism_charts.claims(ours, "optimism_ours", "validation")
            st.markdown(_our_sentence(ours))
        else:
            st.info(text("compare", "no_test_curves"), icon=":material/info:")
            st.code("python -m peft_core reproduce", language="bash")
    st.caption(label("compare", "optimism_reading"))
    chosen = _choose([*quoted, *ours])
    optimism_charts.curve(chosen)
    _loss(chosen)
    st.divider()
    selection.draw()
    _gap()


def quoted_claims() -> list[Claim]:
    """The report's rows with a curve: its table has the best epoch, nobody chose the last."""
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
            losses=(q.best.train_loss, q.last.train_loss),
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


def _report_sentence(quoted: list[Claim]) -> str:
    """Mean and median, and how much of the sum is of curves that came apart."""
    found, apart = [c.difference for c in quoted], [c.difference for c in quoted if c.came_apart]
    told = {"mean": points(fmean(found), sign=False), "median": points(median(found), sign=False), "n": len(found)}
    return label("compare", "optimism_report_mean", **told, apart=len(apart), share=f"{sum(apart) / sum(found):.0%}")


def _our_sentence(ours: list[Claim]) -> str:
    """Never below 0, since the best is at least the chosen one: so there is no interval to ask for 0."""
    found = [c.difference for c in ours]
    told = {"mean": points(fmean(found), sign=False), "median": points(median(found), sign=False), "n": len(found)}
    if len(found) == 1:
        return label("compare", "optimism_ours_mean_one", **told)
    return label("compare", "optimism_ours_mean", **told, more=sum(d > 0 for d in found))


def _luck(quoted: list[Claim]) -> None:
    """What as many equally good epochs would show, if they disagreed as rarely as two seeds of ours."""
    rate = between_seeds(info.record for info in services.checkpoints())
    if rate is None or not quoted:
        return
    luck = luck_alone(len(quoted[0].test), TEST_REVIEWS, rate)
    told = {"epochs": len(quoted[0].test), "rate": f"{rate:.1%}", "luck": points(luck, sign=False)}
    st.markdown(label("compare", "optimism_luck", **told, n=f"{TEST_REVIEWS:,}"))


def _loss(claim: Claim) -> None:
    """Whether training went on as it should after the best epoch."""
    if claim.losses is None or claim.claimed_at == claim.honest_at:
        return
    told = dict(zip(("best", "last"), (f"{loss:.3f}" for loss in claim.losses), strict=True))
    name = "curve_apart" if claim.came_apart else "curve_falls"
    st.markdown(label("compare", name, **told, from_epoch=claim.claimed_at, to_epoch=claim.honest_at))


def _choose(claims: list[Claim]) -> Claim:
    """The curve to see in full, at first the largest claim that did not come apart. In the URL by its key or name."""
    by_key = {claim.key: claim for claim in claims}
    first = max(claims, key=lambda claim: (not claim.came_apart, claim.difference)).key
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
