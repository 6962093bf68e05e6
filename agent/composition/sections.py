"""The order of an answer: sections that follow from the kind of question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.answer import Language, Section, SectionName, Statement
from agent.composition.asked import AnswerKind, about, kind_of, words
from agent.composition.critical import urgency
from agent.composition.grouping import EARLIER, Facts, is_set
from agent.grounding import subjects
from agent.language import phrase, phrases
from specialists.schema import Evidence

__all__ = ["arrange", "rank"]

_WEIGHTS = {"finding": 4, "quantity": 2, "place": 1, "word": 1}
"""What makes a statement an answer to the question, and how much."""
_MOST_ANSWERS = 3

_ORDER: dict[AnswerKind, tuple[SectionName, ...]] = {
    "direct": ("urgent", "answer", "other", "measurements", "limitations"),
    "report": ("urgent", "findings", "measurements", "impression", "limitations"),
    "comparison": ("urgent", "change", "other", "measurements", "limitations"),
    "differential": ("urgent", "differential", "other", "measurements", "limitations"),
}


def arrange(
    question: str,
    statements: Sequence[Statement],
    evidence: Sequence[Evidence],
    facts: Facts,
    language: Language,
) -> tuple[list[Statement], list[Section]]:
    """Put statements in order, whoever wrote them, and say which belong together.

    Args:
        question: Decides which sections there are.
        statements: As they were written; none is changed.
        evidence: What they cite.
        facts: What each piece of evidence is about.
        language: Of the titles.

    Returns:
        The statements, and the sections that they form; no section is empty.
    """
    known = {each.id: each for each in evidence}
    cited = [[known[name] for name in each.citations if name in known] for each in statements]
    kind, asked = kind_of(question), about(question, language)
    ranks = [rank(asked, each) for each in cited]
    answers: list[int] = []
    if kind == "direct":
        answers = _best(statements, ranks)
        answers = answers or _otherwise(statements, cited, facts, language, bool(asked["named"]))
    places: dict[SectionName, list[int]] = {name: [] for name in _ORDER[kind]}
    for index, statement in enumerate(statements):
        name = _section(kind, statement, cited[index], facts, index in answers)
        places[name].append(index)
    for name, indices in places.items():
        indices.sort(key=lambda i: _within(name, ranks[i], cited[i]))
    return _numbered(statements, places, language)


def rank(asked: Mapping[str, frozenset[str]], cited: Sequence[Evidence]) -> int:
    """Lower for evidence on what the question is about; 0 where it is about something else."""
    text = " ".join(each.text for each in cited)
    answered = {**subjects(text), "word": words(text)}
    return -sum(weight * len(asked[kind] & answered[kind]) for kind, weight in _WEIGHTS.items())


def _best(statements: Sequence[Statement], ranks: Sequence[int]) -> list[int]:
    """The statements that fit a direct question best, if any is about it."""
    said = [i for i, each in enumerate(statements) if each.kind != "limitation"]
    best = min((ranks[i] for i in said), default=0)
    return [i for i in said if ranks[i] == best < 0][:_MOST_ANSWERS]


def _otherwise(
    statements: Sequence[Statement],
    cited: Sequence[Sequence[Evidence]],
    facts: Facts,
    language: Language,
    named: bool,
) -> list[int]:
    """What answers where no statement shares a word with the question.

    What was asked as a question; where a finding is named, that nobody spoke of it; where none
    is, the first statement that is no measurement.
    """
    said = [i for i, each in enumerate(statements) if each.kind != "limitation"]
    asked = [i for i in said if any(_answers_words(e, facts) for e in cited[i])]
    if asked or not named:
        first = [i for i in said if statements[i].kind != "measurement"] or said
        return (asked or first)[:1]
    opening = phrases()["not_covered"][language].split("{", 1)[0]
    return [i for i, each in enumerate(statements) if each.text.startswith(opening)][:1]


def _answers_words(item: Evidence, facts: Facts) -> bool:
    """Whether a specialist was given the question itself."""
    return item.id in facts and facts[item.id].name == "yes or no"


def _section(
    kind: AnswerKind,
    statement: Statement,
    cited: Sequence[Evidence],
    facts: Facts,
    answers: bool,
) -> SectionName:
    if urgency(cited) is not None and statement.kind == "finding":
        return "urgent"
    if answers:
        return "answer"
    if statement.kind == "limitation":
        return "limitations"
    if kind == "comparison" and _compares(cited, facts):
        return "change"
    if kind == "differential" and any(is_set(each, facts) for each in cited):
        return "differential"
    if statement.kind == "measurement":
        return "measurements"
    if kind != "report":
        return "other"
    joins = statement.kind == "synthesis" and sum(each.finding is not None for each in cited) > 1
    return "impression" if joins else "findings"


def _compares(cited: Sequence[Evidence], facts: Facts) -> bool:
    earlier = any(EARLIER.match(facts[e.id].name or "") for e in cited if e.id in facts)
    return earlier or len({each.attachment for each in cited}) > 1


def _within(name: SectionName, ranked: int, cited: Sequence[Evidence]) -> tuple[int, ...]:
    """The most urgent first; of the rest, what was asked. A differential has its own order."""
    if name == "urgent":
        return (urgency(cited) or 0, ranked)
    return (0,) if name in {"differential", "limitations"} else (ranked,)


def _numbered(
    statements: Sequence[Statement], places: Mapping[SectionName, list[int]], language: Language
) -> tuple[list[Statement], list[Section]]:
    """Limitations stay last among the statements, also where one is the answer."""
    order = [index for indices in places.values() for index in indices]
    order.sort(key=lambda index: statements[index].kind == "limitation")
    position = {index: number for number, index in enumerate(order)}
    sections = [
        Section(
            name=name,
            title=phrase(f"title_{name}", language),
            statements=tuple(position[index] for index in indices),
        )
        for name, indices in places.items()
        if indices
    ]
    return [statements[index] for index in order], sections
