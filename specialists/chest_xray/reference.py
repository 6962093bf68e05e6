"""The reference backend: a small network trained on public films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.base import Progress, Reading, Request, Source
from specialists.canary import check
from specialists.chest_xray.picture import draw
from specialists.chest_xray.predict import ChestNet
from specialists.chest_xray.spec import FINDING, ChestXrayRequest
from specialists.errors import InvalidInput, NotAccepted
from specialists.readers import read_radiograph
from specialists.recogniser.loaded import recogniser
from specialists.recogniser.predict import UNKNOWN
from specialists.schema import (
    Assertion,
    Finding,
    Manifest,
    Measurement,
    PredictionSet,
    Provenance,
    SpecialistResult,
)

__all__ = ["ReferenceBackend", "doubts_of"]

NORMAL, PNEUMONIA = "normal", "pneumonia"
LABELS = {NORMAL: f"no {FINDING}", PNEUMONIA: FINDING}
"""What the network's classes mean."""
ADULT_YEARS = 18

PRIOR_UNCHECKED = (
    "The second film was taken as the same person's earlier one because it was named second; "
    "neither was checked."
)

TOO_DARK = (
    "The film is darker than the normal films of adults that the model was trained on, while many "
    "films with pneumonia there are as dark: the score may rest on how the film was made, so no "
    "sign of disease is claimed from it."
)

NOT_ASSESSED = (
    "Everything but pneumonia or opacity: effusion, pneumothorax, heart size, nodules, bones, "
    "tubes and lines.",
    "Whether an opacity is pneumonia, another disease or an artefact.",
    "Change since earlier films.",
)


