"""The answer is put together from what the steps left."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agent.answer import (
    Answer,
    AnswerProvenance,
    Attachment,
    Call,
    Dropped,
    DroppedCount,
    Failure,
    Picture,
    Plan,
    Statement,
)
from agent.composition.sections import arrange
from agent.context import memory
from agent.disagreement import disagreements
from agent.examination import examine
from agent.grounding import CHECKER
from agent.language import fixed, phrase
from agent.state import Consultation, State, load
from agent.steps.compose import facts_of, language_of
from prompts import load as load_prompt
from specialists.schema import Evidence, Provenance

__all__ = ["finish"]


async def finish(state: State, runtime: Runtime[Consultation]) -> State:
    """Write the answer, and the thread's memory of the question."""
    plan = Plan.model_validate(state["plan"])
    evidence = tuple(load(Evidence, state["evidence"]))
    facts, language, provenance = facts_of(state), language_of(state), _provenance(state)
    statements, sections = arrange(
        state["question"], load(Statement, state["statements"]), evidence, facts, language
    )
    answer = Answer(
        question=state["question"],
        action=plan.action,
        statements=tuple(statements),
        evidence=evidence,
        attachments=tuple(load(Attachment, state["attachments"])),
        not_assessed=tuple(fixed(one, language) for one in state["not_assessed"]),
        caveats=(
            *(fixed(one, language) for one in state["caveats"]),
            *(phrase("not_looked_at", language, name=one) for one in _not_looked_at(state, plan)),
        ),
        disagreements=tuple(disagreements(evidence, facts, provenance.models, language)),
        dropped=DroppedCount.of(load(Dropped, state["dropped"])),
        plan=plan,
        provenance=provenance,
        message=fixed(plan.message or "", language) or None,
        pictures=tuple(load(Picture, state["pictures"])),
        failures=tuple(load(Failure, state["failures"])),
        language=language,
        sections=tuple(sections),
        facts=facts,
        examination=examine(state["question"], statements, evidence, facts, language),
    )
    return {"answer": answer.model_dump(mode="json"), **memory(state, plan, evidence)}


def _not_looked_at(state: State, plan: Plan) -> list[str]:
    """Files of this conversation that no call read, where some were."""
    if plan.action != "call":
        return []
    told = {one["attachment"] for one in state["failures"]}
    read = {name for call in plan.calls for name in call.attachments}
    return [one["id"] for one in state["attachments"] if one["id"] not in read | told]


def _provenance(state: State) -> AnswerProvenance:
    import platform
    from importlib.metadata import version

    used = [load_prompt(name) for name in state["prompts"]]
    return AnswerProvenance(
        planner=state["planner"],
        composer=state["composer"] or "none (there was nothing to compose)",
        checker=CHECKER,
        prompts={f"{prompt.name}/{prompt.version}": prompt.digest for prompt in used},
        models={tool: tuple(load(Provenance, used)) for tool, used in state["models"].items()},
        reused=tuple(load(Call, state["reused"])),
        versions={"wardround": version("wardround"), "python": platform.python_version()},
    )
