"""The backend `xrv` of `report_chest_xray`: scores of findings, and of pneumonia or opacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.base import Case, Progress, Reading, Request, Source
from specialists.canary import check
from specialists.chest_xray.reference import doubts_of
from specialists.chest_xray.spec import FINDING, SPEC
from specialists.classes.scored import Told, scores_told
from specialists.readers import read_radiograph
from specialists.schema import Finding, Provenance
from specialists.xrv.model import DenseNet
from specialists.xrv.offer import HUB, NAME, OUTPUTS

__all__ = ["ChestXray"]

OPACITIES = ("Consolidation", "Infiltration", "Pneumonia", "Lung Opacity")
"""Outputs that are pneumonia or opacity: the highest of them counts."""
NOT_ASSESSED = (
    "Findings that score below the model's operating points: they are not ruled out.",
    "Sides and places, tubes and lines, and change since earlier films.",
)
TRAINED = (
    "The model was trained on films of adults from NIH, PadChest, CheXpert, MIMIC, Open-I and RSNA."
)


class ChestXray:
    """Reads films with the DenseNet.

    Args:
        device: A torch device string.
        weights: The model's folder.
    """

    def __init__(self, device: str, weights: Path) -> None:
        self.card: dict[str, Any] = {}
        self._net = DenseNet(weights, device)

    def canary(self) -> None:
        """Refuse a model that does not look at its film."""
        check(_Seen(self._net))

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Score one film."""
        (reading,) = self.read_many([Case(inputs, request, progress)])
        return reading

    def read_many(self, cases: Sequence[Case]) -> list[Reading]:
        """Score films in one run."""
        films, notes = [], []
        for case in cases:
            case.progress(0.1, "reading the film")
            film = read_radiograph(case.inputs["film"][0].paths)
            notes.append((*doubts_of(film.pixels), TRAINED, *film.notes))
            films.append(film.pixels)
        rows = self._net.scores(films)
        return [self._told(row, said) for row, said in zip(rows, notes, strict=True)]

    def _told(self, row: NDArray[np.float64], notes: tuple[str, ...]) -> Reading:
        by_name = dict(zip(OUTPUTS, row.tolist(), strict=True))
        sick = max(by_name[name] for name in OPACITIES)
        told = Told("sign of pneumonia", NOT_ASSESSED, notes, self._provenance())
        classes = tuple(SPEC.labels)
        shares = np.array([sick if name == FINDING else 1 - sick for name in classes])
        result = scores_told(SPEC, classes, shares, told)
        found = _findings(by_name)
        result = result.model_copy(
            update={
                "findings": (*result.findings, *found),
                "summary": " ".join([result.summary, *(finding.text for finding in found)]),
            }
        )
        return Reading(result)

    def _provenance(self) -> Provenance:
        return Provenance(
            specialist=SPEC.name,
            backend=NAME,
            model=HUB.id,
            version="operating points of densenet121-res224-all",
            weights_sha256=self._net.weights_sha256,
            evaluated_on="Not evaluated here; its authors' figures are of their own test sets.",
            terms=HUB.licence,
        )


def _findings(scores: Mapping[str, float]) -> list[Finding]:
    """What scores above its operating point is possible, and no more."""
    found = []
    for output, name in OUTPUTS.items():
        if name is not None and scores[output] > 0.5:
            text = f"Inconclusive for {name} (score {scores[output]:.2f}, above the model's 0.50)."
            found.append(Finding(name=name, assertion="uncertain", text=text))
    return found


class _Seen:
    """The model as the canary wants it: of a picture's first channel."""

    def __init__(self, net: DenseNet) -> None:
        self.card: dict[str, Any] = {}
        self._net = net

    def canary(self, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the scores."""
        grey = np.asarray(picture[..., 0], np.float32) / np.float32(255)
        return np.asarray(self._net.scores([grey])[0])
