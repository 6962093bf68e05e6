"""Each statement is checked against what it cites.

What is not supported goes back to the composer once; after that it is dropped and counted.
"""

from __future__ import annotations

from langgraph.runtime import Runtime

from agent.answer import Dropped, Statement
from agent.grounding import Verdict, check
from agent.state import JSON, Consultation, State, dump, load
from agent.steps.compose import PLAIN
from specialists.schema import Evidence

__all__ = ["mend", "verify"]


async def verify(state: State, runtime: Runtime[Consultation]) -> State:
    """Keep the statements that their evidence supports."""
    evidence = {one.id: one for one in load(Evidence, state["evidence"])}
    kept: list[Statement] = []
    rejected: list[JSON] = []
    for statement in load(Statement, state["statements"]):
        fault = _fault(statement, evidence, state["composer"])
        if fault is None:
            kept.append(statement)
        else:
            told = {"reason": fault.reason, "code": fault.code}
            rejected.append({"statement": statement.model_dump(mode="json"), **told})
    update: State = {"statements": dump(kept), "rejected": rejected}
    if not mend({**state, **update}):
        lost = [Dropped(text=one["statement"]["text"], reason=one["code"]) for one in rejected]
        update["dropped"] = state["dropped"] + dump(lost)
    return update


def mend(state: State) -> bool:
    """Tell whether something goes back to the composer."""
    return bool(state["rejected"]) and state["attempts"] < 2 and state["composer"] != PLAIN


def _fault(statement: Statement, evidence: dict[str, Evidence], composer: str) -> Verdict | None:
    """Why a statement can't stand, or None. Plain code may state limits without citing."""
    if not statement.citations and statement.kind == "limitation" and composer == PLAIN:
        return None
    if any(name not in evidence for name in statement.citations):
        return Verdict(False, "It cites evidence that is not there.", "citation")
    verdict = check(statement.text, [evidence[name] for name in statement.citations])
    return None if verdict.supported else verdict
