"""The reference backend: linear heads on hand-made features, and a small network for lung."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from specialists.base import Picture, Progress, Reading, Request, Source
from specialists.canary import check
from specialists.errors import InvalidInput
from specialists.pathology.predict import TissueNet
from specialists.pathology.slide_map import draw_patch, draw_slide, geojson
from specialists.pathology.spec import HEADS, Head, Organ, PathologyRequest, PathologyResult
from specialists.readers import read_photograph
from specialists.readers.slide import Slide, read_slide
from specialists.schema import Finding, Measurement, PredictionSet, Provenance

__all__ = ["ReferenceBackend"]

TILE = 224
SHARE = 0.1
"""A class is in a slide's set where it is in the sets of at least this share of its tiles."""
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


class ReferenceBackend:
    """Classifies patches and slides.

    Args:
        device: Not used: the network is small enough for the processor.
    """

    def __init__(self, device: str) -> None:
        self._net = TissueNet(Path(__file__).parent)

    def canary(self) -> None:
        """Try the model on the known picture."""
        check(self._net)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Classify a patch, or tiles of a slide."""
        if not isinstance(request, PathologyRequest):
            raise InvalidInput("The options are not those of classify_pathology.")
        source = inputs["slide"][0]
        organ = request.organ or _ORGANS.get(source.manifest.body_part or "")
        if source.manifest.kind == "slide":
            return self._slide(source, organ, request.tiles, progress)
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
        notes = [*photograph.notes, _field_unknown(HEADS[organ])]
        if self._net.unlike(features, organ)[0]:
            notes.insert(0, "The colours are unlike those of all training tiles of this organ.")
        picture = draw_patch(photograph.pixels, _wrapped(predicted.text))
        return self._reading(
            predicted.text, _findings(predicted), (), predicted, (), notes, picture
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
        area = _area(slide)
        reason = _why_not(slide, organ)
        if organ is None or reason is not None:
            text = f"{area.text} Nothing was classified."
            picture = draw_slide(slide, (), ())
            missing = (reason or _UNKNOWN,)
            return self._reading(text, (), (area,), None, missing, _slide_notes(slide), picture)
        progress(0.3, "describing tiles")
        prepared, features = self._net.features(list(slide.tiles))
        progress(0.8, "classifying")
        logits = self._net.logits(prepared, features, organ)
        probabilities, sets = self._net.calibrated(logits, organ), self._net.sets(logits, organ)
        classes = self._net.classes(organ)
        predicted = self._set(
            organ, probabilities.mean(axis=0), sets.mean(axis=0) >= SHARE, "slide's tiles"
        )
        best = [int(r.argmax()) if m.sum() == 1 else None
                for r, m in zip(probabilities, sets, strict=True)]  # fmt: skip
        shares = _shares(classes, best)
        notes = [*_slide_notes(slide), _over_tiles(slide)]
        unlike = float(self._net.unlike(features, organ).mean())
        if unlike >= SHARE:
            told = "tiles are coloured unlike all training tiles of this organ."
            notes.insert(0, f"{unlike:.0%} of the {told}")
        summary = " ".join([area.text, *(share.text for share in shares), predicted.text])
        return self._reading(
            summary,
            _findings(predicted),
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
            text=_set_text(HEADS[organ].target, labels, coverage, what),
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
            evaluated_on=_evaluation(card),
            terms=_TERMS,
        )


def _set_text(target: str, labels: Sequence[str], coverage: float, what: str) -> str:
    if not labels:
        return f"For {target} the {what} is unlike the training data: no class fits."
    if len(labels) == 1:
        return f"At {coverage:.0%} coverage the {what} fits one class of {target}: {labels[0]}."
    return (
        f"Inconclusive for {target}: at {coverage:.0%} coverage the {what} is compatible with "
        f"{' or '.join(labels)}."
    ).replace("tiles is", "tiles are")


def _findings(predicted: PredictionSet) -> list[Finding]:
    """One class left is present; of several, each may be."""
    found = []
    for name in predicted.labels:
        value = round(predicted.probabilities[name], 2)
        verb = "The model finds" if predicted.conclusive else "Inconclusive, it may be"
        found.append(
            Finding(
                name=name,
                assertion="present" if predicted.conclusive else "uncertain",
                probability=value,
                text=f"{verb} {name} (calibrated probability {value:.2f}).",
            )
        )
    return found


def _area(slide: Slide) -> Measurement:
    """Tissue in mm2 where the pixels' size is known, otherwise as a share."""
    share = float(slide.tissue.mean())
    based = f"{slide.tissue.size} places of the overview"
    if slide.um_per_px is None:
        text = f"Tissue covers {share:.0%} of the slide."
        return Measurement(
            name="tissue share", value=round(100 * share, 1), unit="%", based_on=based, text=text
        )
    area = share * slide.rows * slide.columns * (slide.um_per_px / 1000) ** 2
    return Measurement(
        name="tissue area",
        value=round(area, 2),
        unit="mm2",
        based_on=based,
        text=f"Tissue covers {area:.2f} mm² of the slide.",
    )


def _shares(classes: Sequence[str], best: Sequence[int | None]) -> list[Measurement]:
    """Share of the tiles in which a class is the only one left."""
    told = []
    for index, name in enumerate(classes):
        share = 100 * best.count(index) / len(best)
        if share > 0:
            told.append(
                Measurement(
                    name=f"tiles with {name}",
                    value=round(share, 1),
                    unit="%",
                    based_on=f"{len(best)} tiles",
                    text=f"{share:.0f}% of {len(best)} tiles fit {name} alone.",
                )
            )
    return told


def _why_not(slide: Slide, organ: Organ | None) -> str | None:
    """Why no tile can be classified; None where they can."""
    if slide.too_coarse:
        return (
            f"The tissue's class: the finest level has {slide.um_per_px or 0:.1f} µm a pixel, "
            "too coarse to see cells."
        )
    if organ is not None and not len(slide.tiles):
        return "The tissue's class: no place of the slide has tissue enough for a tile."
    return None


def _slide_notes(slide: Slide) -> list[str]:
    notes = []
    if slide.stain is not None:
        notes.append(f"The header names the stain {slide.stain}; the model was made for H&E.")
    return [*notes, *(note[0].upper() + note[1:] + "." for note in slide.notes)]


def _over_tiles(slide: Slide) -> str:
    return (
        f"Summed over {len(slide.tiles)} of {slide.places} places with tissue; coverage was "
        "measured on single tiles, not on slides."
    )


def _field_unknown(head: Head) -> str:
    return (
        f"A patch is taken to show about {head.field_um:g} µm from edge to edge, as in training; "
        "another magnification gives other classes."
    )


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 56)


def _evaluation(card: Mapping[str, Any]) -> str:
    """The card's figures in a sentence."""
    measured = card["metrics"]
    ways = {
        "lung": ("test", "tiles of held-out originals"),
        "colon": ("left-out images", "left-out patches"),
        "bone": ("left-out cases", "tiles of left-out cases"),
    }
    told = []
    for organ, (way, what) in ways.items():
        own = measured[organ][way]
        accuracy = cast("dict[str, float]", own["accuracy"])
        told.append(
            f"{organ}: {own['n']} {what}, accuracy {accuracy['value']:.2f} "
            f"({accuracy['low']:.2f} to {accuracy['high']:.2f}), "
            f"coverage {own['coverage']['value']:.2f}"
        )
    return f"Its training sets (95% intervals): {'; '.join(told)}."
