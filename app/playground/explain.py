"""Which words speak for a verdict: occlusion and integrated gradients, computed only when asked for.

Results are plain data in the session, by (text, checkpoint, method, start): they stay while other widgets move.
"""

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import services
from app.content import label, text
from app.kit import url
from app.kit.asking import review_box, verdicts
from app.kit.asking.classes import Classes, classes_of
from app.kit.asking.verdicts import Model, base_of, name_of
from app.kit.plain import escaped
from app.playground import starts, word_chart
from app.playground.word_chart import signed
from peft_core.errors import PeftClassroomError
from peft_core.reviews.checks import check_text
from peft_core.reviews.config import REVIEWS, Learned
from peft_core.reviews.notes import notes_on

if TYPE_CHECKING:
    from peft_core.analysis.explain.attribution import Attribution

METHODS = ("occlusion", "integrated_gradients")
CHOICES = ("both", *METHODS)
STARTS = ("padding", "mean", "full_stop", "average")  # of integrated gradients, as the library names them
KEPT = "explain results"  # session state: {(text, checkpoint, method, start): Attribution}, the latest MOST_KEPT
MOST_KEPT = 12
TOP = 10


def draw(review: str, chosen: list[Model]) -> None:
    """Controls, and what was computed for this review with them."""
    classes = classes_of(verdicts.learned_of(chosen))
    st.markdown(text("explain", "lead", **classes.written))
    left, right = st.columns(2)
    with left:
        info = choose_checkpoint("explain_checkpoint", label("explain", "checkpoint"), chosen)
    with right:
        methods = _choose_methods()
    start = _choose_start() if "integrated_gradients" in methods else STARTS[0]
    learned = verdicts.learned_of(chosen)
    cleaned = usable(review, learned)
    if cleaned is None:
        return
    wanted = st.button(label("explain", "explain"), type="primary", key="explain_go", shortcut=review_box.SHORTCUT)
    if wanted or (review_box.link_asks() and review == st.query_params.get(review_box.LINK)):
        explain(cleaned, info, methods, learned, start)
    found = [known(cleaned, info, method, learned, start) for method in methods]
    shown = [result for result in found if result is not None]
    if shown:
        _show(shown, verdicts.titles([*services.askable(), info])[name_of(info)], start, classes)
    else:
        st.caption(label("explain", "on_demand"))
    with st.expander(label("explain", "how")):
        st.markdown(text("explain", "how"))


def choose_checkpoint(key: str, title: str, chosen: list[Model]) -> Model:
    """One of the chosen checkpoints and base models; it is in the URL by its name."""
    by_name = {name_of(info): info for info in chosen}
    first = name_of(chosen[0])
    url.from_link(key, list(by_name), first)
    if st.session_state[key] not in by_name:  # it was taken out of the comparison
        st.session_state[key] = first
    titles = verdicts.titles([*services.askable(), *chosen])
    name = st.selectbox(title, list(by_name), format_func=lambda name: titles.get(name, name), key=key)
    url.remember(key, name, default=first)
    return by_name[name]


def _choose_methods() -> tuple[str, ...]:
    choice = url.one_of("explain_by", label("explain", "method"), {name: label("explain", name) for name in CHOICES})
    return METHODS if choice == "both" else (choice,)


def _choose_start() -> str:
    titles = {name: label("explain", f"start_{name}") for name in STARTS}
    return url.one_of("explain_start", label("explain", "start"), titles)


def usable(review: str, learned: Learned = REVIEWS) -> str | None:
    """The review as the models read it; None, and a sentence on the screen, where there is nothing to read."""
    try:
        read = check_text(review)
    except PeftClassroomError as error:
        st.info(escaped(error), icon=":material/info:")
        return None
    for note in notes_on(review, read, learned):
        verdicts.warn(note.words, note.doubtful)
    return read


def known(review: str, info: Model, method: str, learned: Learned, start: str = STARTS[0]) -> "Attribution | None":
    """What was computed before, if it was."""
    return st.session_state.get(KEPT, {}).get(_key(review, info, method, learned, start))


def _key(review: str, info: Model, method: str, learned: Learned, start: str) -> tuple[str, ...]:
    """Of own texts with their task: a base model is asked for the words of each."""
    name = f"{name_of(info)} {learned.task_key}" if learned.own else name_of(info)
    return review, name, method, start if method == "integrated_gradients" else ""


def explain(review: str, info: Model, methods: tuple[str, ...], learned: Learned, start: str = STARTS[0]) -> None:
    """Compute what is not known yet and keep it. What cannot be computed is a sentence on the screen."""
    from peft_core.analysis.explain import attribution

    kept = st.session_state.setdefault(KEPT, {})
    bar = st.empty()
    try:
        with services.exclusive_predictor(base_of(info), long=True) as predictor:
            model, max_length = predictor.model(None if isinstance(info, str) else info.path)
            backbone = predictor.backbone.answering(learned.words)
            for method in methods:
                if (key := _key(review, info, method, learned, start)) not in kept:
                    compute = partial(attribution.METHODS[method], progress=partial(_tell, bar, method))
                    if method == "integrated_gradients":
                        compute = partial(compute, baseline=start)
                    kept[key] = compute(backbone, model, review, max_length)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
    bar.empty()
    while len(kept) > MOST_KEPT:
        kept.pop(next(iter(kept)))


def _tell(bar: DeltaGenerator, method: str, done: int, of: int) -> None:
    """How far it is, in a bar; then whoever waits for a short answer goes first."""
    bar.progress(done / of, text=label("explain", f"progress_{method}", done=f"{done:,}", of=f"{of:,}"))
    services.let_pass()


def _show(shown: list["Attribution"], title: str, start: str, classes: Classes) -> None:
    """The verdict, the text once a method, in one scale, then the most influential words side by side."""
    p = shown[0].probability
    values = {"verdict": classes.written_verdict(p > 0.5), "p": f"{p:.1%}", **classes.written}
    st.markdown(label("explain", "verdict", title=escaped(title), whole=signed(shown[0].whole), **values))
    scores = [score for result in shown for score in result.scores if score is not None]
    for result in shown:
        st.markdown(f"**{label('explain', result.method)}**")
        word_chart.words(result, max(map(abs, scores), default=0.0), key=f"explain_words_{result.method}")
        st.markdown(_sum_in_words(result))
        if result.starts:
            starts.show(result, start, classes)
    st.markdown(f"**{label('explain', 'top')}**")
    for column, result in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            axis = label("explain", "score_axis", method=label("explain", result.method), **classes.plain)
            word_chart.bars(result, TOP, axis, scores, key=f"explain_bars_{result.method}")
    if len(shown) == 2:
        both = set(shown[0].most_influential(TOP)) & set(shown[1].most_influential(TOP))
        st.caption(label("explain", "shared", n=len(both), of=len(shown[0].most_influential(TOP))))
        starts.disagreements(*shown)


def _sum_in_words(result: "Attribution") -> str:
    """What the scores add up to, what they should add up to, and what it took."""
    values = {
        "total": signed(result.total),
        "rest": signed(result.rest),
        "words": signed(result.total - result.rest),
        "whole": signed(result.whole),
        "baseline": signed(result.baseline),
        "explained": signed(result.explained),
        "gap": f"{result.gap:.3f}",
        "share": f"{result.gap / abs(result.explained):.1%}" if result.explained else "–",
        "steps": result.steps,
        "seconds": f"{result.seconds:.1f}",
    }
    if result.method == "occlusion":
        return label("explain", "occlusion_sum", **values)
    return label("explain", "complete" if result.complete else "incomplete", **values)
