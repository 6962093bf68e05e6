"""How good are the plans? Every planner on the same cases, through the same gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.agent import Agent
from agent.answer import Call, Plan
from agent.duty import gate_question
from agent.evaluate.cases import Case
from agent.gemma import Planner, PlanRequest
from agent.rules import RulePlanner
from specialists.acceptance import refusal
from specialists.errors import PlannerUnavailable
from specialists.schema import Manifest

__all__ = ["Outcome", "evaluate_routing", "figures", "planners_of", "run_case"]

Shape = frozenset[tuple[str, tuple[str, ...]]]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What one planner made of one case."""

    case: Case
    plan: Plan | None
    """After the gate; None where the planner could not be used."""
    seconds: float
    violations: int
    """Calls of a tool on a file that it does not accept."""

    @property
    def exact(self) -> bool:
        """Whether action, tools and attachments are those of a right plan."""
        plan, ordered = self.plan, self.case.ordered
        return plan is not None and any(
            plan.action == one.action and _shape(plan, ordered) == _shape(one, ordered)
            for one in self.case.right
        )

    @property
    def acted(self) -> bool:
        """Whether the action is that of a right plan."""
        return self.plan is not None and self.plan.action in {p.action for p in self.case.right}

    @property
    def tools(self) -> set[str]:
        """The tools that were called."""
        return {call.tool for call in self.plan.calls} if self.plan else set()

    @property
    def wanted(self) -> set[str]:
        """The tools of the right plan that is nearest to what was called."""
        choices = [{call.tool for call in one.calls} for one in self.case.right]
        return min(choices, key=lambda tools: len(tools ^ self.tools))

    @property
    def needless(self) -> int:
        """Calls that no right plan has."""
        right = {one for plan in self.case.right for one in _shape(plan, self.case.ordered)}
        return len(_shape(self.plan, self.case.ordered) - right) if self.plan else 0


async def evaluate_routing(
    agent: Agent,
    cases: Sequence[Case],
    root: Path,
    baselines: Sequence[Planner] = (),
    progress: Tell = lambda _: None,
) -> dict[str, Any]:
    """Measure the agent's own planners and baselines on cases.

    Args:
        agent: Open.
        cases: From `read_cases`.
        root: Folder of the files of those cases that don't say what their files are.
        baselines: Further planners, beside those of the agent.
        progress: Told how far it is.

    Returns:
        `n`, and by planner's name the figures of `figures`.
    """
    catalogue = agent.toolbox.catalogue
    requests = [case.request(catalogue, await _seen(agent, case, root)) for case in cases]
    report: dict[str, Any] = {"n": len(cases), "planners": {}}
    for planner in (*planners_of(agent), *baselines):
        outcomes = []
        for number, (case, request) in enumerate(zip(cases, requests, strict=True), 1):
            progress(f"{planner.name}: {number}/{len(cases)}")
            outcomes.append(await run_case(planner, case, request))
        report["planners"][planner.name] = figures(outcomes)
    return report


def planners_of(agent: Agent) -> list[Planner]:
    """The planners that an agent would use, and the rules."""
    own = list(agent.planners)
    return own if any(isinstance(one, RulePlanner) for one in own) else [*own, RulePlanner()]


