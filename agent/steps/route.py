"""A planner writes a plan; the gate decides what of it may run."""

from __future__ import annotations

import logging

from langgraph.runtime import Runtime

from agent.answer import Attachment, Call, Failure, Plan
from agent.context import remembered, scrubbed
from agent.duty import gate_extension, gate_question
from agent.gate import Gated
from agent.gemma import PlanRequest
from agent.state import JSON, Consultation, State, dump, load
from agent.toolbox import Toolbox
from specialists.errors import PlannerUnavailable
from specialists.schema import Evidence

__all__ = ["pending", "plan_question", "route"]

logger = logging.getLogger(__name__)


async def route(state: State, runtime: Runtime[Consultation]) -> State:
    """Plan, or extend the plan with what came back."""
    context = runtime.context
    rounds = state.get("rounds", 0)
    request = _request(state, context.toolbox)
    gated, planner = await plan_question(request, context, extending=rounds > 0)
    update: State = {"rounds": rounds + 1, "planner": planner}
    if rounds == 0:
        update["failures"] = state["failures"] + dump(_refused(gated))
        update["plan"] = gated.plan.model_dump(mode="json")
        return update
    # A later round may only add calls that were not made yet.
    more = [call for call in gated.plan.calls if call.model_dump(mode="json") not in state["done"]]
    earlier = Plan.model_validate(state["plan"])
    extended = earlier.model_copy(update={"calls": (*earlier.calls, *more)})
    update["plan"] = extended.model_dump(mode="json")
    return update


async def plan_question(
    request: PlanRequest, context: Consultation, extending: bool = False
) -> tuple[Gated, str]:
    """Ask the planners in order, and gate what the first that can answers.

    Args:
        request: What they may know.
        context: Whose planners are asked.
        extending: Whether evidence is there already: then nothing more has to happen.

    Returns:
        The gated plan, and the name of who wrote it, with why an earlier one did not.
    """
    excuse = ""
    for planner in context.planners:
        try:
            plan = await planner.plan(request)
        except PlannerUnavailable as error:
            logger.warning("planner: %s", error.code)
            excuse = f"; {planner.name} could not be used: {error.client_message}"
            continue
        gated = gate_extension(plan, request) if extending else gate_question(plan, request)
        return gated, planner.name + excuse
    raise PlannerUnavailable("No planner could be used" + excuse)


def _request(state: State, toolbox: Toolbox) -> PlanRequest:
    return PlanRequest(
        question=scrubbed(state["question"]),
        attachments=load(Attachment, state["attachments"]),
        catalogue=toolbox.catalogue,
        history=remembered(state.get("history", [])),
        evidence=load(Evidence, state["evidence"]),
        new=state["new"] if state.get("history") else None,
        earlier=load(Call, state.get("earlier", [])),
    )


def _refused(gated: Gated) -> list[Failure]:
    """Calls that the gate took out of a plan of which the rest goes on."""
    if gated.plan.action != "call":
        return []
    return [
        Failure(tool=call.tool, attachment=_first(call), code="not_accepted", message=reason)
        for call, reason in gated.refused
    ]


def _first(call: Call) -> str | None:
    return call.attachments[0] if call.attachments else None


def pending(state: State) -> list[JSON]:
    """The plan's calls that were not made yet."""
    plan = state["plan"]
    if plan["action"] != "call":
        return []
    return [call for call in plan["calls"] if call not in state["done"]]
