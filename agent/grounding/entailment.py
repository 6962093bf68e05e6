"""Does the evidence entail what a statement claims? One small rule for each kind of claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent.grounding.claims import Claims, Mention, Quantity, Vocabulary
from agent.grounding.comparison import compared, comparison_holds
from agent.grounding.frames import frame_terms
from agent.grounding.known import Known, bare_denied, denied_words
from agent.grounding.numbers import NONE, agrees

__all__ = ["Case", "Refusal", "first_refusal"]


@dataclass(frozen=True)
class Refusal:
    """Why a statement is not supported."""

    code: str
    reason: str


@dataclass(frozen=True)
class Case:
    """A statement taken apart, beside what its citations say."""

    said: Claims
    known: tuple[Known, ...]
    vocabulary: Vocabulary

    @property
    def frame(self) -> frozenset[str]:
        """Terms that the cited tools bring with them: a chest film shows the chest."""
        return frozenset().union(*(frame_terms(each.item.tool) for each in self.known))

    def above_all(self, names: frozenset[str] | set[str]) -> set[str]:
        """Return the names with all broader ones."""
        return {above for name in names for above in self.vocabulary.above(name)}


Rule = Callable[[Case], Refusal | None]
Test = Callable[[Case, Mention, Known, Mention], Refusal | None]


def first_refusal(case: Case, rules: Sequence[Rule]) -> Refusal | None:
    """Apply rules in order; the first that refuses decides."""
    return next((refusal for rule in rules if (refusal := rule(case)) is not None), None)


def _called(mention: Mention) -> str:
    return " or ".join(sorted(mention.names))


# Mentions


def mentions_hold(case: Case) -> Refusal | None:
    """Every finding, procedure, drug, change and attribute must be in the evidence, as said."""
    for mention in case.said.mentions:
        if mention.category == "finding" and mention.names <= case.frame:
            continue
        refusal = _mention_holds(case, mention)
        if refusal is not None:
            return refusal
    return None


def _mention_holds(case: Case, mention: Mention) -> Refusal | None:
    furthest: tuple[int, Refusal] | None = None
    sides: set[str] = set()
    for known in case.known:
        for other in known.mentions:
            step, refusal = _first_failing(case, mention, known, other)
            if refusal is None:
                return None
            if refusal.code == "side":
                sides |= other.sides
                if mention.sides <= sides and (mention.level or 0) > 0:
                    return None
            if furthest is None or step > furthest[0]:
                furthest = (step, refusal)
    return furthest[1] if furthest else _unnamed(mention)


def _first_failing(
    case: Case, mention: Mention, known: Known, other: Mention
) -> tuple[int, Refusal | None]:
    for step, test in enumerate(_TESTS):
        refusal = test(case, mention, known, other)
        if refusal is not None:
            return step, refusal
    return len(_TESTS), None


def _unnamed(mention: Mention) -> Refusal:
    codes = {"procedure": "recommendation", "drug": "recommendation", "change": "time"}
    return Refusal(
        codes.get(mention.category, "finding"),
        f"The cited evidence says nothing of: {_called(mention)}.",
    )


def _same_thing(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    above = case.vocabulary.above
    if said.undecided or said.level == 0:
        fits = any(said.names & above(name) for name in other.names)
    elif said.level is not None and said.level < 0:
        fits = all(other.names & above(name) for name in said.names)
        fits = fits and (len(other.names) == 1 or other.names <= said.names)
    else:
        fits = all(said.names & above(name) for name in other.names)
    if fits or _opposite(said, other):
        return None
    if said.names & other.names:
        return Refusal("finding", f"The evidence leaves open: {_called(other)}.")
    return _unnamed(said)


def _opposite(said: Mention, other: Mention) -> bool:
    """'Normal' and 'no abnormality' are one."""
    bad = {"abnormal", "abnormality"}
    return bool(
        (said.names == {"normal"} and other.names & bad and said.level == 2 and other.level == -2)
        or (other.names == {"normal"} and said.names <= bad and said.level == -2 and other.level == 2)
    )


def _same_polarity(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.level is None or said.category == "trait" or _opposite(said, other):
        return None
    if other.level is None:
        return Refusal("certainty", f"The evidence does not say whether: {_called(said)}.")
    if said.undecided:
        fits = other.level == 0
    elif said.level >= 0:
        fits = other.level >= said.level
    else:
        fits = other.level <= said.level
    if fits:
        return None
    if said.level * other.level < 0 or (said.level < 0) != (other.level < 0):
        return Refusal("polarity", f"The evidence says otherwise of: {_called(said)}.")
    return Refusal("certainty", f"The evidence is not as certain of: {_called(said)}.")


def _same_status(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.status == other.status:
        return None
    return Refusal("status", f"History, condition and presence differ for: {_called(said)}.")


def _same_side(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.level is None:
        return None
    refusal = Refusal("side", f"The evidence gives another side, or none, for: {_called(said)}.")
    if (said.level or 0) >= 0:
        return None if said.sides <= other.sides else refusal
    if not other.sides:
        return None
    return None if said.sides and said.sides <= other.sides else refusal


def _same_site(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if said.level is None:
        return None
    refusal = Refusal("site", f"The evidence gives another site, or none, for: {_called(said)}.")
    above = case.vocabulary.above
    if (said.level or 0) >= 0:
        reached = case.above_all(other.sites)
        return None if all(s in reached or s in case.frame for s in said.sites) else refusal
    sites = other.sites - case.frame
    bounds = sites or case.frame
    inside = all(above(site) & bounds for site in said.sites)
    return None if inside and (said.sites or not sites) else refusal


def _same_modifiers(case: Case, said: Mention, known: Known, other: Mention) -> Refusal | None:
    if (said.level or 0) < 0:
        fits = other.modifiers <= said.modifiers
    else:
        alone = len([m for m in known.mentions if m.category == "finding"]) == 1
        terms = {n for m in known.mentions for n in m.modifiers} if alone else other.modifiers
        fits = said.modifiers <= terms | other.modifiers
    if fits:
        return None
    extra = ", ".join(sorted(said.modifiers ^ other.modifiers))
    return Refusal("attribute", f"The evidence does not say so of {_called(said)}: {extra}.")


_TESTS: tuple[Test, ...] = (
    _same_thing, _same_polarity, _same_status, _same_side, _same_site, _same_modifiers,
)  # fmt: skip


# Numbers


def numbers_hold(case: Case) -> Refusal | None:
    """Every number must be one of the evidence's, of the same quantity, side and subject."""
    for quantity in case.said.quantities:
        refusal = _number_holds(case, quantity)
        if refusal is not None:
            return refusal
    return None


