"""Ranks: 'higher than 84 % of the samples' is the 84th percentile."""

from __future__ import annotations

from dataclasses import replace

from agent.grounding.case import Case
from agent.grounding.quantities import Quantity
from agent.grounding.units import unit_named

__all__ = ["PERCENTILE", "ranked"]


PERCENTILE = unit_named("{percentile}")


def ranked(case: Case, said: Quantity) -> Quantity:
    """Read 'higher than 84 % of the samples' as the 84th percentile, 'top fifth' as the 80th."""
    number = said.number
    if number.unit.kind != "proportion" or not _has_percentile(case):
        return said
    people = {v for kind, v in said.around if kind in {"label", "thing"}}
    if ("q", "overlap") in said.around or "variant" in people or not _ranks(case):
        return said
    rank = number.value
    tags = said.around
    above = ("more", "") in tags or ("cmp", ">") in tags
    below = ("less", "") in tags or ("cmp", "<") in tags
    wording = {value for kind, value in tags if kind == "rank"}
    if "upper" in wording and number.role == "fraction":
        return replace(
            said,
            number=replace(number, value=100 - rank, unit=PERCENTILE, comparator=">=", role=None),
        )
    if "lower" in wording and number.role == "fraction":
        return replace(
            said, number=replace(number, value=rank, unit=PERCENTILE, comparator="<=", role=None)
        )
    if not above and not below:
        return said
    direct = _sample_first(case, said)
    value = rank if above == direct else 100 - rank
    half = max(number.half_step, 4.0 if number.role == "fraction" else 0.5)
    return replace(
        said,
        number=replace(
            number, value=value, unit=PERCENTILE, comparator="=", half_step=half, role=None
        ),
    )


def _ranks(case: Case) -> bool:
    """'The score is higher than in 84 %', and not 'the patient is taller than 84 %'."""
    ranked = {("q", "score"), ("q", "percentile"), ("label", "sample"), ("thing", "file")}
    return any(ranked & item.tags for item in case.said.items)


def _sample_first(case: Case, said: Quantity) -> bool:
    """'Your score is higher than 84 % …' against '84 % have a higher score'."""
    for sentence in case.said.sentences:
        for at, item in enumerate(sentence.items):
            if item.start <= said.number.start < item.end or item.start == said.number.start:
                before = sentence.items[: at + 1]
                return any(
                    i.has("more", "less") or {"<", ">"} & set(i.values("cmp")) for i in before
                )
    return True


def _has_percentile(case: Case) -> bool:
    return any(q.number.unit.kind == "percentile" for known in case.known for q in known.quantities)
