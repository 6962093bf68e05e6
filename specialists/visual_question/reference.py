"""The reference backend: header, recogniser, other specialists' models, a small linear one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from specialists.base import Progress, Reading, Request, Source
from specialists.canary import check
from specialists.reference import options_of
from specialists.schema import Manifest, PredictionSet, Provenance, SpecialistResult
from specialists.visual_question.colleagues import Colleagues
from specialists.visual_question.picture import film, picture, pixels, slices
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
LEARNED = "films of the chest, and on CT and MR of the head and the trunk"
PARTS = frozenset(
    {"head", "brain", "chest", "lung", "heart", "abdomen", "liver", "pancreas", "kidney", "pelvis"}
)
"""Of the body that `LEARNED` means."""
NOT_ASSESSED = (
    "Everything that was not asked.",
    "Open questions other than for the modality, the region, the view, and what the model of "
    "another specialist measures.",
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
        self._colleagues = Colleagues(device)

    def canary(self) -> None:
        """Try the model on the known picture."""
        check(self._net)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Answer one question about one image."""
        options = options_of(request, VisualQuestionRequest, "answer_image_question")
        source = inputs["image"][0]
        progress(0.1, "reading the image")
        asked = self._colleagues.ask(options.question, source, progress)
        if asked is not None:
            return asked
        shown = pixels(source)
        progress(0.5, "answering")
        answer = self._answer(options.question, source, shown)
        result = SpecialistResult(
            summary=answer.text,
            prediction_sets=(answer.predicted,) if answer.predicted else (),
            not_assessed=NOT_ASSESSED,
            warnings=answer.warnings,
            provenance=self._provenance(),
        )
        return Reading(result, (picture(shown),))

    def _answer(self, question: str, source: Source, shown: NDArray[np.uint8]) -> Answer:
        manifest, wanted = source.manifest, aim(question)
        if wanted == "modality":
            return _modality(manifest)
        if wanted == "plane":
            return _plane(source)
        if wanted == "organ" and manifest.body_part:
            return Answer(f"The image shows: {manifest.body_part}.")
        if manifest.modality not in _MODELLED:
            return Answer(
                f"{CANT_TELL}: the model knows radiographs, CT and MR only.{_hint(manifest)}"
            )
        probabilities, members, seen = self._net.region(shown)
        if seen.sum() < _SURE:
            return Answer(f"{CANT_TELL}: the image is unlike those that the model was made for.")
        if wanted == "organ":
            return self._region(probabilities, _with_chest(self._net.regions, members, seen))
        if wanted == "opacity" and manifest.modality in ("CR", "DX") and _is_chest(manifest, seen):
            return self._opacity(source)
        if wanted in ("yes or no", "opacity"):
            if not _learned(manifest, seen):
                return Answer(f"{CANT_TELL}: the questions were learned on {LEARNED}.")
            return self._closed(question, probabilities)
        return Answer(f"{CANT_TELL}: no model here answers this kind of question.")

    def _region(self, probabilities: NDArray[np.float64], members: NDArray[np.bool_]) -> Answer:
        names = self._net.regions
        labels = tuple(name for name, inside in zip(names, members, strict=True) if inside)
        text = f"The image shows: {labels[0]}." if len(labels) == 1 else _open(labels, "region")
        return Answer(text, self._set("region", names, probabilities, labels, text))

    def _closed(self, question: str, regions: NDArray[np.float64]) -> Answer:
        probabilities = self._net.closed([question], regions[None])
        members = self._net.closed_sets(probabilities)[0]
        names = ("no", "yes")
        labels = tuple(name for name, inside in zip(names, members, strict=True) if inside)
        told = f"calibrated probability of yes {probabilities[0, 1]:.2f}"
        if len(labels) == 1:
            text = f"To the question that was asked the model answers {labels[0]} ({told}), from "
            text += "its words and the part of the body rather than from what the image shows."
        else:
            text = f"{CANT_TELL}: {'yes and no are' if labels else 'neither yes nor no is'} "
            text += f"compatible with the question and the image ({told})."
        note = (
            "The answer rests mostly on the words of the question; of the image the model sees "
            "which part of the body it shows, no more."
        )
        return Answer(text, self._set("yes or no", names, probabilities[0], labels, text), (note,))

    def _opacity(self, source: Source) -> Answer:
        """Ask the chest film's model, which measures just this."""
        from specialists.chest_xray import predict

        folder = Path(predict.__file__).parent
        self._chest = self._chest or predict.ChestNet(folder)
        shown, years = film(source), source.manifest.age_years
        population = None if years is None else "adult" if years >= 18 else "paediatric"
        logits = self._chest.logits([shown])
        row = self._chest.calibrated(logits, population)[0]
        members = self._chest.sets(logits, [shown], population)[0]
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


def _plane(source: Source) -> Answer:
    """From the header, or from how a volume's slices lie."""
    manifest = source.manifest
    if manifest.view is not None:
        return Answer(f"By its header the view is {manifest.view}.")
    plane = slices(source) if manifest.kind == "volume" else None
    if plane is not None:
        return Answer(f"By its geometry the scan is of {plane} slices.")
    return Answer(f"{CANT_TELL}: the view is not in the header, and no model here reads it.")


def _hint(manifest: Manifest) -> str:
    if manifest.modality != "SM":
        return ""
    return " Of tissue, the question must name the organ it is from: lung, colon or bone."


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


def _learned(manifest: Manifest, seen: NDArray[np.float64]) -> bool:
    """Whether the picture is of a kind that the questions were about."""
    if manifest.modality in ("CR", "DX"):
        return _is_chest(manifest, seen)
    if manifest.body_part is not None:
        return manifest.body_part in PARTS
    return bool(seen[SEEN.index("other radiograph")] < _SURE)


def _is_chest(manifest: Manifest, seen: NDArray[np.float64]) -> bool:
    if manifest.body_part is not None:
        return manifest.body_part == "chest"
    return bool(seen[SEEN.index("chest X-ray")] >= _SURE)
