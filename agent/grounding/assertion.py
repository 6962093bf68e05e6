"""Is a thing said to be there, not to be there, or perhaps to be there?

After the idea of ConText (Harkema et al. 2009): trigger phrases set the assertion of what stands
in their scope, before or after them, up to the end of the clause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from agent.grounding.terms import Phrases, find_phrases, index_phrases, neutral_stems, trigger_rows
from agent.grounding.tokens import Token

__all__ = ["Level", "Trigger", "clauses", "find_triggers", "level_of", "status_of"]

Level = int | None
"""3 emphatic, 2 stated, 1 probable, 0 possible or open, -1 improbable, -2 absent, -3 emphatic;
None where a thing is only named ('the probability of X')."""

_HARD = {";", "but", "however", "while", "whereas", "although", "though", "yet", "—", "except"}
_VERBS = {
    "is", "have", "show", "there", "measur", "demonstrat", "reveal", "appear", "lie", "may",
    "might", "could", "can", "cover", "equal", "suggest", "contain", "do",
}  # fmt: skip
_AFTER_COLON_ONLY = {"no", "none", "false", "nil", "yes", "true"}
_NEGATIONS = {"no", "not", "never", "without", "neither", "nor", "non"}
_EXCLUDED = {"exclud", "rul"}
_DETECTED = {
    "see", "find", "detect", "identify", "identifi", "visibl", "observ", "demonstrat", "evident",
    "apparent", "not", "recognis", "recogniz", "present", "show", "there", "visualis", "visualiz",
    "report", "positiv", "tru", "picked", "pick", "appreciat", "made", "notic", "mention",
    "describ",
}  # fmt: skip
_STATUSES = {"history", "family", "hypothetical", "unassessed"}


@dataclass(frozen=True)
class Trigger:
    """A phrase that sets the assertion of what is in its scope."""

    start: int
    end: int
    meaning: str
    scope: range
    """Token positions that it reaches."""
    text: str

    def covers(self, start: int, end: int) -> bool:
        """Tell whether tokens from `start` to before `end` are in the scope."""
        return start in self.scope and end - 1 in self.scope


@lru_cache(maxsize=1)
def _index() -> tuple[Phrases, dict[str, list[tuple[str, str]]]]:
    senses: dict[str, list[tuple[str, str]]] = {}
    for row in trigger_rows():
        senses.setdefault(row["phrase"], []).append((row["side"], row["meaning"]))
    # Phrases with the same stems share their senses: 'remain open', 'remains open'.
    merged: dict[tuple[str, ...], str] = {}
    for choices in index_phrases([(phrase, phrase) for phrase in senses]).values():
        for stems, phrase in choices:
            first = merged.setdefault(stems, phrase)
            senses[first] = list(dict.fromkeys(senses[first] + senses[phrase]))
    return index_phrases([(phrase, phrase) for phrase in merged.values()]), senses


def clauses(tokens: Sequence[Token]) -> list[range]:
    """Split a sentence into clauses, by position."""
    cuts, start = [0], 0
    for at, token in enumerate(tokens):
        if at <= start:
            continue
        hard = token.text in _HARD
        soft = token.text in {",", "and"} and _splits(tokens, start, at)
        if hard or soft:
            cuts.append(at)
            start = at
    return [range(a, b) for a, b in zip(cuts, [*cuts[1:], len(tokens)], strict=True) if b > a]


def _splits(tokens: Sequence[Token], start: int, at: int) -> bool:
    """Tell whether a comma or an 'and' begins a clause of its own."""
    right = _segment(tokens, at + 1)
    if right and right[0].text in {"and", "but"}:
        right = _segment(tokens, at + 2)
    left = tokens[start:at]
    if not right or right[0].text in {"or", "nor"} or any(t.text == "or" for t in right):
        # A list under one negation: 'no X, Y or Z is seen'.
        return _has_verb(left) and _has_verb(right)
    if tokens[at].text == "and" and right[0].text in {"a", "an"}:
        return any(token.text in _NEGATIONS for token in left)
    if tokens[at].text == "and":
        return _has_verb(right) and _has_verb(left)
    return _has_verb(right) and (_has_verb(left) or _has_trigger(left))


def _segment(tokens: Sequence[Token], start: int) -> Sequence[Token]:
    end = start
    while end < len(tokens) and tokens[end].text not in {",", "and"} | _HARD:
        end += 1
    return tokens[start:end]


def _has_verb(tokens: Sequence[Token]) -> bool:
    return any(t.stem in _VERBS or t.text in {"absent", "present"} for t in tokens)


def _has_trigger(tokens: Sequence[Token]) -> bool:
    return any(token.text in _NEGATIONS | {"absent", "present"} for token in tokens)


def find_triggers(tokens: Sequence[Token]) -> list[Trigger]:
    """Find the trigger phrases of a sentence, with their scopes."""
    index, _ = _index()
    found = find_phrases(tokens, index)
    triggers = []
    for span in clauses(tokens):
        inside = [each for each in found if each[0] in span]
        for start, end, phrase in inside:
            for side, meaning in _senses(tokens, start, phrase):
                scope = _scope(tokens, span, inside, (start, end), side, phrase)
                if scope is not None:
                    meaning = _flipped(tokens, start, side, meaning)
                    triggers.append(Trigger(start, end, meaning, scope, phrase))
    return triggers


def _senses(tokens: Sequence[Token], start: int, phrase: str) -> list[tuple[str, str]]:
    """'X was not seen' denies what stands before, 'did not see X' what comes after."""
    passive = phrase in {"not", "never"} and _passive(tokens, start)
    return [("after", "absent")] if passive else _index()[1][phrase]


def _passive(tokens: Sequence[Token], at: int) -> bool:
    after = [t for t in tokens[at + 1 : at + 5] if t.text not in {"clearly", "yet", "readily"}]
    to_be = [t for t in after if t.stem == "is" or t.text == "being"]
    verb = next((t for t in after if t not in to_be), None)
    if verb is None or verb.stem not in _DETECTED:
        return False
    before = tokens[at - 1].stem if at else ""
    return before not in {"do", "have", "can", "could", "will"} or bool(to_be)


def _scope(
    tokens: Sequence[Token],
    span: range,
    found: Sequence[tuple[int, int, str]],
    place: tuple[int, int],
    side: str,
    phrase: str,
) -> range | None:
    start, end = place
    if side == "both":
        return span
    leads = all(token.kind == "sign" for token in tokens[span.start : start])
    if phrase == "non":
        return range(end, end + 1)
    if side == "before" or (leads and start == 0):
        stop = min([span.stop, *_next_denials(found, end)]) if _denies(phrase) else span.stop
        return range(end, _close(tokens, start, stop))
    if phrase in _AFTER_COLON_ONLY and (
        start == 0 or tokens[start - 1].text not in {":", "=", "("}
    ):
        return None
    earlier = [e for s, e, other in found if e <= start and _ends_backward(other)]
    return range(max([span.start, *earlier]), start)


def _denies(phrase: str) -> bool:
    return ("before", "absent") in _index()[1][phrase]


def _next_denials(found: Sequence[tuple[int, int, str]], end: int) -> list[int]:
    """'No X, no Y': the second takes over; 'not without' is both at once."""
    return [start for start, _, phrase in found if start > end and _denies(phrase)]


def _close(tokens: Sequence[Token], start: int, stop: int) -> int:
    """Return where a scope that opened inside a bracket must end."""
    depth = 0
    for at in range(start, stop):
        if tokens[at].text == "(":
            depth += 1
        if tokens[at].text == ")":
            depth -= 1
            if depth < 0:
                return at
    return stop


def _ends_backward(phrase: str) -> bool:
    _, senses = _index()
    return all(side == "after" for side, _ in senses[phrase]) and any(
        meaning in {"absent", "affirmed"} for _, meaning in senses[phrase]
    )


def _flipped(tokens: Sequence[Token], start: int, side: str, meaning: str) -> str:
    """Turn the meaning of 'not absent', 'not unlikely' round."""
    before = {token.text for token in tokens[max(0, start - 2) : start]}
    if side != "after" or not before & {"not", "never"}:
        return meaning
    return {"absent": "affirmed", "unlikely": "possible"}.get(meaning, meaning)


def _adjacent(tokens: Sequence[Token], trigger: Trigger, start: int, end: int) -> bool:
    between = tokens[trigger.end : start] if trigger.end <= start else tokens[end : trigger.start]
    easy = neutral_stems()
    return len(between) <= 3 and all(
        t.text == ":" or (t.stem in easy and t.stem not in _VERBS) for t in between
    )


def level_of(
    tokens: Sequence[Token], triggers: Sequence[Trigger], start: int, end: int
) -> tuple[Level, bool]:
    """Return how strongly a mention is asserted, and whether it is said to be undecided."""
    over = [t for t in triggers if t.covers(start, end) and not t.start <= start < t.end]
    meanings = [t.meaning for t in over]
    if "undecided" in meanings:
        return 0, True
    named = any(t.meaning == "mention" and _adjacent(tokens, t, start, end) for t in over)
    excluded = any(t.meaning == "absent" and tokens[t.start].stem in _EXCLUDED for t in over)
    negations = {(t.start, t.end) for t in over if t.meaning == "absent"}
    negated = len(negations) % 2 == 1
    if excluded and len(negations) == 2:
        return 0, False
    return _combined(meanings, negated, named), False


def _combined(meanings: Sequence[str], negated: bool, named: bool) -> Level:
    if "weak" in meanings or "unlikely" in meanings:
        return 0 if negated and "unlikely" in meanings else -1
    if "possible" in meanings or "member" in meanings:
        return -1 if negated else 0
    if "probable" in meanings:
        return -1 if negated else 1
    if "definite" in meanings:
        return -3 if negated else 3
    if negated:
        return -2
    return None if named else 2


def status_of(triggers: Sequence[Trigger], start: int, end: int) -> str:
    """Return current, history, family, hypothetical or unassessed."""
    for trigger in triggers:
        if trigger.covers(start, end) and trigger.meaning in _STATUSES:
            return trigger.meaning
    return "current"
