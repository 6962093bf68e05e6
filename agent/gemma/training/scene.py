"""What one generated case is put together on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from agent.answer import Attachment
from agent.gemma import PlanRequest
from agent.gemma.embedded.matching import matches
from agent.gemma.training.catalogues import OWN_FILES, VQA, Catalogue
from agent.gemma.training.files import KINDS, attach
from agent.gemma.training.speech import language, styled

__all__ = ["Scene", "Unfit"]


class Unfit(Exception):
    """This kind of case can't be made over this catalogue, or would have two right answers."""


@dataclass
class Scene:
    """The catalogue, the files so far and the question so far."""

    catalogue: Catalogue
    random: Random
    tongue: str = ""
    kinds: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    question: str = ""
    history: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose the language."""
        self.tongue = self.tongue or language(self.random)

    def own_tool(self, *but: str) -> str:
        """One of the shipped specialists that is here, by its own name."""
        there = [name for name in OWN_FILES if name in self.catalogue.own and name not in but]
        if not there:
            raise Unfit
        return self.random.choice(there)

    def here(self, own_name: str) -> str:
        """The name here of a shipped tool."""
        if own_name not in self.catalogue.own:
            raise Unfit
        return self.catalogue.own[own_name]

    @property
    def vqa(self) -> str:
        """The name here of the tool for free questions."""
        return self.here(VQA)

    def attach(self, kinds: Sequence[str], shuffle: bool = True) -> dict[str, list[str]]:
        """Attach files of these kinds; gives the ids by kind."""
        self.kinds = list(kinds)
        if shuffle:
            self.random.shuffle(self.kinds)
        self.attachments = attach(self.kinds, self.random)
        ids: dict[str, list[str]] = {}
        for kind, one in zip(self.kinds, self.attachments, strict=True):
            ids.setdefault(kind, []).append(one.id)
        return ids

    def distractors(self, taken: Sequence[str], most: int = 3) -> list[str]:
        """Files that lie about, of kinds that no wanted tool takes; mostly none."""
        count = self.random.choice((0, 0, 0, 0, 1, 1, 2, most))
        groups = [set(kinds) for kinds in OWN_FILES.values()]
        near = {kind for group in groups if group & set(taken) for kind in group} | set(taken)
        modality = {str(KINDS[kind].get("modality")) for kind in near}
        free = [kind for kind in KINDS if str(KINDS[kind].get("modality")) not in modality]
        return self.random.choices(free, k=count)

    def say(self, text: str) -> None:
        """Put the question, in somebody's style."""
        self.question = styled(text, self.random, self.tongue)

    def unmistakable(self, text: str, wanted: str) -> str:
        """The text, unless another maker's tool names more of its words than the wanted one."""
        found = {one.tool: one.score for one in matches(text, list(self.catalogue.tools.values()))}
        rivals = [found.get(name, 0.0) for name in self.catalogue.added if name != wanted]
        if max(rivals, default=0.0) > max(0.6, found.get(wanted, 0.0)):
            raise Unfit
        return text

    @property
    def request(self) -> PlanRequest:
        """What a planner would be given."""
        return PlanRequest(self.question, self.attachments, self.catalogue.tools, self.history)
