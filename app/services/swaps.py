"""How long changing the customer takes on this server, measured when somebody asks for it."""

from app.services.models import checkpoints, exclusive_predictor, let_pass
from app.services.remembered import remembered_for
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.methods.registry import METHODS
from peft_core.report.costs.swap import Times

ROUNDS = 12
SECONDS = 30  # that the last measurement stands for the next: nobody keeps the server busy by pressing a button


@remembered_for(seconds=SECONDS)
def measured_swaps(base: str) -> Times:
    """Of all shipped checkpoints of this base model, in the process that serves, over the backbone that all share.

    Who asks meanwhile waits for the same measurement; short questions to the models go between its rounds.

    Raises:
        PeftClassroomError: when the base model cannot be loaded here, or the server is too busy.
    """
    from peft_core.checkpoints.asking.swaps import swaps

    small, whole = shipped(base)
    found = []
    with exclusive_predictor(base, long=True) as predictor:
        for swap in swaps(predictor.backbone, [info.path for info in small], whole.path, ROUNDS):
            found.append(swap)
            let_pass()
    return Times(
        base=base,
        checkpoints=tuple(info.name for info in small),
        small=tuple(swap.small for swap in found),
        whole=tuple(swap.whole for swap in found),
    )


def shipped(base: str) -> tuple[list[CheckpointInfo], CheckpointInfo]:
    """The shipped checkpoints that are put on this base model, and the one that is a whole model."""
    here = [info for info in checkpoints() if info.shipped and info.base == base]
    small = [info for info in here if not METHODS[info.method].owns_weights]
    return small, next(info for info in here if METHODS[info.method].owns_weights)