def _number_holds(case: Case, said: Quantity) -> Refusal | None:
    if _counts_classes(case, said):
        return None
    value = f"{said.number.value:g}"
    if any(_turned(said, other) for known in case.known for other in known.quantities):
        return Refusal("number", f"The evidence has {value} as the opposite bound.")
    worst = Refusal("number", f"The number {value} is not in the cited evidence.")
    for known in case.known:
        for other in known.quantities:
            if not agrees(said.number, other.number):
                if _unit_slipped(said, other):
                    worst = Refusal("unit", f"The unit of {value} is not the evidence's.")
                continue
            refusal = _attached(case, said, known, other)
            if refusal is None:
                return None
            worst = refusal
    return worst


def _turned(said: Quantity, other: Quantity) -> bool:
    """Tell whether 'above -950' stands against 'below -950'."""
    one, two = said.number, other.number
    bounds = one.comparator[0] + two.comparator[0]
    return bounds in {"<>", "><"} and one.unit == two.unit and one.value == two.value


def _unit_slipped(said: Quantity, other: Quantity) -> bool:
    same = abs(said.number.value - other.number.value) <= said.number.half_step
    return same and said.number.unit != other.number.unit


def _counts_classes(case: Case, said: Quantity) -> bool:
    if said.number.counted not in {"class", "diagnos", "diagnosis", "candidat"}:
        return False
    sizes = {len(m.names) for known in case.known for m in known.mentions}
    return said.number.value in sizes and said.number.comparator == "="


def _attached(case: Case, said: Quantity, known: Known, other: Quantity) -> Refusal | None:
    value = f"{said.number.value:g}"
    if said.number.denied != other.number.denied:
        return Refusal("polarity", f"The statement denies {value}, which the evidence says.")
    if not _same_quantity(said, known, other):
        return Refusal("number", f"In the evidence {value} is not the {said.quantity}.")
    if not _side_fits(said, known, other):
        return Refusal("side", f"The evidence gives {value} for another side.")
    if not _subject_fits(case, said, known, other):
        return Refusal("finding", f"The evidence gives {value} for something else.")
    if not _place_fits(case, said, known, other):
        return Refusal("site", f"The evidence gives {value} for another place.")
    return None


def _same_quantity(said: Quantity, known: Known, other: Quantity) -> bool:
    number = said.number
    if said.statistic and other.statistic and said.statistic != other.statistic:
        return False
    if number.label or number.counted or said.quantity is None:
        return True
    if number.unit is not NONE and number.unit.kind != "proportion":
        return True
    if other.quantity in {None, said.quantity}:
        implied = said.quantity == "share" and number.unit.kind == "proportion"
        return implied or other.quantity is not None or said.quantity in known.nouns
    if not said.close and other.quantity in said.nouns:
        return True
    alike = {said.quantity, other.quantity} <= {"share", "overlap", "coverage"}
    return alike and said.quantity in known.nouns


def _side_fits(said: Quantity, known: Known, other: Quantity) -> bool:
    sides = other.sides
    if said.number.label or (not said.sides and known.item.finding is not None):
        return True
    if not said.sides:
        return len(sides) != 1 or said.number.counted is not None
    return said.sides == sides


