"""A result in classes is told again as a calibration on the user's own cases says.

Probabilities, sets, findings and every sentence that states them change together; what the
calibration does not touch stays as the backend said it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from specialists.base import BackendSpec, Picture, Reading, Source, SpecialistSpec
from specialists.calibration import prediction_sets, softmax
from specialists.measures import Booleans, Floats
from specialists.recalibration.fit import logits_of
from specialists.recalibration.record import Calibration, Part, Stated, kept, stated, uncalibrated
from specialists.schema import Assertion, Finding, PredictionSet, SpecialistResult

__all__ = ["Judged", "calibrated", "class_set", "evaluated", "judged", "numbers_of"]

OTHER_WEIGHTS = (
    "There is a calibration on your data, but it was made with other weights of this model, and "
    "was not used: run `wardround calibrate` again."
)


@dataclass(frozen=True)
class Judged:
    """Classes with calibrated probabilities and sets.

    Attributes:
        probabilities: Shape (n, classes).
        members: Shape (n, classes), the sets.
        answers: Shape (n, 2), whether no and yes are in the set of the clinical question; None
            where there is none.
        yes: Shape (n,), the probability of yes; None likewise.
    """

    probabilities: Floats
    members: Booleans
    answers: Booleans | None
    yes: Floats | None


def class_set(spec: SpecialistSpec, sets: Sequence[PredictionSet]) -> PredictionSet | None:
    """The prediction set over the specialist's classes, as `evaluate` takes it."""
    return next((one for one in sets if set(one.probabilities) <= set(spec.labels)), None)


def numbers_of(spec: SpecialistSpec, result: SpecialistResult) -> Stated:
    """What a backend calls the numbers of its classes in a result."""
    names = {*spec.labels, spec.question}
    return stated({f.name: f.probability for f in result.findings if f.name in names})


def judged(part: Part, scores: NDArray[np.float64]) -> Judged:
    """Apply a calibration to scores (n, classes) in the order of its classes."""
    rows = softmax(logits_of(scores), part.temperature)
    members = prediction_sets(rows, [part.limits[name] for name in part.classes])
    if part.question is None:
        return Judged(rows, members, None, None)
    yes = rows[:, [part.classes.index(name) for name in part.question.positive]].sum(axis=1)
    limits = [part.question.no_from, part.question.yes_from]
    answers = prediction_sets(np.stack([1 - yes, yes], axis=1), limits)
    return Judged(rows, members, answers, yes)


def calibrated(
    spec: SpecialistSpec,
    backend: BackendSpec,
    inputs: Mapping[str, Sequence[Source]],
    reading: Reading,
) -> Reading:
    """Tell a reading again as the backend's calibration says; as it is, where none applies.

    Raises:
        InvalidInput: If the calibration file is damaged.
    """
    calibration = kept(spec.name, backend.name)
    result = reading.result
    predicted = class_set(spec, result.prediction_sets)
    if calibration is None or predicted is None:
        return reading
    if not calibration.suits(result):
        return replace(reading, result=_warned(result, OTHER_WEIGHTS))
    kinds = {one.manifest.kind for sources in inputs.values() for one in sources}
    numbers = numbers_of(spec, result)
    part = calibration.part_of(frozenset(predicted.probabilities), numbers)
    if part is None or not predicted.labels or not kinds <= set(calibration.kinds):
        return reading
    told = _told(spec, backend, calibration, part, result, predicted)
    if len(inputs) > 1:
        told = _warned(told, "Numbers of the other file are not calibrated on your data.")
    return replace(reading, result=told, pictures=[_noted(p, told) for p in reading.pictures])


def _warned(result: SpecialistResult, warning: str) -> SpecialistResult:
    return result.model_copy(update={"warnings": (*result.warnings, warning)})


def _told(
    spec: SpecialistSpec,
    backend: BackendSpec,
    calibration: Calibration,
    part: Part,
    result: SpecialistResult,
    predicted: PredictionSet,
) -> SpecialistResult:
    one = judged(part, np.array([[predicted.probabilities[name] for name in part.classes]]))
    cautious = numbers_of(spec, result) == "score" and not backend.needs_calibration
    old = {finding.name: finding for finding in result.findings}
    findings = [
        _as_cautious(finding, old.get(finding.name)) if cautious else finding
        for finding in _findings(spec, part, one)
    ]
    sets = _sets(spec, calibration.coverage, predicted.target, part, one, result)
    retold = [set(each.probabilities) for each in sets]
    names = {*spec.labels, spec.question}
    gone = [f for f in result.findings if f.name in names]
    gone_sets = [s for s in result.prediction_sets if set(s.probabilities) in retold]
    texts = [f.text for f in findings] + [s.text for s in sets]
    lost = [f.text for f in gone] + [s.text for s in gone_sets]
    warnings = [w for w in result.warnings if w != uncalibrated(spec.name, backend.name)]
    evaluated_on = evaluated(part, result.provenance.evaluated_on)
    return result.model_copy(
        update={
            "findings": (*findings, *(f for f in result.findings if f not in gone)),
            "prediction_sets": (*sets, *(s for s in result.prediction_sets if s not in gone_sets)),
            "summary": _summary(result.summary, texts, lost),
            "warnings": (*warnings, *_warnings(part)),
            "provenance": result.provenance.model_copy(update={"evaluated_on": evaluated_on}),
        }
    )


