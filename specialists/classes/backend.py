"""A backend that scores classes: reads its files, asks its model once for all that wait, tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from specialists.base import Case, Progress, Reading, Request, Source
from specialists.canary import check
from specialists.classes.scored import Told, scores_told
from specialists.classes.slides import limits_of, read_tissue
from specialists.classes.tasks import TASKS, Task, organ_of
from specialists.errors import InvalidInput
from specialists.pathology.spec import HEADS, Organ
from specialists.schema import Provenance

__all__ = ["Scorer", "ScoringBackend"]

LEAST_PIXELS = 32


class Scorer(Protocol):
    """A model that scores pictures.

    Attributes:
        card: Empty, or with what the model makes of the known picture.
        size: Edge of a tile of a slide, in pixels.
        um_per_px: Scale of the tiles of a slide.
        on_slides: Whether it was fitted to whole slides, so that it scores those as a whole.
    """

    card: dict[str, Any]
    size: int
    um_per_px: float
    on_slides: bool

    def canary(self, picture: NDArray[np.uint8]) -> Any:
        """Return what it makes of one picture, see `specialists.canary`."""

    def told_apart(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the classes that it can score.

        Raises:
            InvalidInput: If it can't tell any of them apart.
        """

    def scores(
        self, pictures: Sequence[NDArray[np.uint8]], classes: tuple[str, ...]
    ) -> NDArray[np.float64]:
        """Score pictures of any sizes: shape (n, classes), rows summing to 1."""

    def pooled(
        self, tiles: Sequence[NDArray[np.uint8]], classes: tuple[str, ...]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score a slide (classes,) from its tiles, and each of them (n, classes)."""

    def provenance(self, specialist: str, classes: tuple[str, ...]) -> Provenance:
        """Say which model this is and how it was evaluated for such classes."""


class ScoringBackend:
    """What the backends of one model share; each is of one tool."""

    tool: ClassVar[str]
    _scorer: Scorer

    @property
    def task(self) -> Task:
        """What the tool asks."""
        return TASKS[self.tool]

    def canary(self) -> None:
        """Refuse a model that does not look at its picture."""
        check(self._scorer)

    def read(
        self, inputs: Mapping[str, Sequence[Source]], request: Request, progress: Progress
    ) -> Reading:
        """Score one file."""
        (reading,) = self.read_many([Case(inputs, request, progress)])
        return reading

    def read_many(self, cases: Sequence[Case]) -> list[Reading]:
        """Score several files in one run of the model; whole slides one by one.

        Raises:
            WardroundError: If a file can't be read, or the classes are not known.
        """
        told: dict[int, Reading] = {}
        waiting: dict[tuple[str, ...], list[int]] = {}
        for number, case in enumerate(cases):
            source = case.inputs[self.task.role][0]
            if source.manifest.kind == "slide":
                told[number] = read_tissue(self._scorer, self.task, source, case)
            else:
                waiting.setdefault(self._classes(source, case.request), []).append(number)
        for classes, numbers in waiting.items():
            chosen = [cases[number] for number in numbers]
            told |= zip(numbers, self._scored(chosen, classes), strict=True)
        return [told[number] for number in range(len(cases))]

    def _classes(self, source: Source, request: Request) -> tuple[str, ...]:
        if self.tool != "classify_pathology":
            return self._scorer.told_apart(tuple(self.task.spec.labels))
        organ: Any = organ_of(source, request)
        if organ is None:
            raise InvalidInput("The organ is not known: say organ=lung, colon or bone.")
        return self._scorer.told_apart(tuple(HEADS[organ].classes))

    def _scored(self, cases: Sequence[Case], classes: tuple[str, ...]) -> list[Reading]:
        seen = []
        for case in cases:
            case.progress(0.1, "reading the picture")
            seen.append(self.task.see(case.inputs[self.task.role][0]))
            if min(seen[-1].pixels.shape[:2]) < LEAST_PIXELS:
                raise InvalidInput(f"The picture is smaller than {LEAST_PIXELS} pixels.")
        for case in cases:
            case.progress(0.4, "running the model")
        scores = self._scorer.scores([one.pixels for one in seen], classes)
        provenance = self._scorer.provenance(self.tool, classes)
        return [
            Reading(
                scores_told(
                    self.task.spec,
                    classes,
                    row,
                    Told(
                        target_of(self.task, classes),
                        limits_of(self.task, classes),
                        one.notes,
                        provenance,
                    ),
                )
            )
            for row, one in zip(scores, seen, strict=True)
        ]


def target_of(task: Task, classes: tuple[str, ...]) -> str:
    """The question that classes answer: an organ has its own."""
    heads: Mapping[Organ, Any] = HEADS if task.role == "slide" else {}
    own = [head.target for head in heads.values() if set(classes) <= set(head.classes)]
    return own[0] if own else task.target
