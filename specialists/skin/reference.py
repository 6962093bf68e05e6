"""The reference backend: a small network trained on public dermoscopy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.base import Progress, Reading, Request, Source
from specialists.readers import read_photograph
from specialists.reference import TriedBackend, options_of
from specialists.schema import (
    Assertion,
    Finding,
    Manifest,
    PredictionSet,
    Provenance,
    SpecialistResult,
)
from specialists.skin.person import band
from specialists.skin.picture import draw
from specialists.skin.predict import DERMOSCOPY, KNOWN, PHOTOGRAPH, UNKNOWN, Lesion, SkinNet
from specialists.skin.spec import MALIGNANCY, SkinRequest

__all__ = ["ReferenceBackend"]

NO_MALIGNANCY = f"no {MALIGNANCY}"
DERMOSCOPY_CODE = "DMS"

NOT_ASSESSED = (
    "Diagnoses other than the seven: squamous cell carcinoma, Merkel cell carcinoma, metastases, "
    "rashes, infections.",
    "Size, growth and change since earlier pictures; whether it itches, hurts or bleeds.",
    "Other lesions of the person, thickness and spread.",
)
UNLIKE = "The picture is unlike those that the model was trained on, so no diagnosis is given."
CAUTION = (
    "This looks like a plain photograph and not dermoscopy. The model learnt from dermoscopy "
    "alone: the set is wider, and an absence of malignancy is not claimed."
)
TOLD = CAUTION.replace("This looks like", "This was given as")
SKIN_TONES = "The model was trained on mostly light skin; on darker skin it was not tested."


class ReferenceBackend(TriedBackend[SkinNet]):
    """Classifies lesions with the shipped network.

    Args:
        device: Not used: the network is small enough for the processor.
    """

    def __init__(self, device: str) -> None:
        self._net = SkinNet(Path(__file__).parent)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Classify one lesion."""
        options = options_of(request, SkinRequest, "classify_skin_lesion")
        source = inputs["photograph"][0]
        progress(0.1, "reading the picture")
        photograph = read_photograph(source.paths, series=source.series)
        person = _person(options, source.manifest)
        progress(0.4, "running the network")
        lesion = self._net.read(photograph.pixels, person, _image_type(options, source.manifest))
        diagnosis, malignancy = self._diagnosis(lesion), self._malignancy(lesion)
        findings = _findings(lesion, diagnosis, malignancy)
        progress(0.8, "drawing")
        picture = self._drawn(photograph.pixels, lesion, findings[0].text)
        result = SpecialistResult(
            summary=" ".join([findings[0].text, diagnosis.text, self._map(lesion)]),
            findings=findings,
            prediction_sets=(diagnosis, malignancy),
            not_assessed=NOT_ASSESSED,
            warnings=(*_warnings(lesion, person), *photograph.notes),
            provenance=self._provenance(person),
        )
        return Reading(result, (picture,))

    def _likeliest(self, lesion: Lesion) -> str:
        return self._net.classes[int(lesion.probabilities.argmax())]

    def _map(self, lesion: Lesion) -> str:
        return (
            f"The picture shows in blue what speaks for {self._likeliest(lesion)}, the likeliest "
            "of the seven; it is coarse and no outline of the lesion."
        )

    def _drawn(self, pixels: NDArray[np.uint8], lesion: Lesion, caption: str) -> Any:
        heat = self._net.evidence_map(pixels, int(lesion.probabilities.argmax()))
        key = f"Blue: what speaks for {self._likeliest(lesion)}, the likeliest of the seven."
        return draw(pixels, heat, [caption, key, "Coarse: not an outline of the lesion."])

    def _set(
        self, target: str, names: Sequence[str], values: Any, members: Any, told: str
    ) -> PredictionSet:
        labels = tuple(name for name, inside in zip(names, members, strict=True) if inside)
        coverage = float(self._net.card["conformal"]["coverage_target"])
        text = f"{told}: at {coverage:.0%} coverage the lesion is compatible with: "
        text += " or ".join(labels) + (" (inconclusive)." if len(labels) > 1 else ".")
        return PredictionSet(
            target=target,
            labels=labels,
            coverage=coverage,
            probabilities={
                name: round(float(value), 3) for name, value in zip(names, values, strict=True)
            },
            conclusive=len(labels) == 1,
            text=text if labels else f"{told}: none can be given. {UNLIKE}",
        )

    def _diagnosis(self, lesion: Lesion) -> PredictionSet:
        return self._set(
            "diagnosis", self._net.classes, lesion.probabilities, lesion.members, "Diagnosis"
        )

    def _malignancy(self, lesion: Lesion) -> PredictionSet:
        return self._set(
            "malignancy",
            (NO_MALIGNANCY, MALIGNANCY),
            lesion.malignancy,
            lesion.malignancy_members,
            "Malignancy",
        )

    def _provenance(self, person: Mapping[str, str]) -> Provenance:
        card = self._net.card
        measured = card["metrics"][KNOWN if person else UNKNOWN]
        return Provenance(
            specialist="classify_skin_lesion",
            backend="reference",
            model=card["name"],
            version=card["version"],
            weights_sha256=card["sha256"],
            evaluated_on=(
                f"{measured['lesions']} held-out lesions of the dermoscopic training set, "
                f"{'with' if person else 'without'} age, sex and site (95% intervals): "
                f"{_figure('balanced accuracy', measured['balanced_accuracy'])}, "
                f"{_figure('AUC of melanoma', measured['melanoma']['auc'])}, "
                f"{_figure('AUC of malignancy', measured['malignant']['auc'])}, "
                f"{_figure('coverage', measured['coverage'])}. Photographs were not evaluated."
            ),
            terms=card["licence"],
        )


