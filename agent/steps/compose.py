"""Evidence becomes statements: by Gemma under a schema, or by plain code."""

from __future__ import annotations

import logging

from langgraph.runtime import Runtime

from agent.answer import Failure, Statement
from agent.composition import compose as compose_plainly
from agent.context import scrubbed
from agent.gemma import Rejected
from agent.state import Consultation, State, dump, load, with_prompt
from specialists.errors import PlannerUnavailable
from specialists.schema import Evidence

__all__ = ["PLAIN", "compose"]

logger = logging.getLogger(__name__)

PLAIN = "plain code"


async def compose(state: State, runtime: Runtime[Consultation]) -> State:
    """Write statements; on a second attempt, mend those that the checker sent back."""
    evidence = load(Evidence, state["evidence"])
    update: State = {"attempts": state["attempts"] + 1, "rejected": []}
    for composer in runtime.context.composers if evidence else ():
        try:
            rejected = [
                Rejected(Statement.model_validate(one["statement"]), one["reason"])
                for one in state["rejected"]
            ]
            written = await composer.compose(scrubbed(state["question"]), evidence, rejected)
        except PlannerUnavailable as error:
            logger.warning("composer: %s", error.code)
            continue
        # What passed the first time stays; what is written again is what was sent back.
        kept = state["statements"] if rejected else []
        new = [one for one in dump(written) if one not in kept]
        update["prompts"] = with_prompt(state["prompts"], composer.compose_prompt)
        return {**update, "statements": kept + new, "composer": composer.name}
    failures = load(Failure, state["failures"])
    plain = compose_plainly(state["question"], evidence, failures)
    return {**update, "statements": dump(plain), "composer": PLAIN}
