"""The reference backend: features of candidate lesions and small fitted models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from specialists.base import Progress, Reading, Request, Source
from specialists.errors import InvalidInput, NotAccepted
from specialists.readers import read_photograph
from specialists.reference import TriedBackend
from specialists.retina.picture import Spots, draw, find_spots
from specialists.retina.predict import Retina, RetinaNet
from specialists.retina.quality import faults
from specialists.retina.spec import EDEMA, GRADES, HIGH_RISK, REFERABLE
from specialists.schema import Assertion, Finding, PredictionSet, Provenance, SpecialistResult

__all__ = ["ReferenceBackend"]

NAMES = {
    "grade": tuple(GRADES),
    "referable": (f"no {REFERABLE}", REFERABLE),
    "edema": EDEMA,
}
TARGETS = {
    "grade": "grade of diabetic retinopathy",
    "referable": "referral for diabetic retinopathy",
    "edema": "risk of macular edema",
}

NOT_ASSESSED = (
    "Any disease but diabetic retinopathy: glaucoma, macular degeneration, vessel occlusion, "
    "detachment, tumours.",
    "Thickening of the macula: the risk of edema is told from exudates only.",
    "The retina outside this photograph, and change since earlier photographs.",
)


class ReferenceBackend(TriedBackend[RetinaNet]):
    """Grades photographs with the shipped models.

    Args:
        device: Not used: the models are a few thousand numbers.
    """

    def __init__(self, device: str) -> None:
        self._net = RetinaNet(Path(__file__).parent)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Grade one photograph.

        Raises:
            NotAccepted: If it is OCT, or too poor to be graded; the message says in which way.
        """
        source = inputs["photograph"][0]
        if source.manifest.modality == "OPT":
            raise NotAccepted(
                "The reference model of classify_retina reads colour fundus photographs, not OCT."
            )
        progress(0.1, "reading the photograph")
        photograph = read_photograph(source.paths, series=source.series)
        progress(0.4, "looking for lesions")
        retina = self._graded(photograph.pixels)
        self._refuse_poor(retina.quality)
        predicted = tuple(self._prediction_set(task, retina) for task in NAMES)
        findings = (_judged(retina, "referable", REFERABLE), _judged(retina, "edema", HIGH_RISK))
        spots = find_spots(retina.maps)
        progress(0.8, "drawing")
        picture = draw(retina.fundus, retina.maps, spots, findings[0].text)
        result = SpecialistResult(
            summary=" ".join([predicted[0].text, findings[0].text, findings[1].text, _map(spots)]),
            findings=findings,
            prediction_sets=predicted,
            not_assessed=NOT_ASSESSED,
            warnings=(*self._warnings(retina), *photograph.notes),
            provenance=self._provenance(),
        )
        return Reading(result, (picture,))

    def _graded(self, pixels: Any) -> Retina:
        try:
            return self._net.read(pixels)
        except ValueError as error:
            raise InvalidInput(
                "The photograph is too small or too dark to find the retina on it."
            ) from error

    def _refuse_poor(self, quality: Mapping[str, float]) -> None:
        wrong = faults(quality, self._net.card["quality"]["refuse"])
        if wrong:
            raise NotAccepted(
                f"The photograph can't be graded: it is {' and '.join(wrong)}. "
                "Accepted here: a sharp, well-lit colour photograph of the central retina."
            )

    def _warnings(self, retina: Retina) -> list[str]:
        wrong = faults(retina.quality, self._net.card["quality"]["warn"])
        told = [f"The photograph is poorer than nearly all that the model has seen: {one}."
                for one in wrong]  # fmt: skip
        if not retina.sets["grade"].any():
            told.append("The photograph is unlike those that the model was trained on.")
        return told

    def _prediction_set(self, task: str, retina: Retina) -> PredictionSet:
        names = NAMES[task]
        members = retina.sets[task]
        labels = tuple(name for name, inside in zip(names, members, strict=True) if inside)
        coverage = float(self._net.card["conformal"]["coverage_target"])
        told = f"the photograph is compatible with: {' or '.join(labels)}"
        if len(labels) > 1:
            told += " (inconclusive)"
        if not labels:
            told = "no level can be given, because the photograph is unlike the training data"
        return PredictionSet(
            target=TARGETS[task],
            labels=labels,
            coverage=coverage,
            probabilities={
                name: round(float(value), 4)
                for name, value in zip(names, retina.probabilities[task], strict=True)
            },
            conclusive=len(labels) == 1,
            text=f"{TARGETS[task].capitalize()}: at {coverage:.0%} coverage {told}.",
        )

    def _provenance(self) -> Provenance:
        card = self._net.card
        measured = card["metrics"]["grade"]
        auc, coverage = measured["auc_binary"], measured["coverage"]
        return Provenance(
            specialist="classify_retina",
            backend="reference",
            model=card["name"],
            version=card["version"],
            weights_sha256=card["sha256"],
            evaluated_on=(
                f"{measured['n']} photographs of the training set in held-out blocks (95% "
                f"intervals): AUC of referable retinopathy {auc['value']:.2f} ({auc['low']:.2f} to "
                f"{auc['high']:.2f}), coverage of the grade's set {coverage['value']:.2f}."
            ),
        )


def _judged(retina: Retina, task: str, name: str) -> Finding:
    """Say whether the last level of a task is there: only where the set leaves no doubt."""
    *others, last = (bool(one) for one in retina.sets[task])
    assertion: Assertion = "uncertain"
    if last != any(others):
        assertion = "present" if last else "absent"
    value = round(float(retina.probabilities[task][-1]), 2)
    return _finding(name, assertion, value)


def _finding(name: str, assertion: Assertion, value: float) -> Finding:
    told = f"calibrated probability {value:.2f}"
    texts: dict[Assertion, str] = {
        "present": f"The model finds {name} ({told}).",
        "absent": f"The model finds no {name} ({told}).",
        "uncertain": f"Inconclusive for {name} ({told}).",
    }
    return Finding(name=name, assertion=assertion, probability=value, text=texts[assertion])


def _map(spots: Spots) -> str:
    return (
        f"The picture outlines {spots.red_count} dark red and {spots.bright_count} bright spots as "
        "candidates; they are found by contrast and are not confirmed lesions."
    )