async def run_case(planner: Planner, case: Case, request: PlanRequest) -> Outcome:
    """Plan one case and gate the plan."""
    started = time.perf_counter()
    try:
        written = await planner.plan(request)
    except PlannerUnavailable:
        return Outcome(case, None, time.perf_counter() - started, 0)
    plan = gate_question(written, request).plan
    seconds = time.perf_counter() - started
    return Outcome(case, plan, seconds, _violations(plan, request))


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Measure outcomes; every figure has `value`, `low` and `high` (95%, bootstrap over cases).

    Returns:
        `metrics`; `tools` (precision and recall by tool); `categories` and `languages` (exact
        plans, with `n`); counts `violations` and `unavailable`.
    """
    from agent.evaluate.intervals import quantile, ratio

    calls = [one for one in outcomes if one.case.expected.action == "call"]
    asked = [one for one in outcomes if one.case.expected.action == "clarify"]
    metrics = {
        "exact_plan": ratio([(one.exact, 1) for one in outcomes]),
        "action": ratio([(one.acted, 1) for one in outcomes]),
        "wrong_specialist": ratio([(bool(one.tools - one.wanted), 1) for one in calls]),
        "unnecessary_calls": ratio([(one.needless, _made(one)) for one in outcomes]),
        "clarify_recall": ratio([(_is(one, "clarify"), 1) for one in asked]),
        "seconds_median": quantile([one.seconds for one in outcomes], 0.5),
        "seconds_p95": quantile([one.seconds for one in outcomes], 0.95),
        **_added(outcomes),
    }
    return {
        "metrics": metrics,
        "tools": {tool: _by_tool(tool, outcomes) for tool in _tools(outcomes)},
        "categories": _by(outcomes, lambda one: one.case.category),
        "languages": _by(outcomes, lambda one: one.case.language),
        "violations": sum(one.violations for one in outcomes),
        "unavailable": sum(one.plan is None for one in outcomes),
    }


def _added(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """How often a tool that was added is chosen where it is wanted, and where it is not."""
    from agent.evaluate.intervals import ratio

    chosen: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for one in outcomes:
        added = {tool.name for tool in one.case.tools}
        if added:
            wanted = added & {c.tool for plan in one.case.right for c in plan.calls}
            chosen[bool(wanted)].append((bool((wanted or added) & one.tools), 1))
    return {"added_when_wanted": ratio(chosen[True]), "added_when_not": ratio(chosen[False])}


def _by(outcomes: Sequence[Outcome], name: Callable[[Outcome], str]) -> dict[str, Any]:
    from agent.evaluate.intervals import ratio

    groups: dict[str, list[tuple[float, float]]] = {}
    for one in outcomes:
        groups.setdefault(name(one), []).append((one.exact, 1))
    return {key: {"n": len(own), **ratio(own)} for key, own in sorted(groups.items())}


def _by_tool(tool: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    from agent.evaluate.intervals import ratio

    called = [(tool in one.wanted, 1) for one in outcomes if tool in one.tools]
    wanted = [(tool in one.tools, 1) for one in outcomes if tool in one.wanted]
    return {"precision": ratio(called), "recall": ratio(wanted), "n": len(wanted)}


def _tools(outcomes: Sequence[Outcome]) -> list[str]:
    """The tools that are there for every case, and were wanted or called."""
    added = {tool.name for one in outcomes for tool in one.case.tools}
    return sorted({tool for one in outcomes for tool in one.wanted | one.tools} - added)


def _shape(plan: Plan, ordered: bool) -> Shape:
    return frozenset((call.tool, _files(call, ordered)) for call in plan.calls)


def _files(call: Call, ordered: bool) -> tuple[str, ...]:
    return call.attachments if ordered else tuple(sorted(call.attachments))


def _made(one: Outcome) -> int:
    return len(_shape(one.plan, one.case.ordered)) if one.plan else 0


def _is(one: Outcome, action: str) -> bool:
    return one.plan is not None and one.plan.action == action


def _violations(plan: Plan, request: PlanRequest) -> int:
    known = {one.id: one.manifest for one in request.attachments}
    return sum(
        not _accepted(known.get(name), request, call.tool)
        for call in plan.calls
        for name in call.attachments
    )


def _accepted(manifest: Manifest | None, request: PlanRequest, tool: str) -> bool:
    """Looked up apart from the gate, so that a fault there shows here."""
    info = request.catalogue.get(tool)
    roles: Iterable[Any] = (info.accepts or ()) if info is not None else ()
    return manifest is not None and any(refusal(role, manifest) is None for role in roles)


async def _seen(agent: Agent, case: Case, root: Path) -> tuple[Manifest | None, ...]:
    if case.attachments is not None or not case.files:
        return ()
    inspection = await agent.inspect([root / name for name in case.files])
    return tuple(one.manifest for one in inspection.files)
