"""What can be turned on a trained checkpoint: louder, quieter or off, fewer terms, fewer rows; two of them blended."""

from peft_core.checkpoints.dials.blend import Blend
from peft_core.checkpoints.dials.dialled import AS_TRAINED, MOST, OFF, Dialled, Offered, Setting

__all__ = ["AS_TRAINED", "MOST", "OFF", "Blend", "Dialled", "Offered", "Setting"]