def _subject_fits(case: Case, said: Quantity, known: Known, other: Quantity) -> bool:
    if said.attribute and not any(said.attribute in m.names for m in known.mentions):
        return False
    if said.number.label or not said.subjects or said.subjects <= case.frame:
        return True
    denied = any((m.level or 0) < 0 and m.names & said.subjects for m in case.said.mentions)
    named = [m.names for m in known.mentions if m.category in {"finding", "trait"}]
    if not named:
        return said.anatomy is not None and said.anatomy in known.anatomy
    about = [other.subjects] if other.subjects and not denied else named
    above = case.vocabulary.above
    fit = any if denied else all
    return any(fit(said.subjects & above(name) for name in names) for names in about)


def _place_fits(case: Case, said: Quantity, known: Known, other: Quantity) -> bool:
    if said.anatomy is None or said.anatomy in case.frame - {"lung"}:
        return True
    if other.anatomy is not None:
        return said.anatomy == other.anatomy
    return said.anatomy in known.anatomy or said.anatomy in case.frame


# What is left over


def sides_hold(case: Case) -> Refusal | None:
    """A side must be one that the evidence names, whatever it belongs to."""
    known = frozenset().union(*(k.sides for k in case.known))
    denied = any((m.level or 0) < 0 and m.sides for m in case.said.mentions)
    if case.said.sides <= known or denied:
        return None
    return Refusal("side", "The evidence does not name that side.")


def places_hold(case: Case) -> Refusal | None:
    """A place must be one that the evidence names, a whole of it, or what the tool looks at."""
    known = case.above_all({name for k in case.known for name in k.anatomy}) | case.frame
    spared = {s for m in case.said.mentions if (m.level or 0) < 0 for s in m.sites}
    for name in sorted(case.said.anatomy - spared - known):
        return Refusal("site", f"The cited evidence says nothing of the {name}.")
    return None


def comparisons_hold(case: Case) -> Refusal | None:
    """'The right is larger than the left' must follow from the two numbers."""
    for sentence in case.said.sentences:
        comparison = compared(sentence)
        if comparison is not None and not comparison_holds(comparison, case.known):
            return Refusal("comparison", "The comparison does not follow from the evidence.")
    return None


def denials_hold(case: Case) -> Refusal | None:
    """A 'not' that reaches no finding must be in the evidence too, and the reverse."""
    for stems in _bare_denials(case.said):
        if not any(stems & other for known in case.known for other in _denials(known)):
            return Refusal("polarity", "The statement denies what the evidence does not deny.")
    denied = frozenset().union(*(known.denied for known in case.known))
    own = {stem for s in case.said.sentences for _, stem in denied_words(s.tokens)}
    plain = {
        token.stem
        for known in case.known
        for sentence in known.claims.sentences
        for token in sentence.tokens
        if token.stem not in bare_denied(sentence)
    }
    for stem in sorted((case.said.stems & denied) - own - plain - _GRAMMAR):
        return Refusal("polarity", f"The evidence denies what the statement says: {stem}.")
    return None


_GRAMMAR = frozenset(
    "is have do can could may might of in on at to for from with by as the a an and or it this "
    "that there not no , . : ; ( ) - any other".split()
)


def _bare_denials(claims: Claims) -> Iterator[set[str]]:
    for sentence in claims.sentences:
        spans = [(m.start, m.end) for m in sentence.mentions]
        for trigger in sentence.triggers:
            if trigger.meaning not in {"absent", "unlikely", "weak"}:
                continue
            twins = [t for t in sentence.triggers if t.start == trigger.start]
            reached = any(twin.covers(*span) for twin in twins for span in spans)
            number = any(
                q.number.denied and trigger.end <= q.number.start + 1 for q in sentence.quantities
            )
            if not reached and not number:
                words = [*trigger.scope, *range(trigger.start, trigger.end)]
                yield {sentence.tokens[at].stem for at in words} - _GRAMMAR


def _denials(known: Known) -> Iterator[set[str]]:
    for sentence in known.claims.sentences:
        for trigger in sentence.triggers:
            if trigger.meaning in {"absent", "unlikely", "weak", "undecided"}:
                words = [*trigger.scope, *range(trigger.start, trigger.end)]
                yield {sentence.tokens[at].stem for at in words} - _GRAMMAR


def emphasis_holds(case: Case) -> Refusal | None:
    """'Certainly' and 'inconclusive' must be the evidence's words, where no finding carries them."""
    for sentence in case.said.sentences:
        findings = [m for m in sentence.mentions if m.category in {"finding", "attribute"}]
        for trigger in sentence.triggers:
            if any(trigger.covers(m.start, m.end) for m in findings):
                continue
            if trigger.meaning == "definite" and not _says(case, trigger.text, "definite"):
                return Refusal("certainty", "The evidence is not as certain.")
            if trigger.meaning == "undecided" and not any(_open(k) for k in case.known):
                return Refusal("certainty", "The evidence leaves nothing open.")
    return None


def _says(case: Case, text: str, meaning: str) -> bool:
    return any(
        trigger.meaning == meaning and trigger.text == text
        for known in case.known
        for sentence in known.claims.sentences
        for trigger in sentence.triggers
    )


def _open(known: Known) -> bool:
    return known.undecided or any(mention.level == 0 for mention in known.mentions)
