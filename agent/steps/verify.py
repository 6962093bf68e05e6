"""Each statement is checked against what it cites.

What is not supported goes back to the composer once; after that it is dropped and counted.
"""

from __future__ import annotations

from langgraph.runtime import Runtime

from agent.answer import Dropped, Statement
from agent.composition import compose as compose_plainly
from agent.composition.attribution import without_attribution
from agent.examination import examine
from agent.grounding import Verdict, check
from agent.state import JSON, Consultation, State, dump, load
from agent.steps.compose import PLAIN, facts_of, language_of, limits_of
from specialists.schema import Evidence

__all__ = ["mend", "verify"]


async def verify(state: State, runtime: Runtime[Consultation]) -> State:
    """Keep the statements that their evidence supports."""
    evidence = {one.id: one for one in load(Evidence, state["evidence"])}
    own = limits_of(state, state["composer"])
    kept: list[Statement] = []
    rejected: list[JSON] = []
    for statement in load(Statement, state["statements"]):
        fault = None if statement in own else _fault(statement, evidence, state)
        if fault is None:
            kept.append(statement)
        else:
            told = {"reason": fault.reason, "code": fault.code}
            rejected.append({"statement": statement.model_dump(mode="json"), **told})
    update: State = {"statements": dump(kept), "rejected": rejected}
    if not mend({**state, **update}):
        lost = [Dropped(text=one["statement"]["text"], reason=one["code"]) for one in rejected]
        update["dropped"] = state["dropped"] + dump(lost)
        if state["composer"] != PLAIN:
            update |= _completed(state, kept)
    return update


def _completed(state: State, kept: list[Statement]) -> State:
    """Tell in plain code what a composer left out of the important evidence."""
    question, evidence = state["question"], load(Evidence, state["evidence"])
    facts, language = facts_of(state), language_of(state)
    left_out = set(examine(question, kept, evidence, facts, language).left_out)
    more = [
        one
        for one in compose_plainly(question, evidence, (), facts, language)
        if left_out & set(one.citations)
    ]
    if not more:
        return {}
    composer = f"{state['composer']}; completed by {PLAIN}"
    return {"statements": dump([*kept, *more]), "composer": composer}


def mend(state: State) -> bool:
    """Tell whether something goes back to the composer."""
    return bool(state["rejected"]) and state["attempts"] < 2 and state["composer"] != PLAIN


def _fault(statement: Statement, evidence: dict[str, Evidence], state: State) -> Verdict | None:
    """Why a statement can't stand, or None."""
    if any(name not in evidence for name in statement.citations):
        return Verdict(False, "It cites evidence that is not there.", "citation")
    if state["composer"] == PLAIN and language_of(state) != "en":
        return None
    cited = [evidence[name] for name in statement.citations]
    text = without_attribution(statement.text, cited, facts_of(state))
    verdict = check(text, cited)
    return None if verdict.supported else verdict
