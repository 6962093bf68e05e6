"""The planner over the shipped checkpoint."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.answer import Plan
from agent.calling import instead, say
from agent.gemma import Planner, PlanRequest
from agent.gemma.embedded.prompt import (
    ATTACHMENTS,
    asked_text,
    catalogue_text,
    parse,
    shortlist,
    slots_of,
)
from agent.gemma.embedded.reading import Reading, resolve
from agent.gemma.embedded.weighing import support, talked_past
from agent.rules import planned
from specialists.errors import PlannerUnavailable

if TYPE_CHECKING:
    from agent.gemma.embedded.checkpoint import Checkpoint, Written

__all__ = [
    "SHIPPED", "EmbeddedGemma", "Thought", "candidates", "cautious", "features", "usable",
]  # fmt: skip

SHIPPED = "Gemma, shipped checkpoint"
"""How the planner's name begins."""

UNFITTED = {"weights": [0.0, 1.0, 0.0, -99.0, *[0.0] * 12], "bias": 0.0}
"""Before there is a calibration, the model is taken at its word."""
_NEEDED = ("torch", "transformers", "tokenizers", "llguidance", "safetensors")


@dataclass(frozen=True)
class Thought:
    """A plan before the threshold, and how it came about."""

    reading: Reading
    plan: Plan
    """The model's; or that of the rules, where they see it otherwise and are likelier right."""
    probability: float
    """That the plan is right, as calibrated on the validation set."""
    written: Written
    agreed: bool = True
    """Whether the rules would plan the same."""
    swapped: bool = False
    """Whether the plan is that of the rules."""
    rival: Plan | None = None
    """The other plan, where model and rules disagree."""


class EmbeddedGemma(Planner):
    """Plans with the checkpoint that ships; loads it at the first question.

    The model reads the words, plain code the headers. Where the model is unsure, the rules give a
    second opinion; where the plan would act and is still not probable enough, the user is asked.

    Args:
        folder: Another checkpoint of the same make.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(str(files("agent.gemma.embedded")))
        self._loading = asyncio.Lock()

    @property
    def name(self) -> str:
        """What it is, with the start of its weights' digest."""
        return f"{SHIPPED} {str(self.card.get('sha256', ''))[:12]}".strip()

    async def plan(self, request: PlanRequest) -> Plan:
        """Write a plan; where the model is not sure enough to act, it asks."""
        async with self._loading:
            thought = await asyncio.to_thread(self.think, request)
        return cautious(thought, float(self.card.get("threshold", 0.0)), request)

    def think(self, request: PlanRequest) -> Thought:
        """Write a plan and say how probably it is right.

        Raises:
            PlannerUnavailable: If there are more files than it has names for.
        """
        if len(request.attachments) > len(ATTACHMENTS):
            raise PlannerUnavailable(f"It tells at most {len(ATTACHMENTS)} files apart.")
        return self.judge(self.write(request), request)

    def write(self, request: PlanRequest) -> Written:
        """Let the model write its reading of the question."""
        tools = shortlist(request)
        slots = slots_of(tools)
        return self.checkpoint.write(
            catalogue_text(tools, slots),
            asked_text(request, slots),
            list(slots.values()),
            [one.id for one in request.attachments],
        )

    def judge(self, written: Written, request: PlanRequest) -> Thought:
        """Make a plan of what the model wrote, or follow the rules where they are likelier."""
        likely = [
            replace(one, probability=self.calibrated(features(one, request)))
            for one in candidates(written, request)
        ]
        return max(likely, key=lambda one: one.probability)

    @cached_property
    def card(self) -> dict[str, Any]:
        """What is known of the weights: figures, threshold, digest."""
        path = self.folder / "card.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The weights, loaded at first use. Raises `PlannerUnavailable` if they can't be."""
        try:
            from agent.gemma.embedded.checkpoint import Checkpoint

            return Checkpoint(self.folder)
        except ImportError as error:
            raise PlannerUnavailable(
                f"The shipped Gemma needs {error.name}. Install it: pip install 'wardround[gemma]'."
            ) from error
        except RuntimeError as error:  # what torch raises beside a torchvision of another build
            raise PlannerUnavailable("The libraries of the shipped Gemma don't fit.") from error

    def calibrated(self, values: Sequence[float]) -> float:
        """The probability that a plan with these `features` is right."""
        fit = self.card.get("calibration", UNFITTED)
        score = fit["bias"] + sum(w * v for w, v in zip(fit["weights"], values, strict=True))
        return 1.0 / (1.0 + math.exp(-score))


def candidates(written: Written, request: PlanRequest) -> list[Thought]:
    """The model's plan, and that of the rules where they see it otherwise."""
    reading = parse(written.words, slots_of(shortlist(request)))
    own, other = resolve(reading, request), planned(request)
    agreed = _same(own, other)
    thought = Thought(reading, own, 0.0, written, agreed, rival=None if agreed else other)
    return [thought] if agreed else [thought, replace(thought, plan=other, swapped=True, rival=own)]


def cautious(thought: Thought, threshold: float, request: PlanRequest) -> Plan:
    """The plan, or a question where the model would act and is not sure enough."""
    if thought.plan.action != "call" or thought.probability >= threshold:
        return thought.plan
    return say("clarify", _unsure(thought.plan, request))


def features(thought: Thought, request: PlanRequest) -> tuple[float, ...]:
    """What the calibration looks at.

    Log-odds of the least sure token and of all together; whether the rules agree; whether the plan
    is theirs, alone and with the model's log-odds; what it does; what `support` and `talked_past`
    say; and whether the other plan makes the same calls and more, or fewer.
    """
    least = _log_odds(min(thought.written.probabilities))
    joint = _log_odds(math.prod(thought.written.probabilities))
    theirs = float(thought.swapped)
    acts = [float(thought.plan.action == one) for one in ("call", "clarify", "refuse")]
    own, rival = _shape(thought.plan), _shape(thought.rival) if thought.rival else frozenset()
    both = bool(own and rival)
    return (
        least, joint, float(thought.agreed), theirs, theirs * joint, *acts,
        *support(thought.plan, request), *talked_past(thought.plan, request),
        float(both and own < rival), float(both and own > rival),
    )  # fmt: skip


def _shape(plan: Plan) -> frozenset[tuple[str, tuple[str, ...]]]:
    return frozenset((call.tool, call.attachments) for call in plan.calls)


def _same(one: Plan, other: Plan) -> bool:
    """Whether two plans do the same, whatever they say."""
    return one.action == other.action and _shape(one) == _shape(other)


def _log_odds(probability: float) -> float:
    kept = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(kept / (1 - kept))


def usable(folder: Path | None = None) -> bool:
    """Whether the checkpoint and what it needs are there; imports nothing."""
    from importlib.util import find_spec

    weights = EmbeddedGemma(folder).folder / "model.safetensors"
    return weights.exists() and all(find_spec(name) is not None for name in _NEEDED)


def _unsure(plan: Plan, request: PlanRequest) -> str:
    """Ask what is meant, with what would have been done."""
    titles = dict.fromkeys(request.catalogue[call.tool].title for call in plan.calls)
    told = f"I am not sure what is asked. Should this be read: {', '.join(titles)}?"
    return f"{told} {instead(request.attachments, request.catalogue.values())}".strip()
