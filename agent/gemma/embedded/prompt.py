"""The prompt of the shipped Gemma, made here for training and for use, and the form of its answer.

    <tools> <T1> chest x-ray : reads a frontal chest radiograph …  <T2> …
    <files> <A1> radiograph cr chest pa <T1> <T6>
    <past> is there pneumonia <call>
    <ask> and on the left ?
    <marks> <T1> <m3> <A1> <named>
    <plan> <read> <T1> <all> <end>

Tools stand under slot tokens, so that a tool is known by what it says of itself. After a file
stand the tools that take it (by the gate's own rule). The marks are what plain code saw: shared
words, named files, an order to the planner. What is typed by users or tools can't write a token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agent.answer import Attachment
from agent.calling import takes
from agent.gemma import PlanRequest
from agent.gemma.embedded.clauses import STUDIES, Picked, clauses, picks
from agent.gemma.embedded.concepts import find
from agent.gemma.embedded.matching import matches
from agent.gemma.embedded.plainly import simplify
from agent.gemma.embedded.reading import INTENTS, Reading, Wish
from agent.toolbox import ToolInfo
from agent.wording import (
    ABOUT,
    COMPARE,
    DEFINITION,
    GREETING,
    IDENTITY,
    MODALITIES,
    ONLY,
    OUT_OF_SCOPE,
    plain,
    without_orders,
)

__all__ = [
    "ATTACHMENTS",
    "SLOTS",
    "SPECIAL",
    "asked_text",
    "catalogue_text",
    "parse",
    "shortlist",
    "slots_of",
    "written",
]

SLOTS = tuple(f"<T{number}>" for number in range(1, 33))
ATTACHMENTS = tuple(f"<A{number}>" for number in range(1, 27))
_INTENTS = tuple(f"<{intent}>" for intent in INTENTS)
_PARTS = ("<pad>", "<bos>", "<tools>", "<files>", "<past>", "<ask>", "<marks>", "<plan>", "<end>")
_WISHES = ("<any>", "<all>", "<pair>")
_ACTIONS = ("<call>", "<answer>", "<clarify>", "<refuse>")
_MARKS = (
    "<m1>", "<m2>", "<m3>", "<m4>", "<denied>", "<named>", "<left>", "<near>", "<far>", "<none>",
    "<c>",
)  # fmt: skip
_PATTERNS = {
    "<only>": ONLY,
    "<compare>": COMPARE,
    "<greets>": GREETING,
    "<asks>": ABOUT,
    "<defines>": DEFINITION,
    "<outside>": OUT_OF_SCOPE,
    "<who>": IDENTITY,
}
SPECIAL = (
    *_PARTS, *SLOTS, *ATTACHMENTS, *_INTENTS, *_WISHES, *_ACTIONS, *_MARKS, *_PATTERNS, "<orders>",
)  # fmt: skip
"""Tokens that text can't spell, in the order of their numbers."""

_STEPS = (0.9, 1.9, 3.4)
"""Scores from which a match is marked m2, m3 and m4."""
_MATCHES_ALONE, _MATCHES = 4, 2
_CONCEPTS, _FILES_TOLD = 5, 4
_LONGEST_SAYING, _LONGEST_QUESTION, _LONGEST_TURN = 130, 400, 60


def shortlist(request: PlanRequest) -> list[ToolInfo]:
    """The tools to show: all where there are slots enough, else those that match best."""
    tools = list(request.catalogue.values())
    if len(tools) <= len(SLOTS):
        return tools
    rank = {one.tool: place for place, one in enumerate(matches(request.question, tools))}
    best = sorted(tools, key=lambda info: rank.get(info.name, len(tools)))[: len(SLOTS)]
    return [info for info in tools if info in best]


def slots_of(tools: Sequence[ToolInfo]) -> dict[str, str]:
    """The slot token of each tool, by name."""
    return {info.name: slot for info, slot in zip(tools, SLOTS, strict=False)}


def catalogue_text(tools: Sequence[ToolInfo], slots: Mapping[str, str]) -> str:
    """The first part of the prompt, the same for all questions to the same tools."""
    said = [
        f"{slots[info.name]} {simplify(info.title)} : {_saying(info.description)}" for info in tools
    ]
    return f"<bos> <tools> {' '.join(said)}"


def asked_text(request: PlanRequest, slots: Mapping[str, str]) -> str:
    """The second part of the prompt: files, earlier turns, the question and the marks."""
    files = [_file(one, request.catalogue, slots) for one in request.attachments]
    past = [_turn(asked, told) for asked, told in request.history[-3:]]
    question = simplify(without_orders(plain(request.question)) or request.question)
    parts = [
        *(["<files>", *files] if files else []),
        *(["<past>", *past] if past else []),
        "<ask>", question[:_LONGEST_QUESTION],
        "<marks>", *_marks(request, slots), "<plan>",
    ]  # fmt: skip
    return " ".join(parts)


