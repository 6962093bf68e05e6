"""From a backend's results on labelled cases to its calibration file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from specialists.errors import InvalidInput
from specialists.recalibration.fit import COVERAGE, Case, fit_part
from specialists.recalibration.record import Calibration, Part, kept, place_of, stated, write
from specialists.registry import spec_of

__all__ = ["Answered", "calibrate", "fitted_to"]


class Answered(NamedTuple):
    """A labelled file and what a tool said of it."""

    structured: Mapping[str, Any]
    kind: str
    label: str
    group: str


def fitted_to(tool: str, backend: str, labels: bytes) -> bool:
    """Whether a backend's calibration was fitted to the cases of this very table of labels."""
    found = kept(tool, backend)
    return found is not None and found.labels_sha256 == hashlib.sha256(labels).hexdigest()


def calibrate(
    tool: str,
    answered: Sequence[Answered],
    labels: bytes,
    refused: Mapping[str, int],
    out: Path | None = None,
) -> tuple[Calibration, Path]:
    """Fit a calibration and write it.

    Args:
        tool: The specialist.
        answered: Results of one backend that was not calibrated while it gave them.
        labels: Content of the table of labels.
        refused: Cases without a result, by the error's code.
        out: Where to write it; default: where the backend finds it.

    Raises:
        InvalidInput: If there are too few cases.
    """
    spec = spec_of(tool)
    grouped: dict[tuple[tuple[str, ...], str], list[Case]] = {}
    unused = dict(refused)
    for one in answered:
        case, classes = _case(tool, one)
        if case is None or one.label not in classes:
            unused["no_prediction"] = unused.get("no_prediction", 0) + 1
            continue
        grouped.setdefault((classes, case.stated), []).append(case)
    positive = spec.positive if spec.question else ()
    parts, short = _parts(grouped, positive)
    if not parts:
        raise short or InvalidInput("The specialist gave no prediction for any case.")
    made = answered[0].structured["provenance"]
    calibration = Calibration(
        specialist=tool,
        backend=made["backend"],
        model=made["model"],
        version=made["version"],
        weights_sha256=made["weights_sha256"],
        coverage=COVERAGE,
        kinds=tuple(sorted({one.kind for one in answered})),
        parts=parts,
        labels_sha256=hashlib.sha256(labels).hexdigest(),
        not_used=unused,
    )
    return calibration, write(calibration, out or place_of(tool, made["backend"]))


def _parts(
    grouped: Mapping[tuple[tuple[str, ...], str], Sequence[Case]], positive: Sequence[str]
) -> tuple[tuple[Part, ...], InvalidInput | None]:
    """A part for each set of classes that has enough cases, and why another has not."""
    parts, short = [], None
    for (classes, _), cases in grouped.items():
        try:
            parts.append(fit_part(cases, classes, positive))
        except InvalidInput as error:
            short = error
    return tuple(parts), short


def _case(tool: str, one: Answered) -> tuple[Case | None, tuple[str, ...]]:
    """The prediction over the tool's classes; none where the backend gave an empty set."""
    spec = spec_of(tool)
    known, said = set(spec.labels), one.structured
    for predicted in said.get("prediction_sets", ()):
        if set(predicted["probabilities"]) <= known and predicted["labels"]:
            own = {f["name"]: f["probability"] for f in said["findings"]
                   if f["name"] in {*known, spec.question}}  # fmt: skip
            scores = dict(predicted["probabilities"])
            return Case(scores, stated(own), one.label, one.group), tuple(scores)
    return None, ()
