"""Evidence becomes statements: by Gemma under a schema, or by plain code."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from langgraph.runtime import Runtime

from agent.answer import Fact, Failure, Language, Statement
from agent.composition import certainty_of, limitations, not_covered
from agent.composition import compose as compose_plainly
from agent.context import scrubbed
from agent.gemma import Rejected
from agent.language import detect
from agent.state import Consultation, State, dump, load, with_prompt
from specialists.errors import PlannerUnavailable
from specialists.schema import Evidence

__all__ = ["PLAIN", "compose", "facts_of", "language_of", "limits_of"]

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
        said = [*_judged(written, evidence), *limits_of(state, composer.name)]
        new = [one for one in dump(said) if one not in kept]
        update["prompts"] = with_prompt(state["prompts"], getattr(composer, "compose_prompt", None))
        return {**update, "statements": kept + new, "composer": composer.name}
    plain = compose_plainly(
        state["question"],
        evidence,
        load(Failure, state["failures"]),
        facts_of(state),
        language_of(state),
    )
    return {**update, "statements": dump(plain), "composer": PLAIN}


def facts_of(state: State) -> dict[str, Fact]:
    """What each piece of evidence is about."""
    return {name: Fact.model_validate(one) for name, one in state["facts"].items()}


def language_of(state: State) -> Language:
    """The question's language; where its words don't tell, that of the turn before."""
    earlier: Language = "en"
    for turn in state.get("history", []):
        earlier = detect(turn[0], earlier)
    return detect(state["question"], earlier)


def limits_of(state: State, composer: str) -> list[Statement]:
    """What plain code says of the limits; beside another composer, of the question alone."""
    question, evidence = state["question"], load(Evidence, state["evidence"])
    facts, language = facts_of(state), language_of(state)
    if composer != PLAIN:
        return not_covered(question, evidence, facts, language)
    return limitations(question, evidence, load(Failure, state["failures"]), facts, language)


def _judged(written: Sequence[Statement], evidence: Sequence[Evidence]) -> list[Statement]:
    """Give each statement the certainty of what it cites: no composer has a say in it."""
    known = {each.id: each for each in evidence}
    cited = [[known[name] for name in each.citations if name in known] for each in written]
    return [
        each.model_copy(update={"certainty": certainty_of(items) if items else None})
        for each, items in zip(written, cited, strict=True)
    ]