class ReferenceBackend:
    """Reads films with the shipped network.

    Args:
        device: Not used: the network is small enough for the processor.
    """

    def __init__(self, device: str) -> None:
        self._net = ChestNet(Path(__file__).parent)

    def canary(self) -> None:
        """Try the model on the known picture."""
        check(self._net)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Read a film, and the prior if there is one."""
        if not isinstance(request, ChestXrayRequest):
            raise InvalidInput("The options are not those of report_chest_xray.")
        source = inputs["film"][0]
        progress(0.1, "reading the film")
        film = read_radiograph(source.paths)
        doubt = doubts_of(film.pixels)
        population = request.population or _population(source.manifest)
        progress(0.4, "running the network")
        logits = self._net.logits([film.pixels])
        probability = float(self._net.calibrated(logits, population)[0, self._index(PNEUMONIA)])
        predicted = self._prediction_set(film.pixels, logits, population)
        whose = (population,) if population else self._net.looks_like(logits)[0]
        dark = "adult" in whose and self._net.dark(film.pixels)
        finding = _finding(predicted, probability, calibrated=not dark)
        earlier = [self._earlier(prior, request.population) for prior in inputs.get("prior", ())]
        progress(0.8, "drawing")
        evidence = self._net.evidence_map(film.pixels, logits, population)
        picture = draw(film.pixels, evidence, finding.text)
        result = SpecialistResult(
            summary=" ".join([finding.text, *(one.text for one in earlier)]),
            findings=(finding,),
            measurements=tuple(earlier),
            prediction_sets=(predicted,),
            not_assessed=NOT_ASSESSED,
            warnings=(
                *doubt,
                *([TOO_DARK] if dark else []),
                *_warnings(source.manifest, population, self._net.looks_like(logits)[0]),
                *([PRIOR_UNCHECKED] if earlier else []),
                *film.notes,
            ),
            provenance=self._provenance(),
        )
        return Reading(result, (picture,))

    def _index(self, name: str) -> int:
        return self._net.classes.index(name)

    def _prediction_set(
        self, film: NDArray[np.float32], logits: NDArray[np.float64], population: str | None
    ) -> PredictionSet:
        probabilities = self._net.calibrated(logits, population)[0]
        members = self._net.sets(logits, [film], population)[0]
        labels = tuple(
            LABELS[name] for name, inside in zip(self._net.classes, members, strict=True) if inside
        )
        coverage = float(self._net.card["conformal"]["coverage_target"])
        told = " or ".join(labels) if labels else "none of the classes"
        return PredictionSet(
            target="sign of pneumonia",
            labels=labels,
            coverage=coverage,
            probabilities={
                LABELS[name]: round(float(value), 3)
                for name, value in zip(self._net.classes, probabilities, strict=True)
            },
            conclusive=len(labels) == 1,
            text=f"At {coverage:.0%} coverage the film is compatible with: {told}.",
        )

    def _earlier(self, prior: Source, population: str | None) -> Measurement:
        film = read_radiograph(prior.paths)
        chosen = population or _population(prior.manifest)
        probabilities = self._net.probabilities([film.pixels], chosen)
        value = round(float(probabilities[0, self._index(PNEUMONIA)]), 2)
        return Measurement(
            name=f"probability of {FINDING} on the earlier film",
            value=value,
            unit="1",
            text=f"On the earlier film the calibrated probability of {FINDING} is {value:.2f}.",
        )

    def _provenance(self) -> Provenance:
        card = self._net.card
        return Provenance(
            specialist="report_chest_xray",
            backend="reference",
            model=card["name"],
            version=card["version"],
            weights_sha256=card["sha256"],
            evaluated_on=_evaluation(card),
        )


def doubts_of(pixels: NDArray[np.float32]) -> tuple[str, ...]:
    """Ask the recogniser whether this looks like a chest film, whatever the header says.

    Raises:
        NotAccepted: If it looks like something else that the recogniser knows.
    """
    net = recogniser()
    if net is None:
        return ()
    grey = np.rint(pixels * 255).astype(np.uint8)
    seen = net.recognise(np.repeat(grey[..., None], 3, axis=2)).label
    if seen == "chest X-ray":
        return ()
    if seen != UNKNOWN:
        raise NotAccepted(
            f"The header says chest radiograph, but the picture looks like: {seen}. "
            "Accepted here: a frontal chest radiograph."
        )
    return ("The picture was not recognised as a chest film; the header says that it is one.",)


def _population(manifest: Manifest) -> str | None:
    if manifest.age_years is None:
        return None
    return "adult" if manifest.age_years >= ADULT_YEARS else "paediatric"


def _finding(predicted: PredictionSet, probability: float, *, calibrated: bool) -> Finding:
    """A finding is present or absent only where the prediction set leaves one class."""
    value = round(probability, 2)
    assertions: dict[tuple[str, ...], Assertion] = {
        (LABELS[PNEUMONIA],): "present",
        (LABELS[NORMAL],): "absent",
    }
    assertion = assertions.get(predicted.labels, "uncertain")
    told = f"calibrated probability {value:.2f}" if calibrated else f"score {value:.2f}"
    texts: dict[Assertion, str] = {
        "present": f"The model finds signs of {FINDING} ({told}).",
        "absent": f"The model finds no {FINDING} ({told}).",
        "uncertain": f"Inconclusive for {FINDING} ({told}).",
    }
    known = value if calibrated else None
    return Finding(name=FINDING, assertion=assertion, probability=known, text=texts[assertion])


def _warnings(manifest: Manifest, population: str | None, likely: tuple[str, ...]) -> list[str]:
    told = []
    if population is None and len(likely) == 1:
        whose = {"adult": "an adult's", "paediatric": "a child's"}[likely[0]]
        told.append(
            f"The person's age is unknown; the film looks like {whose}, so that calibration was "
            "used. Say the population if it is another."
        )
    elif population is None:
        told.append("The person's age is unknown, so the wider of the two calibrations was used.")
    if manifest.view is None:
        told.append("The view is unknown; the model was made for frontal films.")
    return told


def _evaluation(card: Mapping[str, Any]) -> str:
    """The card's figures on its own test split, in a sentence."""
    told = []
    for population in ("adult", "paediatric"):
        measured = card["metrics"][population]
        auc, coverage = measured["auc_binary"], measured["coverage"]
        told.append(
            f"{measured['n']} {population} films: AUC {auc['value']:.2f} "
            f"({auc['low']:.2f} to {auc['high']:.2f}), coverage {coverage['value']:.2f}"
        )
    return f"Held-out people of the training sets (95% intervals): {'; '.join(told)}."
