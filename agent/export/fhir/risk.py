"""RiskAssessment for polygenic scores. A score is no probability, and none is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from agent.answer import Answer
from agent.export.fhir.values import JSON
from specialists.schema import Evidence

__all__ = ["risk_assessments"]

_SCORE = re.compile(r"polygenic score (?P<name>\S+)(?: \((?P<trait>.+)\))?")


def risk_assessments(
    answer: Answer, observed: Mapping[str, JSON]
) -> Iterator[tuple[str, Evidence, JSON]]:
    """A RiskAssessment a polygenic score.

    Args:
        answer: The answer.
        observed: References to the observations by the evidence's id.

    Yields:
        A name in the bundle, the score's own evidence, and the resource without its links.
    """
    for item in answer.evidence:
        named = _SCORE.fullmatch(item.measurement.name) if item.measurement else None
        if named is None or item.measurement is None:
            continue
        about = [each for each in answer.evidence if _is_of(each, item, item.measurement.name)]
        trait = named["trait"] or named["name"]
        yield f"risk {item.id}", item, _resource(item, about, trait, answer, observed)


def _is_of(each: Evidence, score: Evidence, name: str) -> bool:
    same = (each.tool, each.attachment) == (score.tool, score.attachment)
    return same and each.measurement is not None and each.measurement.name.endswith(name)


def _resource(
    score: Evidence,
    about: Sequence[Evidence],
    trait: str,
    answer: Answer,
    observed: Mapping[str, JSON],
) -> JSON:
    limits = [f"Not assessed: {text}" for text in answer.not_assessed]
    measured = score.measurement.name if score.measurement else trait
    return {
        "resourceType": "RiskAssessment",
        "status": "preliminary",
        "method": {"text": "Polygenic score: sum of effect weight times dosage"},
        "code": {"text": measured},
        "basis": [observed[each.id] for each in about],
        "prediction": [
            {"outcome": {"text": trait}, "rationale": " ".join(each.text for each in about)}
        ],
        "note": [{"text": text} for text in [*limits, *answer.caveats]],
    }
