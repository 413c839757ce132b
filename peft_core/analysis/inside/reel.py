"""The moments of a run, one after the other: what is seen at each, from its snapshots and the method's own `inside.py`.

A snapshot that is damaged, or does not fit the model, is refused with a sentence: nothing is drawn of it.
"""

from pathlib import Path

import numpy as np
import torch

from peft_core.analysis.inside.seen import Matrix, Row, Rows, Seen, Units, Vector
from peft_core.analysis.nearest_words.nearest import by_cosine
from peft_core.analysis.spectra.delta import DenseDelta, LowRankDelta
from peft_core.analysis.walkthrough.forward import untrained_model
from peft_core.analysis.walkthrough.tokens import read_words
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.methods.common import InFront
from peft_core.methods.inside import At, Factors, Kind, hooks, kind_of
from peft_core.methods.places import find_place, places
from peft_core.methods.recorder import Recorder
from peft_core.methods.registry import method_label
from peft_core.t5.backbone import Backbone, first_step_hidden
from peft_core.t5.names import Place
from peft_core.training.snapshots.moments import SIGMAS, THEN, Moment, list_moments
from peft_core.training.snapshots.pictures import image
from peft_core.training.snapshots.reading import read_pictures, read_tensors

NEAREST = 3  # words of a row


class Reel:
    """The moments of one run. Builds a model of its own over the shared weights of `backbone`."""

    def __init__(self, folder: Path, backbone: Backbone) -> None:
        """
        Args:
            folder: `snapshots` in the folder of a run.

        Raises:
            PeftClassroomError: if there is no moment in it.
        """
        self.found, self.backbone = list_moments(folder), backbone
        if not self.found.moments:
            raise PeftClassroomError("This run has kept no snapshots. Train once more; every run keeps them now.")
        first = self.found.moments[0]
        self.form = first.form
        self.config, self.architecture = first.config.method, backbone.base.architecture
        self.base = dict(backbone.model.named_parameters())
        self.model = None if self.form != "tensors" else untrained_model(backbone, self.config)

    def look_again(self) -> None:
        """Take note of moments that have come or gone since."""
        self.found = list_moments(self.found.folder)

    @property
    def kind(self) -> Kind | None:
        """Which picture there is; None: the method has none, or its tensors were too many to be kept."""
        if self.form == "pictures":
            return "update"
        return kind_of(self.config) if self.form == "tensors" else None

    def places(self) -> tuple[Place, ...]:
        """Where the picture can be taken; of rows in front of the review there is one place, which is not asked for."""
        everywhere = places(self.architecture, self.config)
        if self.form != "pictures":
            return everywhere
        kept = self._pictures(self.found.moments[0])
        return tuple(place for place in everywhere if place.name in kept)

    @torch.inference_mode()
    def seen(self, step: int, place: str, words: str = "") -> Seen:
        """What is seen at a place.

        Args:
            place: dotted name of one of `places()`.
            words: what the units of a bottleneck are asked; else not read.

        Raises:
            PeftClassroomError: if this moment, or the one that it is compared with, is missing or damaged, or the
                method has no picture.
        """
        moment, kind = self.found.at(step), self.kind
        if kind is None:
            raise PeftClassroomError(f"{method_label(self.config)} has no picture of its own: its accuracy is shown.")
        where = find_place(self.architecture, self.config, place)
        if moment.form != self.form:
            raise PeftClassroomError(f"The snapshot of step {step} is of another kind than those before it. {THEN}")
        if self.form == "pictures":
            return self._of_picture(moment, where)
        at = self._at(moment, where)
        if kind == "update":
            return matrix(where, hooks(self.config).update(at))
        if kind == "units":
            return self._units(at, words, moment.config.data.max_length)
        ask = getattr(hooks(self.config), kind)
        now, start = ask(at), ask(self._at(self.found.at(0), where))
        if kind == "matrix":
            return matrix(where, now - start)
        if kind == "vector":
            return Vector((now - start).numpy(), start.numpy())
        return self._rows(now.numpy(), start.numpy())

    def tensors(self, step: int) -> dict[str, torch.Tensor]:
        """All that trains as it was at this step, by its dotted name, fp32.

        Raises:
            PeftClassroomError: if this moment is missing or damaged.
        """
        shapes = {name: tuple(p.shape) for name, p in trainable_tensors(self.model).items()}
        return read_tensors(self.found, self.found.at(step), shapes)

    def _at(self, moment: Moment, place: Place) -> At:
        return At(place, self.config, self.architecture, self.tensors(moment.step), self.base)

    def _pictures(self, moment: Moment):
        shapes = {name: tuple(p.shape) for name, p in self.base.items() if p.dim() == 2}
        everywhere = [place.name for place in places(self.architecture, self.config)]
        return read_pictures(self.found, moment, {name: shapes[f"{name}.weight"] for name in everywhere})

    def _of_picture(self, moment: Moment, place: Place) -> Matrix:
        found = self._pictures(moment).get(place.name)
        if found is None:
            raise PeftClassroomError("No picture of this place was kept. Choose one of those listed.")
        return Matrix(found.image, found.sigmas, found.norm, found.shape)

    def _rows(self, now: np.ndarray, start: np.ndarray) -> Rows:
        near = by_cosine(now, self.base["shared.weight"].numpy(), NEAREST)
        told = self.backbone.tokenizer.convert_ids_to_tokens
        moved = np.linalg.norm(now - start, axis=1)
        return Rows(
            tuple(
                Row(tuple(told(ids.tolist())), tuple(cosines.tolist()), float(far))
                for ids, cosines, far in zip(near.ids, near.values, moved, strict=True)
            )
        )

    def _units(self, at: At, words: str, max_length: int) -> Units:
        """One forward pass of the model as it was, on these words."""
        reading = read_words(self.backbone, words, max_length)
        for name, parameter in trainable_tensors(self.model).items():
            parameter.data.copy_(at.now[name])
        inner = self.model.model if isinstance(self.model, InFront) else self.model
        ids = torch.tensor([reading.ids])
        with Recorder(inner, [at.place.name]) as recorder:
            first_step_hidden(self.model, ids, torch.ones_like(ids))
        answers = hooks(self.config).units(at, recorder.inputs[at.place.name][0])  # (T, m)
        return Units(answers.T.numpy(), reading.at(at.place))


def matrix(place: Place, update: Factors | torch.Tensor) -> Matrix:
    """The picture of a matrix: of two factors its σ come from them, by `spectra/delta.py`."""
    if isinstance(update, Factors):
        whole = update.up @ update.down
        delta = LowRankDelta(place, update.up.numpy(), update.down.numpy(), 1.0)
    else:
        whole, delta = update, DenseDelta(place, update.numpy())
    return Matrix(image(whole).numpy(), delta.sigmas[:SIGMAS], delta.norm, tuple(whole.shape))
