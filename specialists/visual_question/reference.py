"""The reference backend: header and recogniser, the chest film model, and a small linear one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from specialists.base import Picture, Progress, Reading, Request, Source
from specialists.canary import check
from specialists.errors import InvalidInput
from specialists.readers import read_photograph, read_radiograph, read_volume
from specialists.readers.slide import read_slide
from specialists.schema import Manifest, PredictionSet, Provenance, SpecialistResult
from specialists.visual_question.predict import SEEN, QuestionNet
from specialists.visual_question.questions import aim
from specialists.visual_question.spec import VisualQuestionRequest

if TYPE_CHECKING:
    from specialists.chest_xray.predict import ChestNet

__all__ = ["ReferenceBackend"]

MODALITIES = {
    "CR": "a radiograph (X-ray)", "DX": "a radiograph (X-ray)", "CT": "computed tomography (CT)",
    "MR": "magnetic resonance imaging (MR)", "US": "ultrasound", "MG": "mammography",
    "PT": "positron emission tomography (PET)", "NM": "nuclear medicine imaging",
    "XA": "angiography", "RF": "fluoroscopy", "SM": "microscopy of tissue",
    "XC": "a photograph", "DMS": "dermoscopy", "OP": "a fundus photograph",
    "OPT": "optical coherence tomography", "ES": "endoscopy",
}  # fmt: skip
_MODELLED = ("CR", "DX", "CT", "MR")
_SURE = 0.5
CANT_TELL = "Can't tell"
NOT_ASSESSED = (
    "Everything that was not asked.",
    "Open questions other than for the modality, the region and the view.",
)


@dataclass(frozen=True)
class Answer:
    """An answer with the classes behind it, if a model gave it."""

    text: str
    predicted: PredictionSet | None = None
    warnings: tuple[str, ...] = ()


class ReferenceBackend:
    """Answers what it can, and says so where it can't tell.

    Args:
        device: Not used: the models are small enough for the processor.
    """

    def __init__(self, device: str) -> None:
        self._net = QuestionNet(Path(__file__).parent)
        self._chest: ChestNet | None = None

    def canary(self) -> None:
        """Try the model on the known picture."""
        check(self._net)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Answer one question about one image."""
        if not isinstance(request, VisualQuestionRequest):
            raise InvalidInput("The options are not those of answer_image_question.")
        source = inputs["image"][0]
        progress(0.1, "reading the image")
        pixels = _pixels(source)
        progress(0.5, "answering")
        answer = self._answer(request.question, source, pixels)
        result = SpecialistResult(
            summary=answer.text,
            prediction_sets=(answer.predicted,) if answer.predicted else (),
            not_assessed=NOT_ASSESSED,
            warnings=answer.warnings,
            provenance=self._provenance(),
        )
        return Reading(result, (_picture(pixels),))

    def _answer(self, question: str, source: Source, pixels: NDArray[np.uint8]) -> Answer:
        manifest, wanted = source.manifest, aim(question)
        if wanted == "modality":
            return _modality(manifest)
        if wanted == "plane":
            return _plane(manifest)
        if wanted == "organ" and manifest.body_part:
            return Answer(f"The image shows: {manifest.body_part}.")
        if manifest.modality not in _MODELLED:
            return Answer(f"{CANT_TELL}: the model knows radiographs, CT and MR only.")
        probabilities, members, seen = self._net.region(pixels)
        if seen.sum() < _SURE:
            return Answer(f"{CANT_TELL}: the image does not look like a radiograph, CT or MR.")
        if wanted == "organ":
            return self._region(probabilities, _with_chest(self._net.regions, members, seen))
        if wanted == "opacity" and manifest.modality in ("CR", "DX") and _is_chest(manifest, seen):
            return self._opacity(source)
        if wanted in ("yes or no", "opacity"):
            return self._closed(question, probabilities, seen)
        return Answer(f"{CANT_TELL}: no model here answers this kind of question.")

    def _region(self, probabilities: NDArray[np.float64], members: NDArray[np.bool_]) -> Answer:
        names = self._net.regions
        labels = tuple(name for name, inside in zip(names, members, strict=True) if inside)
        text = f"The image shows: {labels[0]}." if len(labels) == 1 else _open(labels, "region")
        return Answer(text, self._set("region", names, probabilities, labels, text))

    def _closed(
        self, question: str, regions: NDArray[np.float64], seen: NDArray[np.float64]
    ) -> Answer:
        probabilities = self._net.closed([question], regions[None], seen[None])
        members = self._net.closed_sets(probabilities)[0]
        names = ("no", "yes")
        labels = tuple(name for name, inside in zip(names, members, strict=True) if inside)
        told = f"calibrated probability of yes {probabilities[0, 1]:.2f}"
        if len(labels) == 1:
            text = f"To the question that was asked the model answers {labels[0]} ({told})."
        else:
            text = f"{CANT_TELL}: {'yes and no are' if labels else 'neither yes nor no is'} "
            text += f"compatible with the question and the image ({told})."
        note = (
            "The answer rests mostly on the words of the question; of the image the model sees "
            "which region and modality it shows, little more."
        )
        return Answer(text, self._set("yes or no", names, probabilities[0], labels, text), (note,))

    def _opacity(self, source: Source) -> Answer:
        """Ask the chest film's model, which measures just this."""
        from specialists.chest_xray import predict

        folder = Path(predict.__file__).parent
        self._chest = self._chest or predict.ChestNet(folder)
        film, years = _film(source), source.manifest.age_years
        population = None if years is None else "adult" if years >= 18 else "paediatric"
        logits = self._chest.logits([film])
        row = self._chest.calibrated(logits, population)[0]
        members = self._chest.sets(logits, population)[0]
        order = [self._chest.classes.index(name) for name in ("normal", "pneumonia")]
        labels = tuple(name for name, i in zip(("no", "yes"), order, strict=True) if members[i])
        told = f"calibrated probability of pneumonia or opacity {row[order[1]]:.2f}"
        if len(labels) == 1:
            sign = {"yes": "finds signs of", "no": "finds no"}[labels[0]]
            text = f"The chest film model {sign} pneumonia or opacity ({told})."
        else:
            text = f"{CANT_TELL}: the chest film model is inconclusive ({told})."
        predicted = self._set("yes or no", ("no", "yes"), row[order], labels, text)
        card = self._chest.card
        note = f"Answered by the model of report_chest_xray ({card['name']} {card['version']})."
        return Answer(text, predicted, (note,))

    def _set(
        self,
        target: str,
        names: Sequence[str],
        probabilities: NDArray[np.float64],
        labels: tuple[str, ...],
        text: str,
    ) -> PredictionSet:
        return PredictionSet(
            target=target,
            labels=labels,
            coverage=float(self._net.card["conformal"]["coverage_target"]),
            probabilities={
                name: round(float(value), 3)
                for name, value in zip(names, probabilities, strict=True)
            },
            conclusive=len(labels) == 1,
            text=text,
        )

    def _provenance(self) -> Provenance:
        card = self._net.card
        closed = card["metrics"]["closed"]
        alone = card["metrics"]["closed, from the question alone"]["accuracy"]
        accuracy, coverage = closed["accuracy"], closed["coverage"]
        return Provenance(
            specialist="answer_image_question",
            backend="reference",
            model=card["name"],
            version=card["version"],
            weights_sha256=card["sha256"],
            evaluated_on=(
                f"{closed['n']} yes-or-no questions on left-out images of VQA-RAD: accuracy "
                f"{accuracy['value']:.3f} (95% interval {accuracy['low']:.3f} to "
                f"{accuracy['high']:.3f}; from the question alone {alone['value']:.3f}), "
                f"coverage {coverage['value']:.2f}."
            ),
        )


