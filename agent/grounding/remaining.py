"""Rules for what belongs to no finding and no number: sides, places, answers, denials, words."""

from __future__ import annotations

from collections.abc import Sequence

from agent.grounding.assertion import negated
from agent.grounding.case import Case, Refusal, above_all
from agent.grounding.claims import Sentence
from agent.grounding.clauses import NAMED
from agent.grounding.derived import follows
from agent.grounding.items import Item
from agent.grounding.naming import PLURAL, seats

__all__ = [
    "answers_hold", "denials_hold", "emphasis_holds", "places_hold", "ratings_hold", "sides_hold",
]  # fmt: skip

FREE_THINGS = {"in view"}
_REACH = 3
_EVEN = 0.5
_UPPER = 75


def sides_hold(case: Case) -> Refusal | None:
    """A side must be one that the evidence names, whatever it belongs to."""
    known = frozenset().union(*(k.sides for k in case.known))
    denied = any((m.level or 0) < 0 and m.sides for m in case.said.mentions)
    named = {v for s in case.said.sentences for v in s.values("side")}
    loose = named == {"both"} and not known and not any(m.sides for m in case.said.mentions)
    plural = named == {"both"} and any(PLURAL.search(k.item.text) for k in case.known)
    if (case.said.sides <= known or plural) and _one_sided(case, known):
        return Refusal("side", "The evidence names both sides.")
    if case.said.sides <= known or denied or loose or plural:
        return None
    return Refusal("side", "The evidence does not name that side.")


def _one_sided(case: Case, known: frozenset[str]) -> bool:
    """'On the right only', where the evidence has both."""
    if len(known) < 2 or not any(m.sides == {"left", "right"} for k in case.known
                                 for m in k.mentions):  # fmt: skip
        return False
    return any(
        m.sides < known and len(m.sides) == 1 and (m.level or 0) > 0
        and any(s.items[at].has("only") for at in range(m.clause.start, m.clause.end))
        for s in case.said.sentences for m in s.mentions
    )  # fmt: skip


def places_hold(case: Case) -> Refusal | None:
    """A place must be one that the evidence names, a whole of it, or what the tool looks at."""
    known = above_all({name for k in case.known for name in k.anatomy}) | case.frame
    findings = {name for k in case.known for m in k.mentions for name in m.names}
    known |= above_all(findings)
    spared = {s for m in case.said.mentions for s in (*m.sites, *seats(m))}
    for name in sorted(case.said.anatomy - spared - known):
        return Refusal("site", f"The cited evidence says nothing of the {name}.")
    return None


def answers_hold(case: Case) -> Refusal | None:
    """A yes or no to a question must be the evidence's answer."""
    given = {k.answer for k in case.known if k.answer}
    if not given:
        return None
    if "open" in given and case.said.has("undecided"):
        return None
    yes, no = answers(case)
    if yes and no:
        return None if "open" in given else Refusal("certainty", "The evidence leaves none open.")
    if (yes and "yes" not in given) or (no and "no" not in given):
        code = "certainty" if "open" in given else "polarity"
        return Refusal(code, "That is not the evidence's answer.")
    return None


_YES = {
    "yes", "si", "sí", "oui", "ja", "sim", "是", "肯定", "是的", "affirmative", "肯定的",
    "afirmativa", "afirmativo",
}  # fmt: skip
_NO = {
    "no", "non", "nein", "não", "nao", "否", "不", "negative", "否定", "negativa", "negativo",
    "négative", "negativ",
}  # fmt: skip


def answers(case: Case) -> tuple[bool, bool]:
    """Tell whether a statement answers yes, and whether no."""
    yes = no = False
    for sentence in case.said.sentences:
        for at, item in enumerate(sentence.items):
            if any(("q", "probability") in i.tags for i in sentence.items[max(0, at - 7) : at]):
                continue
            if any(("q", "probability") in i.tags for i in sentence.items[at + 1 : at + 4]):
                continue
            if at + 1 < len(sentence.items) and sentence.items[at + 1].kind == "number":
                continue
            if _rated(sentence.items, at):
                continue
            yes |= item.text in _YES
            if item.text in _NO:
                ahead = sentence.items[at + 1 : at + 3]
                no |= not any(i.has(*NAMED, "sure", "seen", "thing") or i.has("q") for i in ahead)
    return yes, no


def _rated(items: Sequence[Item], at: int) -> bool:
    """'17 % for yes' rates an answer and gives none."""
    before = items[max(0, at - 3) : at]
    return len(before) == 3 and before[2].has("w") and (
        before[0].kind == "number" or before[1].kind == "number"
    )  # fmt: skip


def denials_hold(case: Case) -> Refusal | None:
    """A 'not' that reaches no finding must be in the evidence too, and the reverse."""
    rather = any("rather" in k.claims.stems for k in case.known)
    for sentence in case.said.sentences:
        for told in _denied(sentence):
            if any(follows(case, q) for q in sentence.quantities):
                continue  # '2.6 % could not be matched'
            if rather and not sentence.mentions:
                continue
            known = [d for k in case.known for s in k.claims.sentences for d in _denied(s)]
            known += [k.anatomy for k in case.known if k.item.value == 0]
            if told and not any(told & other for other in known):
                return Refusal("polarity", "The statement denies what the evidence does not deny.")
            if not told and _asserts(sentence) and not known and not _any_denial(case):
                return Refusal("polarity", "The statement denies what the evidence does not deny.")
    denied = {
        d for k in case.known for s in k.claims.sentences for each in _denied(s) for d in each
    }
    said = {d for s in case.said.sentences for each in _denied(s) for d in each}
    plain = {v for k in case.known for s in k.claims.sentences for v in _plain(s)}
    affirmed = {v for s in case.said.sentences for v in _plain(s)}
    for name in sorted((affirmed & denied) - said - plain):
        return Refusal("polarity", f"The evidence denies what the statement says: {name}.")
    return None


