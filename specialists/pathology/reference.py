"""The reference backend: linear heads on hand-made features, and a small network for lung."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from specialists.base import Picture, Progress, Reading, Request, Source
from specialists.errors import InvalidInput
from specialists.pathology.predict import TissueNet
from specialists.pathology.slide_map import draw_patch, draw_slide, geojson
from specialists.pathology.spec import HEADS, Organ, PathologyRequest, PathologyResult
from specialists.pathology.wording import (
    class_shares,
    evaluation,
    field_unknown,
    over_tiles,
    set_text,
    slide_notes,
    tissue_area,
    told_findings,
    why_not,
    wrapped,
)
from specialists.readers import read_photograph
from specialists.readers.slide import read_slide
from specialists.reference import TriedBackend, options_of
from specialists.schema import Finding, Measurement, PredictionSet, Provenance

__all__ = ["ReferenceBackend"]

TILE = 224
SHARE = 0.1
"""A class is in a slide's set where it is in the sets of at least this share of its tiles."""
MOST_UNLIKE = 0.5
"""Above this share of tiles unlike the training's, a slide gets no class at all."""
_ORGANS: dict[str, Organ] = {"chest": "lung", "colon": "colon"}
"""Organs by the body part of a header. A bone's name alone does not say osteosarcoma."""
_UNKNOWN = (
    "The tissue's class: the organ is not known, so nothing was classified. Say organ=lung, "
    "colon or bone."
)
NOT_ASSESSED = (
    "Every tissue and tumour that is not among the classes; each tile gets one of them.",
    "Grade, stage, margins, lymph nodes and molecular markers.",
)
_TERMS = (
    "The lung head and the network were trained on LC25000, which has no formal licence (made "
    "freely available by its authors); colon: CC BY 4.0; bone: CC BY 3.0."
)


class ReferenceBackend(TriedBackend[TissueNet]):
    """Classifies patches and slides.

    Args:
        device: Not used: the network is small enough for the processor.
    """

    def __init__(self, device: str) -> None:
        self._net = TissueNet(Path(__file__).parent)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Classify a patch, or tiles of a slide."""
        options = options_of(request, PathologyRequest, "classify_pathology")
        source = inputs["slide"][0]
        organ = options.organ or _ORGANS.get(source.manifest.body_part or "")
        if source.manifest.kind == "slide":
            return self._slide(source, organ, options.tiles, progress)
        return self._patch(source, organ, progress)

    def _patch(self, source: Source, organ: Organ | None, progress: Progress) -> Reading:
        progress(0.1, "reading the patch")
        photograph = read_photograph(source.paths, series=source.series)
        if min(photograph.pixels.shape[:2]) < 32:
            raise InvalidInput("The patch is smaller than 32 x 32 pixels.")
        if organ is None:
            text = "A patch of tissue. Nothing was classified: the organ is not known."
            picture = draw_patch(photograph.pixels, [text])
            return self._reading(text, (), (), None, (_UNKNOWN,), photograph.notes, picture)
        progress(0.4, "classifying")
        prepared, features = self._net.features([photograph.pixels])
        logits = self._net.logits(prepared, features, organ)
        probabilities = self._net.calibrated(logits, organ)[0]
        predicted = self._set(organ, probabilities, self._net.sets(logits, organ)[0], "patch")
        notes = [*photograph.notes, field_unknown(HEADS[organ])]
        if self._net.unlike(features, organ)[0]:
            notes.insert(0, "The colours are unlike those of all training tiles of this organ.")
        picture = draw_patch(photograph.pixels, wrapped(predicted.text))
        return self._reading(
            predicted.text, told_findings(predicted), (), predicted, (), notes, picture
        )

    def _slide(self, source: Source, organ: Organ | None, most: int, progress: Progress) -> Reading:
        progress(0.1, "finding tissue")
        field_um = HEADS[organ or "lung"].field_um
        slide = read_slide(
            source.paths,
            field_um=field_um,
            size=TILE,
            most=most if organ else 0,
            series=source.series,
        )
        area = tissue_area(slide)
        reason = why_not(slide, organ)
        if organ is None or reason is not None:
            text = f"{area.text} Nothing was classified."
            picture = draw_slide(slide, (), ())
            missing = (reason or _UNKNOWN,)
            return self._reading(text, (), (area,), None, missing, slide_notes(slide), picture)
        progress(0.3, "describing tiles")
        prepared, features = self._net.features(list(slide.tiles))
        progress(0.8, "classifying")
        logits = self._net.logits(prepared, features, organ)
        probabilities, sets = self._net.calibrated(logits, organ), self._net.sets(logits, organ)
        classes = self._net.classes(organ)
        unlike = self._net.unlike(features, organ)
        sets &= ~unlike[:, None]
        members = (sets.mean(axis=0) >= SHARE) & (unlike.mean() <= MOST_UNLIKE)
        predicted = self._set(organ, probabilities.mean(axis=0), members, "slide's tiles")
        best = [int(r.argmax()) if m.sum() == 1 else None
                for r, m in zip(probabilities, sets, strict=True)]  # fmt: skip
        shares = class_shares(classes, best)
        notes = [*slide_notes(slide), over_tiles(slide)]
        if unlike.any():
            told = "tiles are coloured unlike all training tiles of this organ and count for none"
            notes.insert(0, f"{unlike.mean():.0%} of the {told} of its classes.")
        summary = " ".join([area.text, *(share.text for share in shares), predicted.text])
        return self._reading(
            summary,
            told_findings(predicted),
            (area, *shares),
            predicted,
            (),
            notes,
            draw_slide(slide, classes, best),
            geojson(slide, classes, probabilities),
        )

    def _set(
        self,
        organ: Organ,
        probabilities: NDArray[np.float64],
        members: NDArray[np.bool_],
        what: str,
    ) -> PredictionSet:
        classes = self._net.classes(organ)
        labels = tuple(name for name, inside in zip(classes, members, strict=True) if inside)
        coverage = float(self._net.card["conformal"]["coverage_target"])
        return PredictionSet(
            target=HEADS[organ].target,
            labels=labels,
            coverage=coverage,
            probabilities={
                name: round(float(value), 4)
                for name, value in zip(classes, probabilities, strict=True)
            },
            conclusive=len(labels) == 1,
            text=set_text(HEADS[organ].target, labels, coverage, what),
        )

    def _reading(
        self,
        summary: str,
        findings: Sequence[Finding],
        measurements: Sequence[Measurement],
        predicted: PredictionSet | None,
        not_assessed: Sequence[str],
        warnings: Sequence[str],
        picture: Picture,
        slide_map: str | None = None,
    ) -> Reading:
        result = PathologyResult(
            summary=summary,
            findings=tuple(findings),
            measurements=tuple(measurements),
            prediction_sets=(predicted,) if predicted else (),
            not_assessed=(*not_assessed, *NOT_ASSESSED),
            warnings=tuple(warnings),
            provenance=self._provenance(),
            slide_map=slide_map,
        )
        return Reading(result, (picture,))

    def _provenance(self) -> Provenance:
        card = self._net.card
        return Provenance(
            specialist="classify_pathology",
            backend="reference",
            model=card["name"],
            version=card["version"],
            weights_sha256=card["sha256"],
            evaluated_on=evaluation(card),
            terms=_TERMS,
        )
