"""Evidence becomes statements in plain code, where no language model writes them.

Reads like a colleague's note: what was asked first, then what else matters, limits last and once.
`grouping` says what belongs together, `english` and `translated` word it, `sections` puts it in
order. An English sentence is either made of the evidence's own or checked against it before it is
used; other languages have templates over the typed facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.answer import Certainty, Failure, Language, Statement, StatementKind
from agent.composition.asked import about, kind_of
from agent.composition.attribution import attributed
from agent.composition.differential import candidates
from agent.composition.english import wordings
from agent.composition.grouping import Draft, Facts, drafts_of, is_set
from agent.composition.sections import arrange, rank
from agent.composition.translated import sentence
from agent.grounding import check, subjects, terms_in
from agent.language import detect, known, listed, phrase, term
from specialists.schema import Evidence

__all__ = ["certainty_of", "compose", "limitations", "not_covered"]

_KINDS: dict[str, StatementKind] = {
    "score": "measurement",
    "pair": "measurement",
    "row": "measurement",
    "text": "synthesis",
}
_FEW_MEASUREMENTS = 2
"""So many statements of measurements that nobody asked for are told all the same."""


def compose(
    question: str,
    evidence: Sequence[Evidence],
    failures: Sequence[Failure] = (),
    facts: Facts | None = None,
    language: Language | None = None,
) -> list[Statement]:
    """Write the answer's statements.

    Args:
        question: The user's; decides what comes first, and the language.
        evidence: All that the specialists said.
        failures: Calls that gave nothing.
        facts: What each piece of evidence is about, by its id, where that is known.
        language: Where the question alone does not tell it.

    Returns:
        Statements with citations in the order of the answer's sections; then limitations, which
        cite nothing.
    """
    writer = Writer(question, evidence, facts or {}, language or detect(question))
    said = writer.statements()
    limits = limitations(question, evidence, failures, facts, writer.language)
    ordered, _ = arrange(question, [*said, *limits], evidence, writer.facts, writer.language)
    return ordered


def limitations(
    question: str,
    evidence: Sequence[Evidence],
    failures: Sequence[Failure] = (),
    facts: Facts | None = None,
    language: Language | None = None,
) -> list[Statement]:
    """What the question wants and the evidence has not; the only statements that cite nothing."""
    tongue = language or detect(question)
    writer = Writer(question, evidence, facts or {}, tongue)
    texts = [*writer.open_ends(), *_failed(failures, tongue)]
    return [Statement(text=text, kind="limitation") for text in texts]


def not_covered(
    question: str,
    evidence: Sequence[Evidence],
    facts: Facts | None = None,
    language: Language | None = None,
) -> list[Statement]:
    """The parts of the question that nobody spoke of."""
    writer = Writer(question, evidence, facts or {}, language or detect(question))
    return [Statement(text=text, kind="limitation") for text in writer.not_covered()]


def certainty_of(cited: Sequence[Evidence]) -> Certainty:
    """The certainty of what is cited; a statement never has another."""
    if any(each.finding and each.finding.assertion == "uncertain" for each in cited):
        open_set = any(re.search(r"inconclusive|coverage", each.text, re.I) for each in cited)
        return "inconclusive" if open_set else "uncertain"
    judged = any(each.finding and each.value is not None for each in cited)
    return "probable" if judged else "certain"


def _failed(failures: Sequence[Failure], language: Language) -> Iterator[str]:
    for failure in failures:
        told = failure.message.rstrip(".。")
        yield phrase("failed", language, tool=failure.tool, message=told)


class Writer:
    """Writes the statements of one answer.

    Args:
        question: The user's.
        evidence: All that the specialists said.
        facts: What each piece is about, by its id.
        language: Of the statements.
    """

    def __init__(
        self, question: str, evidence: Sequence[Evidence], facts: Facts, language: Language
    ) -> None:
        self.question, self.evidence = question, evidence
        self.facts, self.language = facts, language
        self._about = about(question, language)
        self._kind = kind_of(question)
        self._ranked = self._kind == "differential"

    def statements(self) -> list[Statement]:
        """Everything but limitations, in the order of the evidence."""
        drafts = self._wanted(drafts_of(self.evidence, self.facts))
        written = [each for draft in drafts for each in self._written(draft)]
        if self._kind == "report":
            written += self._impression()
        return written

    def open_ends(self) -> Iterator[str]:
        """What was asked and nobody spoke of; what one word of the question could hide."""
        yield from self.not_covered()
        yield from self._not_told_apart()
        left = self._left_to_the_table()
        if left:
            yield phrase("more", self.language, number=left)

    def not_covered(self) -> Iterator[str]:
        """Name what the question is about and no evidence."""
        told = frozenset().union(*(terms_in(f"{e.text} {_name(e)}") for e in self.evidence))
        missing = sorted(self._about["named"] - told)
        if self.evidence and missing:
            names = [term(one, self.language) for one in missing]
            yield phrase("not_covered", self.language, terms=listed(names, self.language))

    def _not_told_apart(self) -> Iterator[str]:
        """The question names one half of a finding that the model knows only as a whole."""
        names = {
            e.finding.name
            for e in self.evidence
            if e.finding and e.finding.assertion != "absent" and not self._is_set(e)
        }
        for name in sorted(names):
            one, parted, other = name.partition(" or ")
            if parted and known(one) and known(other) and self._asks_for_a_part(one, other):
                slots = {"one": term(one, self.language), "other": term(other, self.language)}
                yield phrase("not_told_apart", self.language, **slots)

    def _asks_for_a_part(self, one: str, other: str) -> bool:
        named = [bool(self._about["named"] & subjects(each)["named"]) for each in (one, other)]
        return named[0] != named[1]

    def _is_set(self, item: Evidence) -> bool:
        return is_set(item, self.facts)

    # Which drafts are told

    def _wanted(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Leave measurements that nobody asked for to the table, where there are many."""
        parted = [part for draft in drafts for part in self._parted(draft)]
        folded = self._folded(parted)
        return [draft for draft in parted if draft not in folded]

    def _parted(self, draft: Draft) -> list[Draft]:
        """Take what was asked out of a row of measurements."""
        ranks = [rank(self._about, [each]) for each in draft.cited]
        best = min(ranks)
        if draft.form != "row" or self._kind == "report" or best == max(ranks):
            return [draft]
        asked = [each for each, one in zip(draft.cited, ranks, strict=True) if one == best]
        rest = [each for each in draft.cited if each not in asked]
        return [Draft("row", tuple(asked)), Draft("row", tuple(rest))]

    def _folded(self, drafts: Sequence[Draft]) -> list[Draft]:
        rows = [draft for draft in drafts if draft.form in {"pair", "row"}]
        best = min((rank(self._about, draft.cited) for draft in drafts), default=0)
        unasked = [d for d in rows if not best or 2 * rank(self._about, d.cited) > best]
        others = len(drafts) > len(unasked) and self._kind != "report"
        return unasked if others and len(unasked) > _FEW_MEASUREMENTS else []

    def _left_to_the_table(self) -> int:
        drafts = drafts_of(self.evidence, self.facts)
        folded = self._folded([part for draft in drafts for part in self._parted(draft)])
        return sum(len(draft.cited) for draft in folded)

    # How a draft is told

    def _written(self, draft: Draft) -> Iterator[Statement]:
        kind = _KINDS.get(draft.form, "finding")
        text = self._text(draft)
        if text is None:
            for each in draft.cited:
                yield from self._written(Draft("finding", (each,)))
            return
        yield self._statement(kind, text, draft.cited)
        if self._kind == "differential" and draft.form == "set":
            for one in candidates(draft.cited[0], self.evidence, self.facts, self.language):
                yield self._statement("synthesis", one.text, one.cited)

    def _text(self, draft: Draft) -> str | None:
        """The best wording that holds; None where findings must stand apart."""
        if self.language != "en":
            told = sentence(draft, self.facts, self.language, self._ranked)
            return told if draft.form != "absent" else None
        texts = wordings(draft, self.facts, self._ranked)
        held = next((text for text in texts if check(text, draft.cited).supported), None)
        if draft.form == "absent" and held in {None, texts[-1]}:
            return None
        return held or texts[-1]

    def _statement(self, kind: StatementKind, text: str, cited: Sequence[Evidence]) -> Statement:
        return Statement(
            text=attributed(text, cited, self.evidence, self.facts, self.language),
            kind=kind,
            citations=tuple(each.id for each in cited),
            certainty=certainty_of(cited),
        )

    def _impression(self) -> Iterator[Statement]:
        """A report of several findings ends with what to remember."""
        found = [e for e in self.evidence if e.finding and not self._is_set(e)]
        kept = {
            assertion: [e for e in found if e.finding and e.finding.assertion == assertion]
            for assertion in ("present", "uncertain")
        }
        cited = [*kept["present"], *kept["uncertain"]]
        if len(cited) < 2:
            return
        parts = [
            phrase(f"impression_{key}", self.language, findings=self._names(items))
            for key, items in kept.items()
            if items
        ]
        text = ("" if self.language == "zh" else " ").join(parts)
        if self.language != "en" or check(text, cited).supported:
            yield self._statement("synthesis", text, cited)

    def _names(self, items: Sequence[Evidence]) -> str:
        names = dict.fromkeys(term(e.finding.name, self.language) for e in items if e.finding)
        return phrase("comma", self.language).join(names)


def _name(item: Evidence) -> str:
    return item.finding.name if item.finding else ""