def _asserts(sentence: Sentence) -> bool:
    """'It is not there', and not 'no place is given'."""
    return any(item.has("seen", "affirm", "q", "src") for item in sentence.items)


def _any_denial(case: Case) -> bool:
    return any(
        k.undecided or k.answer == "no" or k.answer == "open" or k.claims.has("no", "not", "abs")
        or any((m.level or 0) < 0 for m in k.mentions)
        for k in case.known
    )  # fmt: skip


def _denied(sentence: Sentence) -> list[frozenset[str]]:
    """For each 'no' that reaches no finding: the things and places in its reach."""
    found = []
    for clause in sentence.clauses:
        inside = range(clause.start, clause.end)
        named = any(m.clause == clause and m.category != "trait" for m in sentence.mentions)
        cues = [
            at for at in inside
            if _denies(sentence, clause, at) and (not named or sentence.items[at].has("unlike"))
        ]  # fmt: skip
        if not cues:
            continue
        near = {
            _distance(sentence, cues[0], at): at
            for at in inside
            if _distance(sentence, cues[0], at) <= _REACH and _concrete(sentence.items[at])
        }
        found.append(_concrete(sentence.items[near[min(near)]]) if near else frozenset())
    return found


def _distance(sentence: Sentence, cue: int, at: int) -> int:
    """'Without regard to ancestry' looks ahead, 'ancestry not considered' both ways."""
    far = abs(at - cue)
    if not sentence.items[cue].has("no"):
        return far
    return far + _REACH if at < cue else far // 2


def _concrete(item: Item) -> frozenset[str]:
    values = {v for kind in ("thing", "anatomy") for v in item.values(kind)}
    return frozenset(values) - FREE_THINGS - {"yes"}


def _denies(sentence: Sentence, clause: object, at: int) -> bool:
    item = sentence.items[at]
    if item.has("cmp", "undecided", "possible", "q") or at in sentence.counted:
        return False
    if item.has("not"):
        return negated(sentence.items, clause, at) == "absent"  # type: ignore[arg-type]
    return item.has("no", "abs") and not item.has("w")


def _plain(sentence: Sentence) -> set[str]:
    """Things that a sentence says and doesn't deny."""
    denied = {d for each in _denied(sentence) for d in each}
    return {v for kind in ("thing",) for v in sentence.values(kind)} - denied - FREE_THINGS


def ratings_hold(case: Case) -> Refusal | None:
    """'High' and 'low' must be the evidence's words, or follow from its probability."""
    for sentence in case.said.sentences:
        for at, item in enumerate(sentence.items):
            for value in item.values("hl"):
                if at in sentence.counted or item.has("modifier") or ("hl", value) in case.tags:
                    continue
                if not _rating_follows(case, sentence, at, value):
                    return Refusal("attribute", f"The evidence calls nothing {item.text}.")
    return None


def _rating_follows(case: Case, sentence: Sentence, at: int, value: str) -> bool:
    clause = sentence.clause_of(at)
    inside = range(clause.start, clause.end)
    nouns = {v for i in inside for v in sentence.items[i].values("q")}
    if any(("q", "sensitivity") in sentence.items[i].tags for i in inside):
        return False
    shares = [
        q.number.base
        for k in case.known
        for q in k.quantities
        if q.quantity in {"probability", "score", "risk"} and 0 <= q.number.base <= 1
    ] + [k.item.value for k in case.known if k.item.value is not None and 0 <= k.item.value <= 1]
    if ("modifier", f"{value} risk") in case.tags and ("risk" in nouns or not nouns):
        return True
    if nouns & {"overlap", "share"}:
        shares += [
            q.number.base for k in case.known for q in k.quantities
            if q.number.unit.kind == "proportion"
        ]  # fmt: skip
    if "density" in nouns and any(sentence.items[i].has("cmp") for i in inside):
        return True
    told = nouns & {"probability", "risk", "overlap", "share", "score"} or not nouns
    if told and any((share >= _EVEN) == (value == "high") for share in shares):
        return True
    ranks = [q.number.value for k in case.known for q in k.quantities
             if q.number.unit.kind == "percentile"]  # fmt: skip
    if nouns & {"score", "percentile"}:
        return any((rank >= _UPPER) if value == "high" else rank <= 100 - _UPPER for rank in ranks)
    return False


def emphasis_holds(case: Case) -> Refusal | None:
    """'Certainly' and 'inconclusive' must be the evidence's words, where no finding has them."""
    for sentence in case.said.sentences:
        for clause in sentence.clauses:
            inside = [sentence.items[at] for at in range(clause.start, clause.end)]
            named = any(
                m.clause == clause
                and m.category in {"finding", "attribute"}
                and m.level is not None
                for m in sentence.mentions
            )
            if named:
                continue
            if _definite(inside) and ("definite", "") not in case.tags:
                return Refusal("certainty", "The evidence is not as certain.")
            if any(i.has("undecided") and not i.has("possible") for i in inside) and not any(
                k.undecided or k.answer == "open" or any(m.level == 0 for m in k.mentions)
                for k in case.known
            ):
                return Refusal("certainty", "The evidence leaves nothing open.")
    return None


def _definite(inside: list[Item]) -> bool:
    firm = any(item.has("definite") and not item.has("abs", "q") for item in inside)
    return firm and not any(item.has("not", "no") for item in inside)
