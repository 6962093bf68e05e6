"""The calibration of a backend on somebody's own cases: what it holds and where it is kept.

A file a backend, in `calibrations` of the folder of models. It says neither when nor where nor
of whom the cases were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from specialists import hub
from specialists.errors import InvalidInput
from specialists.schema import Data, SpecialistResult

__all__ = [
    "Calibration", "Interval", "Part", "QuestionLimits", "Stated", "kept", "parsed", "place_of",
    "stated", "uncalibrated", "write",
]  # fmt: skip

Stated = Literal["probability", "score"]


class Interval(Data):
    """A measured figure with its 95% interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class QuestionLimits(Data):
    """The clinical question, answered from the summed probabilities of the classes that say yes."""

    positive: tuple[str, ...]
    no_from: float
    """'No' is in the set from this probability of no on."""
    yes_from: float


class Part(Data):
    """What was fitted to the cases for which a backend tells the same classes apart."""

    classes: tuple[str, ...]
    stated: Stated
    """What the backend itself calls its numbers for such cases."""
    temperature: float = Field(gt=0)
    limits: dict[str, float]
    """A class is in the set from this probability on; 0 where it can't be excluded."""
    conditional_on: dict[str, str]
    """What each class's coverage holds for: the class alone, or the rare classes together."""
    question: QuestionLimits | None = None
    n: int
    groups: int
    cases: dict[str, int]
    """By class."""
    metrics: dict[str, Interval]
    """In held-out groups, by the same procedure fitted to the others."""

    @property
    def never_excluded(self) -> tuple[str, ...]:
        """Classes with too few cases: they are in every set."""
        return tuple(name for name in self.classes if self.limits[name] == 0)


class Calibration(Data):
    """A backend's calibration."""

    format: Literal[1] = 1
    specialist: str
    backend: str
    model: str
    version: str
    weights_sha256: str | None
    """It is used for these weights alone."""
    coverage: float = Field(gt=0, lt=1)
    kinds: tuple[str, ...]
    """Kinds of file that it was fitted to, and is used for."""
    parts: tuple[Part, ...]
    labels_sha256: str
    """Digest of the table of labels, to tell the same cases from others."""
    not_used: dict[str, int] = {}
    """Cases without a prediction, by the reason's code."""
    method: str = (
        "temperature by the least negative log-likelihood; split-conformal limits from "
        "probabilities of five folds of whole groups, class by class where a class has at least 9 "
        "cases"
    )
    limits: str = (
        "Holds for cases like those it was fitted to: the same devices, the same kind of persons, "
        "one question at a time. Cases of one group count each for itself, so that coverage may "
        "vary more than the limits say where groups are large; the held-out figures show it."
    )

    def part_of(self, classes: frozenset[str], numbers: Stated) -> Part | None:
        """The part that fits a prediction, if there is one."""
        for part in self.parts:
            if frozenset(part.classes) == classes and part.stated == numbers:
                return part
        return None

    def suits(self, result: SpecialistResult) -> bool:
        """Whether it was made with the weights that gave a result."""
        made = result.provenance
        own = (self.model, self.version, self.weights_sha256)
        return own == (made.model, made.version, made.weights_sha256)


def place_of(specialist: str, backend: str) -> Path:
    """Where a backend's calibration is kept."""
    return hub.folder() / "calibrations" / f"{specialist}--{backend}.json"


def kept(specialist: str, backend: str) -> Calibration | None:
    """The calibration of a backend, if it has one.

    Raises:
        InvalidInput: If the file is damaged: results without it would look calibrated elsewhere.
    """
    place = place_of(specialist, backend)
    return parsed(place) if place.is_file() else None


def parsed(place: Path) -> Calibration:
    """Read a calibration file.

    Raises:
        InvalidInput: If it is none.
    """
    try:
        return Calibration.model_validate_json(place.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        raise InvalidInput(
            "The calibration file is damaged. Run `wardround calibrate` again, or remove it."
        ) from None


def write(calibration: Calibration, place: Path) -> Path:
    """Write a calibration file whole or not at all; gives its place."""
    place.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(calibration.model_dump(mode="json"), indent=2, ensure_ascii=False)
    unfinished = place.with_name(place.name + ".part")
    unfinished.write_text(text + "\n", encoding="utf-8")
    return unfinished.replace(place)


def stated(findings: Mapping[str, float | None]) -> Stated:
    """What a backend calls its numbers: probabilities, or scores where a finding has none."""
    return "score" if None in findings.values() else "probability"


def uncalibrated(specialist: str, backend: str) -> str:
    """What a result says while there is no calibration for it."""
    return (
        "Not calibrated on your data, so its scores are no probabilities and no class is claimed "
        f"or ruled out: wardround calibrate {specialist} --backend {backend} --data DIR."
    )