def _modality(manifest: Manifest) -> Answer:
    """From the header, or from the recogniser where there is none."""
    named = MODALITIES.get(manifest.modality or "")
    if named is None:
        return Answer(f"{CANT_TELL}: the modality is not known.")
    if manifest.recognised is None:
        return Answer(f"By its header the image is {named}.")
    return Answer(f"The image is {named}, as the recogniser sees it.")


def _plane(manifest: Manifest) -> Answer:
    if manifest.view is None:
        return Answer(f"{CANT_TELL}: the view is not in the header, and no model here reads it.")
    return Answer(f"By its header the view is {manifest.view}.")


def _with_chest(
    names: Sequence[str], members: NDArray[np.bool_], seen: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Keep the chest open on sections of the trunk: its training pictures are nearly all films."""
    section = seen[SEEN.index("CT slice")] + seen[SEEN.index("MR slice")]
    widened = members.copy()
    if section >= _SURE and members[names.index("abdomen")]:
        widened[names.index("chest")] = True
    return widened


def _open(labels: Sequence[str], what: str) -> str:
    if not labels:
        return f"{CANT_TELL}: the {what} is unlike the training data."
    return f"{CANT_TELL} for sure: the {what} may be {' or '.join(labels)}."


def _is_chest(manifest: Manifest, seen: NDArray[np.float64]) -> bool:
    if manifest.body_part is not None:
        return manifest.body_part == "chest"
    return bool(seen[SEEN.index("chest X-ray")] >= _SURE)


def _film(source: Source) -> NDArray[np.float32]:
    return read_radiograph(source.paths, series=source.series).pixels


def _pixels(source: Source) -> NDArray[np.uint8]:
    """The image as a viewer shows it; of a volume its middle slice."""
    kind = source.manifest.kind
    if kind == "radiograph":
        return _grey(_film(source))
    if kind == "volume":
        volume = read_volume(source.paths, series=source.series)
        axis = _slice_axis(volume.array.shape)
        across = volume.array.shape[axis] // 2
        middle = np.asarray(np.take(volume.array, across, axis), np.float32)
        low, high = (-160, 240) if volume.unit == "HU" else np.percentile(middle, (1, 99))
        # Patient right on the left and front up, as slices are shown.
        upright = middle.T[::-1, ::-1]
        scaled = (upright - low) / max(float(high - low), 1e-6)
        return _grey(np.asarray(scaled, np.float32))
    if kind == "slide":
        return read_slide(source.paths, field_um=112.0, most=0, series=source.series).thumbnail
    return read_photograph(source.paths, series=source.series).pixels


def _slice_axis(shape: tuple[int, ...]) -> int:
    """The axis that the slices are stacked along: the much shorter one, else head to feet."""
    shortest = int(np.argmin(shape))
    return shortest if 2 * shape[shortest] < sorted(shape)[1] else 2


def _grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    eight = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=2)


def _picture(pixels: NDArray[np.uint8]) -> Picture:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((560, 560))
    buffer = BytesIO()
    image.quantize(128).save(buffer, "PNG", optimize=True)
    return Picture("The image that the question is about", buffer.getvalue())
