"""What a planner is told of a conversation: bounded, and without what names a person.

The last turns stand in full, cut to a length; of what came before, counts of calls and findings
are kept and told in one line, and no word of a question. The words of a question are the user's:
dates, numbers of records, telephone numbers, addresses and names after a title are taken out of
them on the way to a language model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from agent.answer import Plan
from agent.kept import in_words
from agent.state import State, dump
from specialists.schema import Evidence

__all__ = ["memory", "remembered", "scrubbed"]

Counts = Mapping[str, Mapping[str, int]]

_TURNS = 6
"""So many of the last turns are told one by one."""
_LONGEST_TURN = 300
"""Characters of a question of an earlier turn."""
_COUNTED = ("actions", "calls", "found")
_KEPT, _TOLD, _TOPICS = 32, 8, 8
"""Different things that are counted, that are told of them, and that one turn can add."""
_LONGEST_TOPIC = 80
_RECORD = (
    r"mrn|nhs|ssn|dni|cpf|nir|hospital|patient(?:en)?|case|record|accession|fall|akte|dossier|"
    r"historia|prontu[aá]rio|id|病历号|住院号|门诊号"
)
_TAKEN_OUT: tuple[tuple[str, str], ...] = (
    (r"[\w.+-]+@[\w-]+\.[\w.-]+", "[address]"),
    (r"\b\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b|\b\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}\b", "[date]"),
    (r"\d{4}年\d{1,2}月\d{1,2}[日号]", "[date]"),
    (r"\+\d[\d ()/-]{7,}\d", "[number]"),
    (
        rf"(?i:(?<!\w)({_RECORD})\b[ .:#]*(?:(?:no|nr|number|n[uú]mero|num|id)\b)?[.:# °º]*)"
        r"[A-Z]{0,3}[-/]?\d[\d/-]{4,}\w*",
        r"\1 [number]",
    ),
    (r"(?<![\w.])\d{7,}(?![\w.])", "[number]"),
    (
        r"\b(Mr|Mrs|Ms|Miss|Herrn?|Frau|Sra?|Señora?|Senhora?|Dona|Mme|Mlle|Monsieur|Madame)\b\.?"
        r"(?: [A-ZÀ-Þ][\w'’-]+){1,3}",
        r"\1 [name]",
    ),
    (
        r"\b((?i:name is|named|name:|nombre:|nom :|nom:|nome:|heißt|se llama|s'appelle))"
        r"(?: [A-ZÀ-Þ][\w'’-]+){1,3}",
        r"\1 [name]",
    ),
    (r"(姓名[:：]?\s?)[\u4e00-\u9fff]{2,4}", r"\1[name]"),
)


def scrubbed(text: str) -> str:
    """Take out of a question what could name a person; identifiers of scores and genes stay."""
    for pattern, instead in _TAKEN_OUT:
        text = re.sub(pattern, instead, text)
    return text


def memory(state: State, plan: Plan, evidence: Sequence[Evidence]) -> State:
    """What a thread keeps of its questions once one more is answered; bounded.

    The last turns stay as they are; those before become counts, without the user's words.
    """
    found = list(dict.fromkeys(_topic(one) for one in evidence if one.finding is not None))
    turn = [state["question"], plan.action, in_words(plan.calls), "; ".join(found[:_TOPICS])]
    turns = [*state.get("history", []), turn]
    return {
        "history": turns[-_TURNS:],
        "older": _folded(state.get("older", {}), turns[:-_TURNS]),
        "earlier": dump(plan.calls) if plan.calls else state.get("earlier", []),
    }


def remembered(
    history: Sequence[Sequence[str]], older: Counts | None = None
) -> list[tuple[str, str]]:
    """Tell the earlier turns of a thread.

    Args:
        history: Per turn the question, the action, the calls that were made, in words, and what
            was found; the oldest first.
        older: Counts of the turns before those, from `memory`.

    Returns:
        Pairs of a question and its action, the oldest first: at most six, and one before them
        that sums up the rest.
    """
    counts = _folded(older or {}, history[:-_TURNS])
    told = [(_shortened(scrubbed(turn[0])), turn[1]) for turn in history[-_TURNS:]]
    return [(_summary(counts), "call")] * bool(counts["actions"]) + told


def _folded(older: Counts, turns: Sequence[Sequence[str]]) -> Counts:
    """Earlier counts of actions, calls and findings, with those of more turns."""
    counts = {key: Counter(older.get(key, {})) for key in _COUNTED}
    for turn in turns:
        counts["actions"][turn[1]] += 1
        counts["calls"].update(one for one in _part(turn, 2).split("; ") if one)
        counts["found"].update(one for one in _part(turn, 3).split("; ") if one)
    return {key: dict(counts[key].most_common(_KEPT)) for key in _COUNTED}


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TURN else f"{line[:_LONGEST_TURN]} …"


def _summary(counts: Counts) -> str:
    """Say how many questions came before, what was called for them, and what was found."""
    questions = sum(counts["actions"].values())
    parts = [_listed(counts["calls"])]
    if len(counts["actions"]) > 1:
        parts.append(f"actions: {_listed(counts['actions'])}")
    if counts["found"]:
        parts.append(f"found: {_listed(counts['found'])}")
    told = "; ".join(part for part in parts if part)
    plural = "question" if questions == 1 else "questions"
    return f"[{questions} earlier {plural}{': ' if told else ''}{told}]"


def _listed(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda one: -one[1])[:_TOLD]
    return ", ".join(f"{name} ({times})" for name, times in most)


def _topic(evidence: Evidence) -> str:
    """'pneumonia present in A1', by which later questions can refer back to it."""
    finding = evidence.finding
    told = f"{finding.name} {finding.assertion}" if finding else ""
    where = f" in {evidence.attachment}" if evidence.attachment else ""
    return scrubbed(told)[:_LONGEST_TOPIC].replace(";", ",") + where


def _part(turn: Sequence[str], place: int) -> str:
    """Threads of earlier versions tell less."""
    return turn[place] if len(turn) > place else ""