def _as_cautious(finding: Finding, old: Finding | None) -> Finding:
    """What the backend itself left open for such a file stays open."""
    if old is not None and old.assertion == "uncertain" and finding.assertion != "uncertain":
        return _finding(finding.name, "uncertain", finding.probability or 0.0)
    return finding


def _findings(spec: SpecialistSpec, part: Part, one: Judged) -> list[Finding]:
    """The clinical question first, then the classes that are findings themselves."""
    found = []
    if one.answers is not None and one.yes is not None and spec.question:
        no, yes = one.answers[0].tolist()
        assertion: Assertion = "uncertain" if no and yes else ("present" if yes else "absent")
        found.append(_finding(spec.question, assertion, float(one.yes[0])))
    members = [name for name, inside in zip(part.classes, one.members[0], strict=True) if inside]
    shares = dict(zip(part.classes, one.probabilities[0].tolist(), strict=True))
    for name in members:
        if name in spec.findings and name != spec.question and (len(members) == 1 or not found):
            held: Assertion = "present" if len(members) == 1 else "uncertain"
            found.append(_finding(name, held, shares[name]))
    return found


def _finding(name: str, assertion: Assertion, value: float) -> Finding:
    shown = round(value, 2)
    number = f"calibrated probability {shown:.2f}"
    texts: dict[Assertion, str] = {
        "present": f"The model finds signs of {name} ({number}).",
        "absent": f"The model finds no {name} ({number}).",
        "uncertain": f"Inconclusive for {name} ({number}).",
    }
    return Finding(name=name, assertion=assertion, probability=shown, text=texts[assertion])


def _sets(
    spec: SpecialistSpec,
    coverage: float,
    target: str,
    part: Part,
    one: Judged,
    result: SpecialistResult,
) -> tuple[PredictionSet, ...]:
    """The set of the classes, and that of the clinical question where it is another."""
    own = _set(target, coverage, part.classes, one.probabilities[0], one.members[0])
    names = (f"no {spec.question}", spec.question)
    if one.answers is None or one.yes is None or set(names) == set(part.classes):
        return (own,)
    halves = np.array([1 - one.yes[0], one.yes[0]])
    asked = [each for each in result.prediction_sets if set(each.probabilities) == set(names)]
    question = asked[0].target if asked else spec.question
    return (own, _set(question, coverage, names, halves, one.answers[0]))


def _set(
    target: str, coverage: float, classes: Sequence[str], shares: Floats, members: Booleans
) -> PredictionSet:
    labels = tuple(name for name, inside in zip(classes, members, strict=True) if inside)
    text = f"{target[0].upper()}{target[1:]}: at {coverage:.0%} coverage compatible with: "
    text += " or ".join(labels) + (" (inconclusive)." if len(labels) > 1 else ".")
    return PredictionSet(
        target=target,
        labels=labels,
        coverage=coverage,
        probabilities={
            name: round(float(share), 4) for name, share in zip(classes, shares, strict=True)
        },
        conclusive=len(labels) == 1,
        text=text,
    )


def _summary(summary: str, told: Sequence[str], gone: Sequence[str]) -> str:
    """The new sentences, and what the old summary says beside those that they replace."""
    for text in gone:
        summary = summary.replace(text, "")
    return " ".join([*told, *summary.split()])


def _warnings(part: Part) -> list[str]:
    if not part.never_excluded:
        return []
    names = ", ".join(part.never_excluded)
    return [f"The calibration had too few cases to exclude: {names}; it is in every set."]


def evaluated(part: Part, before: str) -> str:
    """How a calibrated backend was evaluated, in a sentence, and what its card says."""
    coverage, size = part.metrics["coverage"], part.metrics["set_size"]
    figures = ", ".join(
        f"{name} {one.value:.2f} ({one.low:.2f} to {one.high:.2f})"
        for name, one in (("coverage", coverage), ("classes in a set", size))
        if one.value is not None
    )
    return (
        f"Calibrated on {part.n} of your own cases in {part.groups} groups; in held-out groups "
        f"(95% intervals): {figures}. Before that: {before}"
    )


def _noted(picture: Picture, result: SpecialistResult) -> Picture:
    """Say below a picture what holds now: the words in it are from before."""
    from specialists.pictures import footed

    said = result.findings[0].text if result.findings else result.prediction_sets[0].text
    return replace(picture, png=footed(picture.png, f"Calibrated on your own data: {said}"))
