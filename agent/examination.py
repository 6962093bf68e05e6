"""Questions made of the evidence are asked of the answer, and the reverse.

After MEDIC's cross-examination (Kanithi et al. 2024, arXiv:2409.07314), where a language model
asks and answers. Here the evidence is typed, so plain code does both: a finding asks "is it there,
and which?", a measurement "how much?". What the answer can't answer is left out; what it tells and
the evidence does not is unfounded. Whether what both tell agrees is the checker's affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from agent.answer import Examination, Fact, Language, Statement
from agent.composition.asked import about, bare, kind_of
from agent.composition.attribution import without_attribution
from agent.composition.grouping import repeats, technical
from agent.composition.sections import rank
from agent.grounding import subjects, terms_in
from agent.language import term, terms
from specialists.schema import Evidence

__all__ = ["examine", "important"]

_NUMBER = re.compile(r"(?<![A-Za-z0-9_.,])[-−]?\d+(?:[.,]\d+)*(?![A-Za-z0-9_])")
_WORD = re.compile(r"\w+")
_TOLERANCE = 0.005
_LEAST_TERM = {"zh": 2}
"""Characters of a term that is looked for; four in alphabets."""
_LITTLE = frozenset({"or", "of", "the", "and", "in", "a", "an"})


def examine(
    question: str,
    statements: Sequence[Statement],
    evidence: Sequence[Evidence],
    facts: Mapping[str, Fact],
    language: Language,
) -> Examination:
    """Ask both sides.

    Args:
        question: Decides with the evidence what is important.
        statements: Of the answer, checked.
        evidence: All that the specialists said.
        facts: What each piece is about, by its id.
        language: Of the statements.
    """
    wanted = important(question, evidence, facts, language)
    left_out = tuple(one.id for one in wanted if not _told(one, statements, facts, language))
    known = {each.id: each for each in evidence}
    asked, unanswered, unfounded = 0, 0, []
    for index, statement in enumerate(statements):
        cited = [known[name] for name in statement.citations if name in known]
        if cited:
            total, missing = _asked_of_evidence(statement, cited, facts, language)
            asked, unanswered = asked + total, unanswered + missing
            unfounded += [index] if missing else []
    return Examination(
        coverage=round(1 - len(left_out) / len(wanted), 4) if wanted else None,
        hallucination=round(unanswered / asked, 4) if asked else None,
        asked_of_answer=len(wanted),
        asked_of_evidence=asked,
        left_out=left_out,
        unfounded=tuple(unfounded),
    )


def important(
    question: str, evidence: Sequence[Evidence], facts: Mapping[str, Fact], language: Language
) -> list[Evidence]:
    """What an answer must tell.

    Every finding and every set that says more than a finding beside it; the numbers that the
    question is about, or, for a report, all that are of the person and not of the scan; texts
    where a tool gave nothing else.
    """
    asked = about(question, language)
    ranks = {each.id: rank(asked, [each]) for each in evidence}
    best = min(ranks.values(), default=0)
    report = kind_of(question) == "report"
    structured = {(e.tool, e.attachment) for e in evidence if e.finding or e.value is not None}
    chosen = []
    for each in evidence:
        if each.finding is not None:
            wanted = not repeats(each, evidence, facts)
        elif each.value is not None:
            near = best < 0 and 2 * ranks[each.id] <= best
            wanted = not technical(each, facts) if report else near
        else:
            wanted = (each.tool, each.attachment) not in structured
        if wanted:
            chosen.append(each)
    return chosen


# Questions of the evidence


def _told(
    item: Evidence, statements: Sequence[Statement], facts: Mapping[str, Fact], language: Language
) -> bool:
    return any(
        item.id in each.citations and _tells(each.text, item, facts.get(item.id), language)
        for each in statements
    )


def _tells(text: str, item: Evidence, fact: Fact | None, language: Language) -> bool:
    """Whether a statement names the finding, or gives the number, or repeats the text."""
    if _words(item.text) <= _words(text):
        return True
    if item.finding is not None:
        names = fact.labels if fact is not None and fact.labels else (item.finding.name,)
        return all(_named(name, text, language) for name in names)
    if item.value is not None:
        values = [item.value, *([100 * item.value] if item.unit == "1" else [])]
        return any(_same(one, each) for one in _numbers(text) for each in values)
    return False


def _named(concept: str, text: str, language: Language) -> bool:
    name = term(concept, language)
    if language == "zh":
        return name in text
    return (_words(name) - _LITTLE) <= _words(text)


# Questions of the answer


def _asked_of_evidence(
    statement: Statement, cited: Sequence[Evidence], facts: Mapping[str, Fact], language: Language
) -> tuple[int, int]:
    """How many questions a statement gives, and how many its evidence can't answer."""
    text = without_attribution(statement.text, cited, facts)
    source = " ".join(_sources(cited, facts))
    concepts = _concepts(text, language)
    missing = [one for one in concepts if not _spoken_of(one, source)]
    known = _numbers_known(cited, facts, source)
    numbers = _numbers(text)
    strange = [one for one in numbers if not any(_same(one, each) for each in known)]
    return len(concepts) + len(numbers), len(missing) + len(strange)


def _sources(cited: Sequence[Evidence], facts: Mapping[str, Fact]) -> Iterator[str]:
    for each in cited:
        yield each.text
        if each.finding is not None:
            yield each.finding.name
        fact = facts.get(each.id)
        if fact is not None:
            yield from filter(None, (fact.name, fact.site, *fact.labels))


def _concepts(text: str, language: Language) -> list[str]:
    """What a text names: findings of the terminology, or of the table in another language.

    Longer terms first: what is part of one is not named by itself.
    """
    if language == "en":
        return sorted(subjects(text)["named"])
    least = _LEAST_TERM.get(language, 4)
    names = {bare(row[language]): concept for concept, row in terms().items()}
    rest = bare(text)
    found: list[str] = []
    for name in sorted(names, key=len, reverse=True):
        edge = "" if language == "zh" else r"\b"
        shorter = (
            re.sub(f"{edge}{re.escape(name)}{edge}", "|", rest) if len(name) >= least else rest
        )
        if shorter != rest:
            rest, found = shorter, [*found, names[name]]
    return found


def _spoken_of(concept: str, source: str) -> bool:
    return (_words(concept) - _LITTLE) <= _words(source) or concept in terms_in(source)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(bare(text)))


# Numbers


def _numbers(text: str) -> list[tuple[float, ...]]:
    """Each number of a text in the ways in which it can be read: 0,98 and 51,209."""
    return [_readings(found.group()) for found in _NUMBER.finditer(text)]


def _readings(digits: str) -> tuple[float, ...]:
    plain = digits.replace("−", "-")
    ways = {plain.replace(",", ""), plain.replace(".", "").replace(",", "."), plain}
    return tuple(float(way) for way in sorted(ways) if re.fullmatch(r"-?\d+(\.\d+)?", way))


def _numbers_known(
    cited: Sequence[Evidence], facts: Mapping[str, Fact], source: str
) -> list[float]:
    values = [each.value for each in cited if each.value is not None]
    coverages = [facts[e.id].coverage or 0.0 for e in cited if e.id in facts]
    told = [way for one in _numbers(source) for way in one]
    return [*values, *(100 * one for one in (*values, *coverages)), *told]


def _same(readings: Sequence[float], value: float) -> bool:
    """Whether a number, read in one of its ways, is the value, as far as it is rounded."""
    return any(abs(one - value) <= max(_TOLERANCE * abs(value), _TOLERANCE) for one in readings)
