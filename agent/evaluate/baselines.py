"""Planners to measure against: every question to the general tool, and a bag of n-grams."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agent.answer import Attachment, Plan
from agent.calling import calls_of, needs, say, takes
from agent.gemma import Planner, PlanRequest
from specialists.errors import InvalidInput

__all__ = ["AlwaysVqa", "TfidfPlanner", "baselines"]

_VQA = "answer_image_question"
_SHIPPED = (
    "report_chest_xray", "report_ct", _VQA, "classify_pathology", "classify_skin_lesion",
    "classify_retina", "score_polygenic_risk",
)  # fmt: skip
_SINGLE = r"\ba\d+\b"


class Example(Protocol):
    """What the generator of consultations gives: a question as planners get it, and the plan."""

    @property
    def request(self) -> PlanRequest:
        """The question."""

    @property
    def plan(self) -> Plan:
        """The right plan."""


def baselines(examples: Sequence[Example]) -> list[Planner]:
    """The planners to compare with; without examples there is nothing to train one on."""
    trained: list[Planner] = [TfidfPlanner.trained(examples)] if examples else []
    return [*trained, AlwaysVqa()]


class AlwaysVqa(Planner):
    """Asks the general tool about every file that it takes."""

    name = "always the general tool"

    async def plan(self, request: PlanRequest) -> Plan:
        """Write a plan."""
        info = request.catalogue.get(_VQA)
        calls = calls_of(info, request.attachments, request.question, False) if info else []
        return Plan(action="call", calls=tuple(calls)) if calls else say("clarify", needs([]))


@dataclass(frozen=True)
class TfidfPlanner(Planner):
    """TF-IDF of the words, and of what the files are, with logistic regression.

    One classifier for the action and one a tool; the files are those that the tool takes, or of
    those the ones that the question names.
    """

    vectorizer: Any
    action: Any
    tools: dict[str, Any]
    name: str = "TF-IDF with logistic regression"

    @classmethod
    def trained(cls, examples: Sequence[Example]) -> TfidfPlanner:
        """Train on examples.

        Raises:
            InvalidInput: If scikit-learn is not installed.
        """
        try:
            from sklearn.linear_model import LogisticRegression
        except ImportError:
            raise InvalidInput(
                'This baseline needs scikit-learn: pip install "wardround[training]".'
            ) from None
        # A tool under another name is a tool that these classifiers can't tell.
        examples = [one for one in examples if set(_SHIPPED) <= set(one.request.catalogue)]
        vectorizer = _vectorizer()
        features = vectorizer.fit_transform([_words(one.request) for one in examples])

        def fitted(labels: list[Any]) -> Any:
            if len(set(labels)) == 1:
                return None
            return LogisticRegression(C=10.0, max_iter=300).fit(features, labels)

        called = [{call.tool for call in one.plan.calls} for one in examples]
        tools = {name: fitted([name in one for one in called]) for name in _SHIPPED}
        action = fitted([one.plan.action for one in examples])
        return cls(vectorizer, action, {k: v for k, v in tools.items() if v is not None})

    async def plan(self, request: PlanRequest) -> Plan:
        """Write a plan."""
        features = self.vectorizer.transform([_words(request)])
        action = str(self.action.predict(features)[0]) if self.action is not None else "call"
        if action != "call":
            return Plan.model_validate({"action": action})
        chosen = [
            info
            for name, model in self.tools.items()
            if (info := request.catalogue.get(name)) is not None and model.predict(features)[0]
        ]
        named = _named(request)
        calls = [
            call
            for info in chosen
            for call in calls_of(info, [a for a in named if takes(info, a)], request.question)
        ]
        return Plan(action="call", calls=tuple(calls)) if calls else say("clarify", needs(chosen))


def _vectorizer() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    return make_union(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=40_000, min_df=2),
        TfidfVectorizer(
            token_pattern=r"\S+", ngram_range=(1, 2), max_features=40_000, sublinear_tf=True
        ),
    )


def _words(request: PlanRequest) -> str:
    """The question, and one word for what each file is."""
    return " ".join([request.question.lower(), *map(_kind, request.attachments)])


def _kind(one: Attachment) -> str:
    if one.manifest is None:
        return "file:unreadable"
    facts = (one.manifest.kind, one.manifest.modality, one.manifest.body_part)
    return "file:" + ":".join(str(fact).replace(" ", "_") for fact in facts if fact)


def _named(request: PlanRequest) -> list[Attachment]:
    """The files whose ids the question has, or all."""
    ids = set(re.findall(_SINGLE, request.question.lower()))
    return [one for one in request.attachments if one.id.lower() in ids] or list(
        request.attachments
    )
