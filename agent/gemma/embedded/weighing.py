"""What the words of a question say for and against a plan. Plain code, no model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.answer import Attachment, Plan
from agent.calling import asks
from agent.gemma import PlanRequest
from agent.gemma.embedded.clauses import clauses, picks
from agent.gemma.embedded.concepts import find, matters, weight_of
from agent.gemma.embedded.matching import matches, shared_concepts
from agent.wording import (
    ABOUT,
    EARLIER,
    IDENTITY,
    MEANING,
    OUT_OF_SCOPE,
    plain,
    without_orders,
)

__all__ = ["newest_first", "support", "talked_past", "unserved"]

_SERVICE = 2.0
"""Weight of a concept that is a service of its own, not a matter that files are read for."""


def support(plan: Plan, request: PlanRequest) -> tuple[float, float, float]:
    """How well the question's words bear a plan out.

    Returns:
        The share of the parts that speak of something that a called tool speaks of; 1 where none
        does. 1 where a tool for one matter is called that no part speaks of, else 0. And 1 where
        a service is named that a tool offers and the plan does not call, else 0.
    """
    tools = list(request.catalogue.values())
    called = {call.tool for call in plan.calls}
    parts = [part for part in _parts(request) if matters(part)]
    left = unserved(called, request)
    told = {one.tool for part in parts for one in matches(part, tools) if one.score > 0}
    strange = any(name not in told and not asks(request.catalogue[name]) for name in called)
    ignored = any(name not in called for name in _services(request))
    share = 1.0 - len(left) / len(parts) if parts else 1.0
    return share, float(strange), float(ignored)


def talked_past(plan: Plan, request: PlanRequest) -> tuple[float, float, float]:
    """Where a plan and the manner of a question disagree.

    Returns:
        1 where it acts on a question that a pattern takes for talk: out of scope, about the
        system, a word's meaning or a person. 1 where it acts though only talk is spoken. And 1
        where it does not act though no talk is; else 0.
    """
    text = without_orders(plain(request.question))
    patterned = any(
        re.search(pattern, text) for pattern in (OUT_OF_SCOPE, ABOUT, MEANING, IDENTITY)
    )
    of_files = matters(text)
    talks = len(find(text).names) > len(of_files)
    only = talks and not any(weight_of(name) >= 1 for name in of_files)
    acts = plan.action == "call"
    return float(acts and patterned), float(acts and only), float(not (acts or patterned or talks))


def unserved(called: set[str], request: PlanRequest) -> list[str]:
    """The parts of a question that speak of something, and not of what a called tool names."""
    tools = list(request.catalogue.values())
    left = []
    for part in _parts(request):
        found = {one.tool for one in matches(part, tools) if one.score > 0}
        if matters(part) and not found & called:
            left.append(part)
    return left


def newest_first(files: Sequence[Attachment], request: PlanRequest) -> list[Attachment]:
    """Two files to compare, the one last that the question calls the earlier."""
    old: set[str] = set()
    for part in _parts(request):
        named = picks(part, request.attachments).exactly
        if len(named) == 1 and re.search(EARLIER, part):
            old |= named
    return sorted(files, key=lambda one: one.id in old) if len(old) == 1 else list(files)


def _services(request: PlanRequest) -> list[str]:
    """Tools without files that offer a service which the question names."""
    return [
        info.name
        for info in request.catalogue.values()
        if info.accepts is None
        and any(weight_of(one) >= _SERVICE for one in shared_concepts(request.question, info))
    ]


def _parts(request: PlanRequest) -> list[str]:
    return clauses(without_orders(plain(request.question)))
