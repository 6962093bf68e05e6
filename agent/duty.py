"""What must happen: the other half of the gate. Plain code: no model can overrule it.

A question about a file is answered by a specialist or asked back about, never by the planner's
own words: an `answer` stands only where plain code, too, finds nothing to consult, or where the
question speaks to the system. And where files are attached, what a user is told instead of
evidence is written by plain code: a planner cannot say in a message what no specialist said.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agent.answer import Attachment, Plan
from agent.calling import instead
from agent.followup import tools_named
from agent.gate import Gated, gate
from agent.gemma import PlanRequest
from agent.rules import planned, told_instead
from agent.wording import ADDRESSED, plain
from specialists.acceptance import described

__all__ = ["gate_extension", "gate_question"]

_LONGEST_ASKED = 200


def gate_question(plan: Plan, request: PlanRequest) -> Gated:
    """Hold a plan to what must happen, then to what may, then word what is told.

    Returns:
        The plan as it is carried out.
    """
    gated = gate(_owed(plan, request), request.catalogue, request.attachments)
    return replace(gated, plan=_worded(gated, plan, request))


def gate_extension(plan: Plan, request: PlanRequest) -> Gated:
    """Hold the extension of a plan to what may happen: nothing more has to."""
    return gate(plan, request.catalogue, request.attachments)


def _owed(plan: Plan, request: PlanRequest) -> Plan:
    if _records_alone(request):
        ruled = planned(request)
        if ruled.action == "refuse" or plan.action == "clarify":
            return ruled  # no planner here was trained on records, nor may one give advice on them
    if plan.action != "answer" or not request.attachments:
        return plan
    owed = planned(request)
    return plan if owed.action == "answer" or _addressed(request) else owed


def _records_alone(request: PlanRequest) -> bool:
    kinds = {one.manifest.kind for one in request.attachments if one.manifest}
    return kinds == {"record"}


def _addressed(request: PlanRequest) -> bool:
    """Whether a first question speaks to the system and names nothing that a tool finds."""
    text = plain(request.question)
    named = tools_named(text, list(request.catalogue.values()))
    return not named and not request.earlier and re.search(ADDRESSED, text) is not None


def _worded(gated: Gated, written: Plan, request: PlanRequest) -> Plan:
    """The plan with the message that the user gets; a plan that calls has none."""
    plan = gated.plan
    if plan.action == "call":
        return plan.model_copy(update={"message": None})
    if plan.action == "clarify" and gated.refused:
        told = [plan.message or "", instead(request.attachments, request.catalogue.values())]
    elif plan.action == "clarify":
        told = [_asked(plan, request), _given(request)]
    elif request.attachments or not plan.message:
        told = [told_instead(plan.action, request)]
    else:
        return plan
    return plan.model_copy(update={"message": " ".join(one for one in told if one)})


def _asked(plan: Plan, request: PlanRequest) -> str:
    """The planner's question back, where it is one question; otherwise that of plain code."""
    own = " ".join((plan.message or "").split())
    plain = planned(request)
    if plain.action == "clarify" and plain.message:
        return plain.message
    alone = own.endswith(("?", "？")) and re.search(r"[.!:;。！：；]", own) is None
    if alone and len(own) <= _LONGEST_ASKED:
        return own
    return "Which file should be looked at, and what should be found out?"


def _given(request: PlanRequest) -> str:
    """What was given, in words."""
    told = [_named(one) for one in request.attachments]
    return f"Attached: {'; '.join(told)}." if told else ""


def _named(one: Attachment) -> str:
    if one.manifest is None:
        return f"{one.id}, which could not be read"
    return f"{one.id}, {described(one.manifest)}"
