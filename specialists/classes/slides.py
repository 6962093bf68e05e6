"""Whole slides for models that score: tiles, the slide's classes, and the map of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from specialists.base import Case, Reading, Source
from specialists.classes.scored import Told, scores_told
from specialists.classes.tasks import Task, organ_of
from specialists.pathology.reference import SHARE
from specialists.pathology.slide_map import draw_slide, geojson
from specialists.pathology.spec import HEADS, PathologyRequest, PathologyResult
from specialists.pathology.wording import (
    class_shares,
    over_tiles,
    set_text,
    slide_notes,
    tissue_area,
    told_findings,
    why_not,
)
from specialists.readers.slide import Slide, read_slide
from specialists.recalibration.apply import evaluated, judged
from specialists.recalibration.record import Calibration, Part, kept
from specialists.schema import PredictionSet, Provenance, SpecialistResult

if TYPE_CHECKING:
    from specialists.classes.backend import Scorer

__all__ = ["limits_of", "read_tissue"]

_UNKNOWN = (
    "The tissue's class: the organ is not known, so nothing was classified. Say organ=lung, "
    "colon or bone."
)
HIGHEST = "The map shows the class with each tile's highest score, which is not calibrated."


def read_tissue(scorer: Scorer, task: Task, source: Source, case: Case) -> Reading:
    """Score a whole slide.

    Where the model is calibrated on tiles, the slide's set holds the classes that are in the sets
    of a tenth of its tiles, as the reference's does. A model that was fitted to slides scores the
    mean of the tiles' features.
    """
    organ: Any = organ_of(source, case.request)
    most = case.request.tiles if isinstance(case.request, PathologyRequest) else 48
    case.progress(0.1, "finding tissue")
    slide = read_slide(
        source.paths,
        field_um=scorer.size * scorer.um_per_px,
        size=scorer.size,
        most=most if organ else 0,
        series=source.series,
    )
    area = tissue_area(slide)
    classes = scorer.told_apart(tuple(HEADS[organ].classes)) if organ else ()
    made = scorer.provenance(task.spec.name, classes)
    missing = why_not(slide, organ) or (None if organ else _UNKNOWN)
    if missing is not None:
        result = PathologyResult(
            summary=f"{area.text} Nothing was classified.",
            measurements=(area,),
            not_assessed=(missing, *task.not_assessed),
            warnings=tuple(slide_notes(slide)),
            provenance=made,
        )
        return Reading(result, (draw_slide(slide, (), ()),))
    case.progress(0.3, "running the model")
    whole, rows = scorer.pooled(list(slide.tiles), classes)
    target = HEADS[organ].target
    calibration = kept(task.spec.name, made.backend)
    part = _of_tiles(calibration, classes, made)
    if part is not None and calibration is not None:
        ordered = rows[:, [classes.index(name) for name in part.classes]]
        return _calibrated(slide, target, ordered, part, calibration, task, made)
    notes = (*slide_notes(slide), *([HIGHEST] if scorer.on_slides else []))
    told = Told(target, limits_of(task, classes), notes, made)
    scored = scores_told(task.spec, classes, whole, told)
    scored = scored.model_copy(
        update={"measurements": (area,), "summary": f"{area.text} {scored.summary}"}
    )
    best = [int(row.argmax()) if scorer.on_slides else None for row in rows]
    return Reading(scored, (draw_slide(slide, classes, best),))


def limits_of(task: Task, classes: tuple[str, ...]) -> tuple[str, ...]:
    """What is not assessed, with the classes of a tool that the model was not trained on."""
    known = [set(head.classes) for head in HEADS.values()] if task.role == "slide" else []
    known = [own for own in known if set(classes) <= own] or [set(task.spec.labels)]
    left = [name for name in task.spec.labels if name in known[0] and name not in classes]
    if not left:
        return task.not_assessed
    return (f"Classes that the model was not trained on: {', '.join(left)}.", *task.not_assessed)


def _of_tiles(
    calibration: Calibration | None, classes: tuple[str, ...], made: Provenance
) -> Part | None:
    """What a calibration says of single tiles with such classes."""
    if calibration is None or calibration.kinds != ("image",):
        return None
    known = SpecialistResult(summary="", provenance=made)
    suits = calibration.suits(known)
    return calibration.part_of(frozenset(classes), "score") if suits else None


def _calibrated(
    slide: Slide,
    target: str,
    rows: NDArray[np.float64],
    part: Part,
    calibration: Calibration,
    task: Task,
    made: Provenance,
) -> Reading:
    order = list(part.classes)
    one = judged(part, rows)
    inside = one.members.mean(axis=0) >= SHARE
    labels = tuple(name for name, member in zip(order, inside, strict=True) if member)
    shares = one.probabilities.mean(axis=0).tolist()
    predicted = PredictionSet(
        target=target,
        labels=labels,
        coverage=calibration.coverage,
        probabilities={n: round(s, 4) for n, s in zip(order, shares, strict=True)},
        conclusive=len(labels) == 1,
        text=set_text(target, labels, calibration.coverage, "slide's tiles"),
    )
    best = [int(p.argmax()) if m.sum() == 1 else None
            for p, m in zip(one.probabilities, one.members, strict=True)]  # fmt: skip
    area, told = tissue_area(slide), class_shares(order, best)
    provenance = made.model_copy(update={"evaluated_on": evaluated(part, made.evaluated_on)})
    result = PathologyResult(
        summary=" ".join([area.text, *(share.text for share in told), predicted.text]),
        findings=tuple(told_findings(predicted)),
        measurements=(area, *told),
        prediction_sets=(predicted,),
        not_assessed=limits_of(task, part.classes),
        warnings=(*slide_notes(slide), over_tiles(slide)),
        provenance=provenance,
        slide_map=geojson(slide, order, one.probabilities),
    )
    return Reading(result, (draw_slide(slide, order, best),))