def written(reading: Reading, slots: Mapping[str, str]) -> str:
    """A reading as the model writes it."""
    words = [f"<{reading.intent}>"]
    for wish in reading.wishes:
        words.append(slots[wish.tool] if wish.tool else "<any>")
        if reading.intent == "read":
            words += [f"<{name}>" for name in wish.attachments] or ["<all>"]
            words += ["<pair>"] if wish.together else []
    return " ".join([*words, "<end>"])


def parse(words: Sequence[str], slots: Mapping[str, str]) -> Reading:
    """Read what the model wrote; the grammar has seen to its form."""
    tools = {slot: name for name, slot in slots.items()}
    intent, *rest = [word for word in words if word != "<end>"]
    wishes: list[Wish] = []
    for word in rest:
        if word == "<any>" or word in tools:
            wishes.append(Wish(tools.get(word)))
        elif word in ATTACHMENTS:
            last = wishes[-1]
            wishes[-1] = Wish(last.tool, (*last.attachments, word[1:-1]))
        elif word == "<pair>":
            wishes[-1] = Wish(wishes[-1].tool, wishes[-1].attachments, together=True)
    return Reading(next(one for one in INTENTS if f"<{one}>" == intent), tuple(wishes))


def _turn(asked: str, told: str) -> str:
    """An earlier question, and the action that it led to."""
    action = f"<{told.split(' ')[0]}>"
    return " ".join([simplify(asked)[:_LONGEST_TURN], *([action] if action in _ACTIONS else [])])


def _saying(description: str) -> str:
    text = simplify(description)
    return text if len(text) <= _LONGEST_SAYING else text[:_LONGEST_SAYING].rsplit(" ", 1)[0]


def _file(one: Attachment, catalogue: Mapping[str, ToolInfo], slots: Mapping[str, str]) -> str:
    seen = one.manifest
    if seen is None:
        return f"<{one.id}> unreadable"
    facts = (seen.kind, seen.modality, seen.body_part, seen.view, seen.laterality)
    words = [simplify(fact) for fact in facts if fact]
    takers = [slots[name] for name in slots if takes(catalogue[name], one)]
    return " ".join([f"<{one.id}>", *words, *takers])


def _marks(request: PlanRequest, slots: Mapping[str, str]) -> list[str]:
    text = plain(request.question)
    asked = without_orders(text)
    tools = [request.catalogue[name] for name in slots]
    parts = clauses(asked or text)
    most = _MATCHES_ALONE if len(parts) == 1 else _MATCHES
    marks: list[str] = []
    for part in parts:
        marks += _clause_marks(part, tools, slots, request.attachments, most)
    marks += ["<none>"] if _absent(asked or text, request.attachments) else []
    marks += [token for token, pattern in _PATTERNS.items() if re.search(pattern, asked)]
    ordered = "".join(asked.split()) != "".join(text.split())
    return [*marks, *(["<orders>"] if ordered else [])]


def _clause_marks(
    clause: str,
    tools: Sequence[ToolInfo],
    slots: Mapping[str, str],
    files: Sequence[Attachment],
    most: int,
) -> list[str]:
    """What a part of the question is about, which tools say so too, and which files it means."""
    marks: list[str] = [*find(clause).names[:_CONCEPTS]]
    for match in matches(clause, tools)[:most]:
        level = 1 + sum(match.score >= step for step in _STEPS)
        marks += [slots[match.tool], *([f"<m{level}>"] if match.score > 0 else [])]
        marks += ["<denied>"] if match.denied else []
    marks += _file_marks(picks(clause, files))
    return ["<c>", *marks] if marks else []


def _file_marks(one: Picked) -> list[str]:
    marks: list[str] = []
    told = (("<named>", one.named), ("<left>", one.left), ("<near>", one.near))
    for token, ids in told:
        if ids and len(ids) <= _FILES_TOLD:
            marks += [token, *(f"<{name}>" for name in sorted(ids, key=lambda i: int(i[1:])))]
    return [*marks, *(["<far>"] if one.far else [])]


def _absent(text: str, files: Sequence[Attachment]) -> bool:
    """Whether an attachment or a kind of study is named of which there is none."""
    ids = set(re.findall(r"\ba\d{1,2}\b", text))
    there = {one.manifest.modality for one in files if one.manifest}
    groups = [set(codes) for words, codes in MODALITIES.items() if re.search(words, text)]
    groups += [STUDIES[name] for name in find(text).names if name in STUDIES]
    absent = any(not there.intersection(codes) for codes in groups)
    return absent or bool(ids - {one.id.lower() for one in files})
