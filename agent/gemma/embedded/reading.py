"""What the model says of a question, and the plan that follows from it.

Words decide what is wanted: the intent, the tools, the files that the question picks out. Headers
decide which of those files a wanted tool takes. The model does the first, plain code the second,
so that a call of a tool on a file that it does not take can't come out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from agent.answer import Attachment, Call, Plan
from agent.calling import (
    NO_IDENTITY,
    SCOPE,
    about,
    asks,
    calls_by_kind,
    calls_of,
    instead,
    named_options,
    needs,
    plays_main_role,
    refusals,
    say,
    takes,
)
from agent.followup import earlier_calls, in_play, tools_named
from agent.gemma import PlanRequest
from agent.gemma.embedded.clauses import clauses, left_out, picked, picks
from agent.gemma.embedded.matching import matches
from agent.gemma.embedded.weighing import newest_first, unserved
from agent.toolbox import ToolInfo
from agent.wording import COMPARE, NOT, ONLY, OTHER, modalities, plain, without_orders

__all__ = ["INTENTS", "Intent", "Reading", "Wish", "resolve"]

Intent = Literal[
    "read", "about", "define", "earlier", "scope", "identity", "order", "missing", "unclear"
]
INTENTS: tuple[Intent, ...] = get_args(Intent)


@dataclass(frozen=True)
class Wish:
    """One tool that is wanted, and on which files."""

    tool: str | None = None
    """None: whichever tool is made for the file."""
    attachments: tuple[str, ...] = ()
    """Empty: all that it takes."""
    together: bool = False
    """Whether two files are to be compared in one call."""


@dataclass(frozen=True)
class Reading:
    """What a question asks for."""

    intent: Intent
    wishes: tuple[Wish, ...] = ()
    """What to read; with another intent, the tools that the question is about."""


def resolve(reading: Reading, request: PlanRequest) -> Plan:
    """Write the plan that a reading of the question leads to."""
    match reading.intent:
        case "read":
            return _again(reading.wishes, request) or _read(reading.wishes, request)
        case "about":
            return say("answer", about(request.catalogue.values()))
        case "define":
            return say("answer", _definition(reading.wishes, request))
        case "earlier":
            return _again((), request) or say("answer", _earlier(request))
        case "identity":
            return say("refuse", NO_IDENTITY)
        case "scope" | "order":
            return say("refuse", SCOPE)
    return say("clarify", _asked(reading.wishes, request))


def _again(wishes: Sequence[Wish], request: PlanRequest) -> Plan | None:
    """The last calls once more, where a question leans on them and wants no other tool."""
    text = without_orders(plain(request.question))
    wanted = {wish.tool for wish in wishes} - {None}
    if wanted - {call.tool for call in request.earlier} or _others(text, request):
        return None
    again = earlier_calls(text, request)
    if again is None or not wanted:
        return again
    named = {one.tool for one in matches(text, list(request.catalogue.values())) if one.score > 0}
    meant = tuple(call for call in again.calls if call.tool in wanted & named)
    return again.model_copy(update={"calls": meant}) if meant else again


def _others(text: str, request: PlanRequest) -> frozenset[str]:
    """Files that the last calls left aside, where a question turns to the other one."""
    if not request.earlier or request.new or not re.search(OTHER, text):
        return frozenset()
    read = {name for call in request.earlier for name in call.attachments}
    tools = [request.catalogue[c.tool] for c in request.earlier if c.tool in request.catalogue]
    left = [one for one in request.attachments if one.id not in read]
    return frozenset(one.id for one in left if any(plays_main_role(info, one) for info in tools))


def _read(wishes: Sequence[Wish], request: PlanRequest) -> Plan:
    by_id = {one.id: one for one in request.attachments if one.manifest is not None}
    absent = _ids(request) - {one.id for one in request.attachments}
    if absent and by_id:
        return say("clarify", f"There is no attachment {', '.join(sorted(absent))}.")
    calls: list[Call] = []
    for wish in sorted(wishes, key=lambda one: _turn_of(one, request)):
        calls += _calls(wish, by_id, calls, request)
    if not calls:
        return say("clarify", _asked(wishes, request))
    if not any(wish.attachments or wish.together for wish in wishes):
        calls += _overlooked(calls, list(by_id.values()), request)
    order = {name: place for place, name in enumerate(by_id)}
    calls.sort(key=lambda call: min([order[name] for name in call.attachments], default=-1))
    distinct = [call for place, call in enumerate(calls) if call not in calls[:place]]
    return Plan(action="call", calls=tuple(distinct))


def _turn_of(wish: Wish, request: PlanRequest) -> int:
    """Specialists first, then the tool for free questions, then whatever takes what is left."""
    if wish.tool is None:
        return 2
    return int(asks(request.catalogue[wish.tool]))


def _overlooked(
    made: Sequence[Call], files: Sequence[Attachment], request: PlanRequest
) -> list[Call]:
    """Calls that the question names in a tool's own words, on files that no call reads.

    A model may lose one of several requests; not where the question picks out some files.
    """
    text = without_orders(plain(request.question))
    if re.search(f"{ONLY}|{COMPARE}", text) or request.earlier:
        return []
    if picked(text, request.attachments) or left_out(text, request.attachments):
        return []
    text = re.sub(rf"{NOT}\w+", " ", text)
    left = _unread(files, made)
    known = request.catalogue
    named = [info for info in tools_named(text, list(known.values())) if not asks(info)]
    calls = [call for info in named for call in calls_of(info, left, request.question)]
    kinds = modalities(text)
    left = [one for one in _unread(left, calls) if one.manifest and one.manifest.modality in kinds]
    return [*calls, *calls_by_kind(left, known.values(), request.question)]


def _unread(files: Sequence[Attachment], made: Sequence[Call]) -> list[Attachment]:
    served = {name for call in made for name in call.attachments}
    return [one for one in files if one.id not in served]


def _calls(
    wish: Wish, by_id: Mapping[str, Attachment], made: Sequence[Call], request: PlanRequest
) -> list[Call]:
    files = _meant(wish, by_id, request)
    if wish.tool is None:
        left = files if wish.attachments else _unread(files, made)
        return calls_by_kind(left, request.catalogue.values(), request.question, wish.together)
    info = request.catalogue[wish.tool]
    if info.accepts is None:
        return [Call(tool=info.name, arguments=named_options(info, request.question))]
    if asks(info):
        files = _for_questions(files, list(by_id.values()), made, request, bool(wish.attachments))
    if wish.together:
        files = newest_first(files, request)
    made_of = calls_of(info, files, request.question, wish.together)
    if not made_of and _only_left(info, by_id, request):
        return calls_by_kind(files, request.catalogue.values(), request.question)
    return made_of


def _only_left(info: ToolInfo, by_id: Mapping[str, Attachment], request: PlanRequest) -> bool:
    """Whether a tool was named for what it is not to read: the rest is meant."""
    left = left_out(without_orders(plain(request.question)), request.attachments)
    return any(plays_main_role(info, by_id[name]) for name in left if name in by_id)


def _meant(wish: Wish, by_id: Mapping[str, Attachment], request: PlanRequest) -> list[Attachment]:
    """The files that a wish is about: those it names, less what the question leaves out."""
    text = without_orders(plain(request.question))
    readable = list(by_id.values())
    left = left_out(text, request.attachments)
    kept = picked(text, request.attachments) - left or _others(text, request)
    files = [by_id[name] for name in wish.attachments if name in by_id]
    if not wish.attachments:
        files = readable if kept else [one for one in in_play(text, request) if one.id in by_id]
    files = [one for one in files if one.id not in left] or files
    if not kept or (wish.attachments and kept.issuperset(wish.attachments)):
        return files
    info = request.catalogue[wish.tool] if wish.tool else None
    tools = [info] if info else list(request.catalogue.values())
    chosen = [one for one in readable if one.id in kept or _beside(tools, one)]
    served = info is None or any(plays_main_role(info, one) for one in chosen)
    return chosen if served or not request.attachments else _otherwise(files, chosen, request)


def _beside(tools: Sequence[ToolInfo], one: Attachment) -> bool:
    """Whether a file only goes with another, such as a scoring file."""
    takers = [info for info in tools if takes(info, one)]
    return bool(takers) and not any(plays_main_role(info, one) for info in takers)


def _otherwise(
    files: Sequence[Attachment], chosen: Sequence[Attachment], request: PlanRequest
) -> list[Attachment]:
    """Where a wish takes no file that the question picks, and another part picks them: its own."""
    parts = clauses(without_orders(plain(request.question)))
    apart = any(not picks(part, request.attachments).named for part in parts)
    return list(files) if apart and len(parts) > 1 else list(chosen)


def _ids(request: PlanRequest) -> set[str]:
    """Ids of attachments that the question names, and not to leave them out."""
    text = plain(request.question)
    left_out = re.search(rf"{NOT}a\d+\b", text)
    return set() if left_out else {one.upper() for one in re.findall(r"\ba\d{1,2}\b", text)}


def _for_questions(
    files: Sequence[Attachment],
    everything: Sequence[Attachment],
    made: Sequence[Call],
    request: PlanRequest,
    told: bool,
) -> list[Attachment]:
    """A free question beside others is about the files that nothing else reads, if there are."""
    parts = unserved({call.tool for call in made}, request)
    close = {name for part in parts for name in _pointed(part, request)}
    pointed = [] if told else [one for one in files if one.id in close]
    left = pointed or _unread(files, made)
    if not made or left:
        return left
    if not parts:
        return []
    others = [info for info in request.catalogue.values() if not asks(info)]
    alone = [
        one for one in _unread(everything, made) if not any(takes(info, one) for info in others)
    ]
    return alone or list(files)


def _pointed(part: str, request: PlanRequest) -> frozenset[str]:
    """The files that a part of the question names or is about."""
    found = picks(part, request.attachments)
    return found.named or found.near


def _asked(wishes: Sequence[Wish], request: PlanRequest) -> str:
    """What to ask the user for."""
    wanted = [request.catalogue[one.tool] for one in wishes if one.tool is not None]
    named = {name for one in wishes for name in one.attachments}
    files = [one for one in request.attachments if not named or one.id in named]
    told = refusals(wanted, files) or needs(wanted)
    return f"{told} {instead(files, request.catalogue.values())}".strip()


def _definition(wishes: Sequence[Wish], request: PlanRequest) -> str:
    named: list[ToolInfo] = [request.catalogue[one.tool] for one in wishes if one.tool]
    told = " ".join(f"{info.title}: {info.description}" for info in named)
    return told or (
        "Definitions of my own are not given here: what I say comes from specialist models that "
        f"read files. {about(request.catalogue.values())}"
    )


def _earlier(request: PlanRequest) -> str:
    asked = "; ".join(f"“{question}”" for question, _ in request.history[-3:])
    return f"What was found stands in the answers to: {asked}." if asked else about([])