def _figure(name: str, measured: Mapping[str, float]) -> str:
    return f"{name} {measured['value']:.2f} ({measured['low']:.2f} to {measured['high']:.2f})"


def _person(request: SkinRequest, manifest: Manifest) -> dict[str, str]:
    """Return what is known, the request before the header."""
    age = request.age_years if request.age_years is not None else manifest.age_years
    sex = request.sex or (manifest.sex if manifest.sex != "other" else None)
    told = {"age": None if age is None else band(age), "sex": sex, "site": request.site}
    return {item: value for item, value in told.items() if value is not None}


def _image_type(request: SkinRequest, manifest: Manifest) -> str | None:
    """Return how the picture was taken, if somebody says so.

    The code for photography says nothing: pictures without a header have it too.
    """
    stated = DERMOSCOPY if manifest.modality == DERMOSCOPY_CODE else None
    return request.image_type or stated


def _findings(
    lesion: Lesion, diagnosis: PredictionSet, malignancy: PredictionSet
) -> tuple[Finding, ...]:
    """Malignancy, and the diagnosis where one is left."""
    value = round(float(lesion.malignancy[1]), 2)
    assertion: Assertion = "uncertain"
    if malignancy.conclusive:
        assertion = "present" if lesion.malignancy_members[1] else "absent"
    if assertion == "absent" and lesion.image_type == PHOTOGRAPH:
        assertion = "uncertain"
    found = [_finding(MALIGNANCY, assertion, value, lesion.image_type)]
    if diagnosis.conclusive:
        (name,) = diagnosis.labels
        share = round(diagnosis.probabilities[name], 2)
        found.append(_finding(name, "present", share, lesion.image_type))
    return tuple(found)


def _finding(name: str, assertion: Assertion, value: float, image_type: str) -> Finding:
    calibrated = image_type == DERMOSCOPY
    told = f"calibrated probability {value:.2f}" if calibrated else f"score {value:.2f}"
    article = "an" if name[0] in "aeiou" else "a"
    texts: dict[Assertion, str] = {
        "present": f"The model finds signs of {article} {name} ({told}).",
        "absent": f"The model finds no {name} ({told}).",
        "uncertain": f"Inconclusive for {article} {name} ({told}).",
    }
    probability = value if calibrated else None
    return Finding(name=name, assertion=assertion, probability=probability, text=texts[assertion])


def _warnings(lesion: Lesion, person: Mapping[str, str]) -> list[str]:
    told = [UNLIKE] if not lesion.members.any() else []
    if lesion.image_type == PHOTOGRAPH:
        told.append(CAUTION if lesion.measured else TOLD)
    missing = [item for item in ("age", "sex", "site") if item not in person]
    if missing:
        told.append(f"Not given, and so not used: {', '.join(missing)}.")
    return [*told, SKIN_TONES]
