"""Which classes each specialist tells apart, and how its files become pictures for an encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from specialists.base import Request, Source, SpecialistSpec
from specialists.chest_xray.spec import SPEC as CHEST
from specialists.errors import NotAccepted
from specialists.pathology.spec import HEADS, PathologyRequest
from specialists.pathology.spec import SPEC as PATHOLOGY
from specialists.readers import read_photograph, read_radiograph
from specialists.retina.spec import SPEC as RETINA
from specialists.skin.spec import SPEC as SKIN

__all__ = ["TASKS", "Seen", "Task", "organ_of"]

_ORGANS = {"chest": "lung", "colon": "colon"}
"""Organs by the body part of a header."""


@dataclass(frozen=True)
class Seen:
    """A picture for an encoder.

    Attributes:
        pixels: Shape (rows, columns, 3), uint8 sRGB.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One specialist's question to an encoder."""

    spec: SpecialistSpec
    role: str
    target: str
    see: Callable[[Source], Seen]
    not_assessed: tuple[str, ...]


def organ_of(source: Source, request: Request) -> str | None:
    """The organ of a piece of tissue, from the request before the header."""
    said = request.organ if isinstance(request, PathologyRequest) else None
    found = said or _ORGANS.get(source.manifest.body_part or "")
    return found if found in HEADS else None


def _photograph(source: Source) -> Seen:
    read = read_photograph(source.paths, series=source.series)
    return Seen(read.pixels, read.notes)


def _patch(source: Source) -> Seen:
    seen = _photograph(source)
    note = "How large a field the patch shows is not known; at another scale the classes differ."
    return Seen(seen.pixels, (note, *seen.notes))


def _fundus(source: Source) -> Seen:
    if source.manifest.modality == "OPT":
        raise NotAccepted("This model of classify_retina reads colour fundus photographs, not OCT.")
    return _photograph(source)


def _film(source: Source) -> Seen:
    from specialists.chest_xray.reference import doubts_of

    film = read_radiograph(source.paths)
    notes = (*doubts_of(film.pixels), *film.notes)
    grey = np.rint(film.pixels * 255).astype(np.uint8)
    return Seen(np.repeat(grey[..., None], 3, axis=2), notes)


TASKS = {
    SKIN.name: Task(
        SKIN, "photograph", "diagnosis", _photograph,
        (
            "Diagnoses other than the seven, and other lesions of the person.",
            "Size, growth and change; age, sex and site are not used by this model.",
        ),
    ),
    RETINA.name: Task(
        RETINA, "photograph", "grade of diabetic retinopathy", _fundus,
        (
            "Any disease but diabetic retinopathy, and edema of the macula.",
            "Whether the photograph is sharp and bright enough to be graded.",
        ),
    ),
    CHEST.name: Task(
        CHEST, "film", "sign of pneumonia", _film,
        (
            "Everything but pneumonia or opacity: effusion, pneumothorax, heart size, nodules, "
            "bones, tubes and lines.",
            "Change since earlier films: a second film is not looked at by this model.",
        ),
    ),
    PATHOLOGY.name: Task(
        PATHOLOGY, "slide", "tissue", _patch,
        (
            "Every tissue and tumour that is not among the classes.",
            "Grade, stage, margins, lymph nodes and molecular markers.",
        ),
    ),
}  # fmt: skip
