"""RiskAssessment for polygenic scores. A score is no probability, and none is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from agent.answer import Answer
from agent.export.about import about
from agent.export.fhir.values import JSON
from specialists.schema import Evidence

__all__ = ["risk_assessments"]

_TRAIT = re.compile(r"\((?P<trait>.+)\)$")


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
        subject = about(answer, item)
        if subject.kind != "score" or subject.name is None:
            continue
        of_score = [each for each in answer.evidence if _is_of(answer, each, item)]
        yield f"risk {item.id}", item, _resource(subject.name, of_score, answer, observed)


def _is_of(answer: Answer, each: Evidence, score: Evidence) -> bool:
    """Whether evidence belongs to a score: it follows it, and is of the same call and name."""
    if (each.tool, each.attachment) != (score.tool, score.attachment):
        return False
    one, other = about(answer, each), about(answer, score)
    return one.name == other.name and one.kind in ("score", "percentile", "overlap")


def _resource(
    name: str,
    of_score: Sequence[Evidence],
    answer: Answer,
    observed: Mapping[str, JSON],
) -> JSON:
    limits = [f"Not assessed: {text}" for text in answer.not_assessed]
    trait = _TRAIT.search(name)
    return {
        "resourceType": "RiskAssessment",
        "status": "preliminary",
        "method": {"text": "Polygenic score: sum of effect weight times dosage"},
        "code": {"text": f"Polygenic score {name}"},
        "basis": [observed[each.id] for each in of_score],
        "prediction": [
            {
                "outcome": {"text": trait["trait"] if trait else name},
                "rationale": " ".join(each.text for each in of_score),
            }
        ],
        "note": [{"text": text} for text in [*limits, *answer.caveats]],
    }
