"""The report's "pad" in front of the input: what the attention mask has to be there, tried on our own soft prompt."""

import streamlit as st

from app import services
from app.compare import shared
from app.content import label, text
from app.kit.plain import escaped
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.reread.courses import courses
from peft_core.reviews.checks import check_text

ROW = "soft_prompt-10-own"
MAX_CHARACTERS = 500
ANSWERS = "masked answers"  # session state: {(words, checkpoint): numbers}; a visitor's words stay in the session


def draw() -> None:
    """Own words, three readings of them, and what that says of the report's run."""
    st.markdown(text("report", "mask_picture", n=SoftPromptConfig().num_virtual_tokens))
    words = st.text_input(
        label("report", "mask_words"), label("report", "mask_default"), MAX_CHARACTERS, key="mask_words"
    )
    prompt = _checkpoint()
    if prompt is None:
        st.info(label("playground", "none_yet"), icon=":material/info:")
    elif not services.libraries().ready.is_set() or services.libraries().error:
        st.info(services.libraries().error or label("tree", "waiting"), icon=":material/hourglass_top:")
    else:
        _readings(words, prompt)
    course = next(one for one in courses() if one.quoted.key == ROW)
    first, last = course.epochs[0].train_loss, course.last.train_loss
    st.markdown(text("report", "mask_sentence", first=f"{first:.3f}", last=f"{last:.3f}"))


def _checkpoint() -> CheckpointInfo | None:
    """Ours of the same setting."""
    wanted = SoftPromptConfig()
    return next(
        (
            info
            for info in services.checkpoints()
            if isinstance(info.record.config.method, SoftPromptConfig)
            and info.record.config.method.num_virtual_tokens == wanted.num_virtual_tokens
        ),
        None,
    )


def _readings(words: str, prompt: CheckpointInfo) -> None:
    try:
        read, masked, without, gradients = _answers(words, prompt)
    except PeftClassroomError as error:
        st.warning(escaped(error), icon=":material/warning:")
        return
    n = prompt.record.config.method.num_virtual_tokens
    named = {"read": (read, "1", gradients[0]), "masked": (masked, "0", gradients[1]), "without": (without, "–", None)}
    for column, (name, (share, mask, gradient)) in zip(st.columns(3), named.items(), strict=True):
        column.metric(label("report", f"mask_{name}", n=n), f"{share:.1%}")
        told = label("report", "no_prompt") if gradient is None else label("report", "gradient", norm=f"{gradient:.3g}")
        column.caption(label("report", "mask_row", mask=mask, gradient=told))
    table = shared.table_for(prompt.base)
    row = table.row(ROW).reproduction
    if row and table.untrained:
        told = {
            "with": f"{row.test.accuracy:.1%}",
            "without": f"{table.untrained.accuracy:.1%}",
            "n": f"{row.test.n:,}",
        }
        st.caption(text("report", "mask_record", base=escaped(shared.short(prompt.base)), **told))


def _answers(words: str, prompt: CheckpointInfo) -> tuple[float, float, float, tuple[float, float]]:
    """p(positive) with mask 1, with mask 0 and without a prompt, and the gradients of the first two."""
    key = (words, prompt.name)
    answers = st.session_state.setdefault(ANSWERS, {})
    if key not in answers:
        from peft_core.report.reread.prompt_mask import read_with_mask

        cleaned = check_text(words)
        with services.exclusive_predictor(prompt.base) as predictor:
            model, longest = predictor.model(prompt.path)
            read, masked = (read_with_mask(predictor.backbone, model, cleaned, longest, ones) for ones in (True, False))
            without = predictor.classify([cleaned], None)[0].probability_positive
        answers.clear()
        answers[key] = read.probability, masked.probability, without, (read.gradient, masked.gradient)
    return answers[key]
