"""A planner writes a plan; the gate decides what of it may run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from langgraph.runtime import Runtime

from agent.answer import Attachment, Call, Failure, Plan
from agent.calling import pertinent
from agent.context import remembered, scrubbed
from agent.duty import gate_extension, gate_question
from agent.gate import Gated
from agent.gemma import Planner, PlanRequest
from agent.state import JSON, Consultation, State, dump, load, with_prompt
from agent.toolbox import Toolbox
from specialists.errors import PlannerUnavailable
from specialists.schema import Evidence

__all__ = ["Planned", "pending", "plan_question", "route"]

logger = logging.getLogger(__name__)


async def route(state: State, runtime: Runtime[Consultation]) -> State:
    """Plan, or extend the plan with what came back."""
    context = runtime.context
    rounds = state.get("rounds", 0)
    request = _request(state, context.toolbox)
    if rounds > 0:
        return await _extended(request, state, context)
    planned = await plan_question(request, context)
    gated, planner = planned.gated, planned.planner
    return {
        "rounds": 1,
        "planner": planner.name + planned.excuse,
        "can_extend": planner.can_extend,
        "prompts": with_prompt(state["prompts"], planner.plan_prompt),
        "plan": gated.plan.model_dump(mode="json"),
        "failures": state["failures"] + dump(_refused(gated)),
    }


async def _extended(request: PlanRequest, state: State, context: Consultation) -> State:
    """Add calls that were not made yet; where nobody can say which, the plan is what it was."""
    update: State = {"rounds": state["rounds"] + 1}
    able = replace(context, planners=[one for one in context.planners if one.can_extend])
    try:
        asked = await plan_question(request, able, gate_extension)
    except PlannerUnavailable as error:
        return {**update, "planner": f"{state['planner']}; {error.client_message}"}
    more = [one for one in dump(asked.gated.plan.calls) if one not in state["done"]]
    calls = [*state["plan"]["calls"], *more]
    return {**update, "plan": {**state["plan"], "calls": calls}}


@dataclass(frozen=True)
class Planned:
    """A plan that passed the gate, and where it is from."""

    gated: Gated
    planner: Planner
    excuse: str
    """Why those before this planner did not plan; empty where there were none."""


async def plan_question(
    request: PlanRequest,
    context: Consultation,
    gate: Callable[[Plan, PlanRequest], Gated] = gate_question,
) -> Planned:
    """Ask the planners in order, and gate what the first that can answers.

    Args:
        request: What they may know.
        context: Whose planners are asked.
        gate: What the plan is held to.

    Raises:
        PlannerUnavailable: If none can.
    """
    excuse, request = "", pertinent(request)
    for planner in context.planners:
        try:
            plan = await planner.plan(request)
        except PlannerUnavailable as error:
            logger.warning("planner: %s", error.code)
            excuse += f"; {planner.name} could not be used: {error.client_message}"
            continue
        return Planned(gate(plan, request), planner, excuse)
    raise PlannerUnavailable(f"No planner could be used{excuse}")


def _request(state: State, toolbox: Toolbox) -> PlanRequest:
    return PlanRequest(
        question=scrubbed(state["question"]),
        attachments=load(Attachment, state["attachments"]),
        catalogue=toolbox.catalogue,
        history=remembered(state.get("history", []), state.get("older")),
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
