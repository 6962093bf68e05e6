"""Generated consultations: a question, its files and tools, and what it asks for.

    for case in generate(seed=0, n=1000):
        case.request.question, case.request.attachments, case.request.catalogue, case.plan

Cases come in groups that share a catalogue, as questions to one installation do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random

from agent.answer import Plan
from agent.gate import gate
from agent.gemma import PlanRequest
from agent.gemma.embedded.reading import Reading, Wish, resolve
from agent.gemma.training import kinds
from agent.gemma.training.catalogues import Catalogue, make
from agent.gemma.training.scene import Scene, Unfit

__all__ = ["GROUP", "Case", "generate", "of_added_tools"]

GROUP = 16
"""Cases to a catalogue."""

_WEIGHTS: dict[Callable[[Scene], Reading], float] = {
    kinds.single: 18,
    kinds.free_question: 14,
    kinds.clinicians: 8,
    kinds.plain: 5,
    kinds.several: 28,
    kinds.only: 8,
    kinds.all_but: 5,
    kinds.beside: 5,
    kinds.by_id: 8,
    kinds.every: 3,
    kinds.comparison: 16,
    kinds.wrong_file: 8,
    kinds.absent_kind: 3,
    kinds.missing: 8,
    kinds.ambiguous: 4,
    kinds.added: 30,
    kinds.added_beside: 9,
    kinds.hidden: 6,
    kinds.about: 22,
    kinds.definition: 9,
    kinds.scope: 34,
    kinds.scope_beside: 5,
    kinds.identity: 2.5,
    kinds.order: 2.5,
    kinds.rider: 3,
    kinds.forced: 3,
    kinds.nonsense: 1,
    kinds.follow_up: 5,
    kinds.latest: 3,
    kinds.earlier: 1,
    kinds.genotypes: 3,
}
"""How often each kind of case comes."""


@dataclass(frozen=True)
class Case:
    """A question with what it asks for."""

    id: str
    kind: str
    request: PlanRequest
    reading: Reading

    @cached_property
    def plan(self) -> Plan:
        """The plan that the reading leads to, after the gate."""
        plan = resolve(self.reading, self.request)
        return gate(plan, self.request.catalogue, self.request.attachments).plan


def generate(seed: int, n: int) -> Iterator[Case]:
    """Generate `n` cases; the same for the same seed."""
    random = Random(f"consultations {seed}")
    made = 0
    while made < n:
        catalogue = make(random, plain=random.random() < 0.25)
        for _ in range(min(GROUP, n - made)):
            yield _case(f"g{seed}-{made}", catalogue, random)
            made += 1


def of_added_tools(seed: int, n: int, sections: tuple[str, ...]) -> Iterator[Case]:
    """Cases with one invented tool beside the shipped ones: half want it, half want another."""
    random = Random(f"added tools {seed}")
    others = [kinds.single, kinds.free_question, kinds.scope, kinds.definition, kinds.several]
    for number in range(n):
        catalogue = make(random, added=(random.choice(sections),), plain=True)
        kind = kinds.added if number % 2 == 0 else random.choice(others)
        yield _case(f"a{seed}-{number}", catalogue, random, kind)


def _case(
    name: str,
    catalogue: Catalogue,
    random: Random,
    kind: Callable[[Scene], Reading] | None = None,
) -> Case:
    """Try kinds of cases until one can be made over this catalogue."""
    while True:
        chosen = kind or random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        scene = Scene(catalogue, random)
        try:
            reading = chosen(scene)
        except Unfit:
            continue
        request = PlanRequest(scene.question, scene.attachments, catalogue.tools, scene.history)
        return Case(name, chosen.__name__, request, _tidy(reading, request))


def _tidy(reading: Reading, request: PlanRequest) -> Reading:
    """The same wish said in one way: each tool once, and files only where code can't tell them."""
    wishes: list[Wish] = []
    for wish in reading.wishes:
        if len(request.attachments) == 1 and not wish.together:
            wish = replace(wish, attachments=())
        if wish not in wishes:
            wishes.append(wish)
    told = replace(reading, wishes=tuple(wishes))
    untold = replace(told, wishes=tuple(replace(wish, attachments=()) for wish in wishes))
    if reading.intent != "read" or told == untold:
        return told
    return untold if resolve(untold, request) == resolve(told, request) else told
