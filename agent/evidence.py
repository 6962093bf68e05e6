"""From a tool's structured result to evidence: what statements may cite."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from agent.answer import Fact
from specialists.schema import (
    Assertion,
    Evidence,
    EvidenceFinding,
    Finding,
    Measurement,
    PredictionSet,
    RiskScore,
    SpecialistResult,
)

__all__ = ["evidence_from", "facts_from", "is_specialist_result"]

PERCENTILE = "{percentile}"
"""UCUM annotation: a percentile is a pure number, but no percentage."""


_TEXT = Fact(kind="text")
_NO = "no "
"""Begins the name of a class that is the absence of another."""


class _Said(NamedTuple):
    text: str
    fact: Fact
    finding: EvidenceFinding | None = None
    value: float | None = None
    unit: str | None = None


def evidence_from(
    tool: str, attachment_ids: Sequence[str], structured: Mapping[str, Any], start: int
) -> list[Evidence]:
    """Turn the structured content of one call into evidence.

    Args:
        tool: The tool that was called.
        attachment_ids: Attachments of the call; evidence names the first.
        structured: The structured content as it came over MCP: a `SpecialistResult`, or
            anything at all from another kind of server.
        start: Number of the first piece: 1 gives E1.

    Returns:
        One piece for every finding, measurement, prediction set and narrative; up to three for
        a risk score (score, percentile, overlap); the summary where there is none of these; one
        in all for a result of unknown form.
    """
    attachment = attachment_ids[0] if attachment_ids else None
    return [
        Evidence(
            id=f"E{number}",
            tool=tool,
            attachment=attachment,
            text=each.text,
            finding=each.finding,
            value=each.value,
            unit=each.unit,
        )
        for number, each in enumerate(_said(structured), start)
    ]


def facts_from(structured: Mapping[str, Any]) -> list[Fact]:
    """Tell what each piece of evidence of a call is about, in the order of `evidence_from`."""
    return [each.fact for each in _said(structured)]


def _said(structured: Mapping[str, Any]) -> list[_Said]:
    said = _said_by_specialist(structured) if is_specialist_result(structured) else None
    return said or _said_by_other(structured)


def is_specialist_result(structured: Mapping[str, Any]) -> bool:
    """Tell whether structured content has the form that the specialists here give."""
    return "summary" in structured and "provenance" in structured


def _said_by_specialist(structured: Mapping[str, Any]) -> list[_Said] | None:
    fields = {
        name: structured[name] for name in SpecialistResult.model_fields if name in structured
    }
    try:
        # A specialist may add fields to its result; the shared ones are what can be cited.
        result = SpecialistResult.model_validate(fields)
    except ValidationError:
        return None
    said = [
        *map(_finding, result.findings),
        *map(_prediction_set, result.prediction_sets),
        *(each for score in result.risk_scores for each in _risk_score(score)),
        *map(_measurement, result.measurements),
        *([_Said(result.narrative.text, _TEXT)] if result.narrative else []),
    ]
    backend = {"backend": result.provenance.backend}
    return [
        each._replace(fact=each.fact.model_copy(update=backend))
        for each in said or [_Said(result.summary, _TEXT)]
    ]


def _finding(finding: Finding) -> _Said:
    shared = EvidenceFinding(
        name=finding.name,
        assertion=finding.assertion,
        site=finding.site,
        laterality=finding.laterality,
    )
    unit = None if finding.probability is None else "1"
    fact = Fact(
        kind="finding",
        name=finding.name,
        site=finding.site,
        laterality=finding.laterality,
        calibrated=unit is not None,
        box=finding.box,
    )
    return _Said(finding.text, fact, shared, finding.probability, unit)


def _measurement(measurement: Measurement) -> _Said:
    fact = Fact(
        kind="measurement",
        name=measurement.name,
        site=measurement.site,
        laterality=measurement.laterality,
    )
    return _Said(measurement.text, fact, None, measurement.value, measurement.unit)


def _prediction_set(prediction: PredictionSet) -> _Said:
    assertion: Assertion = "present" if prediction.conclusive else "uncertain"
    name = " or ".join(prediction.labels)
    finding = EvidenceFinding(name=name, assertion=assertion) if name else None
    if prediction.conclusive and name.startswith(_NO):
        finding = EvidenceFinding(name=name.removeprefix(_NO), assertion="absent")
    probability = prediction.probabilities.get(name) if prediction.conclusive else None
    unit = None if probability is None else "1"
    return _Said(prediction.text, _set_fact(prediction), finding, probability, unit)


def _set_fact(prediction: PredictionSet) -> Fact:
    return Fact(
        kind="set",
        name=prediction.target,
        labels=prediction.labels,
        shares=tuple(prediction.probabilities.get(one, 0.0) for one in prediction.labels),
        coverage=prediction.coverage,
    )


def _risk_score(score: RiskScore) -> Iterator[_Said]:
    subject = f"{score.name} ({score.trait})" if score.trait else score.name
    fact = Fact(kind="score", name=subject, sample=score.sample, reference=score.reference)
    yield _Said(score.text, fact, None, score.value, "1")
    if score.percentile is not None:
        reference = f" of {score.reference}" if score.reference else ""
        text = (
            f"The polygenic score {subject} of {score.sample} is at percentile "
            f"{_plain(score.percentile)}{reference}."
        )
        percentile = fact.model_copy(update={"kind": "percentile"})
        yield _Said(text, percentile, None, score.percentile, PERCENTILE)
    text = (
        f"{_plain(100 * score.overlap)} % of the variants of {subject} were matched in "
        f"{score.sample} (overlap {_plain(score.overlap)})."
    )
    overlap = fact.model_copy(update={"kind": "overlap"})
    yield _Said(text, overlap, None, score.overlap, "1")


def _plain(value: float) -> str:
    """Write at most four significant digits, without exponent."""
    return f"{float(f'{value:.4g}'):f}".rstrip("0").rstrip(".")


def _said_by_other(structured: Mapping[str, Any]) -> list[_Said]:
    text = _flat(structured).strip()
    return [_Said(text, _TEXT)] if text else []


def _flat(value: Any) -> str:
    """Write structured content of unknown form as text, keeping names beside values."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        if set(value) in ({"result"}, {"text"}):
            return _flat(next(iter(value.values())))
        return " ".join(f"{name}: {_flat(each).rstrip('.')}." for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_flat(each) for each in value)
    return json.dumps(value)
