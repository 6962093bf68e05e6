"""A planner in plain code, for where no Gemma is at hand. It calls itself that in every answer.

It reads the words of the question and the kinds of the files, and no more: a question that needs
understanding is answered with a question back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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
from agent.gemma import Planner, PlanRequest
from agent.gemma.embedded.clauses import (
    STUDIES,
    THINGS,
    Picked,
    clauses,
    left_out,
    near,
    picked,
    picks,
)
from agent.gemma.embedded.concepts import find, matters, regions_of, weight_of
from agent.gemma.embedded.matching import Match, matches, shared_concepts
from agent.toolbox import ToolInfo
from agent.wording import (
    ABOUT,
    ADDRESSED,
    ADVICE,
    COMPARE,
    DEFINITION,
    GENOTYPES,
    GREETING,
    IDENTITY,
    MEANING,
    OUT_OF_SCOPE,
    deictic,
    modalities,
    plain,
    without_orders,
)

__all__ = ["RulePlanner", "planned", "told_instead"]

_ENOUGH = 0.8
"""What a tool's match with a part of a question must reach to be meant by it."""
_CERTAIN = 1.4
"""The same where the tool takes none of the files."""
_LOOKS = 0.5
"""The same for the tool for free questions, whose words are common ones."""
_OUTSIDE = frozenset(
    ("outlook", "what to do", "writing", "handling a file", "programming", "leisure", "law",
     "others' data")
)  # fmt: skip
"""Concepts of wishes that nothing here is for, where nothing else is spoken of."""
_OURSELVES = frozenset(
    ("system", "accuracy", "privacy", "formats", "abilities", "meaning", "courtesy")
)
"""Concepts of questions about the system, where nothing else is spoken of."""
_SHORT = 4
"""Words of a greeting where files are attached."""


class RulePlanner(Planner):
    """Plans from words and file kinds."""

    name = "rules (plain code, no language model)"

    async def plan(self, request: PlanRequest) -> Plan:
        """Write a plan; never fails."""
        return planned(request)


def planned(request: PlanRequest) -> Plan:
    """Plan by the rules."""
    text = without_orders(plain(request.question))
    return (
        _without_files(text, request) or earlier_calls(text, request) or _with_files(text, request)
    )


def told_instead(action: str, request: PlanRequest) -> str:
    """What is said where nobody is consulted: what this is for, and what it is not for."""
    if action == "refuse":
        return SCOPE
    text, tools = plain(request.question), list(request.catalogue.values())
    named = tools_named(text, tools) if re.search(f"{DEFINITION}|{MEANING}", text) else []
    return " ".join(f"{i.title}: {i.description}" for i in named) or about(tools)


def _without_files(text: str, request: PlanRequest) -> Plan | None:
    """Answer or refuse what needs no file, or None."""
    tools = list(request.catalogue.values())
    if not text or _outside(text, request):
        return say("refuse", SCOPE)
    if re.search(IDENTITY, text):
        return say("refuse", NO_IDENTITY)
    new = request.attachments if request.new is None else request.new
    greeted = re.search(GREETING, text) and not new and not tools_named(text, tools)
    if request.attachments:
        greeted = greeted and len(text.split()) <= _SHORT
    if re.search(ABOUT, text) or greeted or re.search(MEANING, text):
        return say("answer", told_instead("answer", request))
    defined = re.search(DEFINITION, text) and not request.attachments and not deictic(text)
    if defined and tools_named(text, tools):
        return say("answer", told_instead("answer", request))
    return _talk(text, request)


def _outside(text: str, request: PlanRequest) -> bool:
    """Whether the question is out of scope, and no part of it is for a file that is there."""
    if not re.search(OUT_OF_SCOPE, text) or _recorded(text, request):
        return False
    known = request.catalogue
    rest = [part for part in clauses(text) if not re.search(OUT_OF_SCOPE, part)]
    named = [
        known[one.tool]
        for part in rest
        for one in matches(part, list(known.values()))
        if one.score >= _ENOUGH
    ]
    return not any(plays_main_role(info, one) for info in named for one in request.attachments)


def _talk(text: str, request: PlanRequest) -> Plan | None:
    """Refuse or answer what speaks of nothing that a file or a tool could be about, or None."""
    told = find(text).names
    spoken = [name for name in matters(text) if weight_of(name) >= 1]
    if {*spoken} - {"drug"} or request.history or re.search(GENOTYPES, text):
        return None
    if _for_a_tool(text, request):
        return None
    if _OUTSIDE.intersection(told) or "drug" in spoken:
        return say("refuse", SCOPE)
    if _OURSELVES.intersection(told) and re.search(ADDRESSED, text):
        return say("answer", told_instead("answer", request))
    return None


def _for_a_tool(text: str, request: PlanRequest) -> bool:
    """Whether a tool is spoken of that could be called: without a file, or on one that is there."""
    known = request.catalogue
    found = matches(text, list(known.values()))
    named = [known[one.tool] for one in found if one.score >= _ENOUGH]
    return any(
        info.accepts is None or any(plays_main_role(info, one) for one in request.attachments)
        for info in named
        if not asks(info)
    )


def _recorded(text: str, request: PlanRequest) -> bool:
    """Whether it is asked what a record has, and not what should be done."""
    held = any(one.manifest and one.manifest.kind == "record" for one in request.attachments)
    return held and not re.search(ADVICE, text)


def _with_files(text: str, request: PlanRequest) -> Plan:
    absent = set(re.findall(r"\ba\d+\b", text)) - {one.id.lower() for one in request.attachments}
    if absent and request.attachments:
        return say("clarify", f"There is no attachment {', '.join(sorted(absent)).upper()}.")
    files = _restricted(text, request)
    tools = list(request.catalogue.values())
    calls, unserved = _by_parts(text, files, request)
    if calls:
        return Plan(action="call", calls=tuple(calls), message=None)
    wanted = unserved or tools_named(text, tools)
    if not files:
        return say("clarify", needs(wanted))
    wrong = _wrong_modality(_without_left(text, request.attachments), files)
    if wrong is not None:
        return say("clarify", refusals(wanted, files) or wrong)
    if not wanted or {one.manifest.kind for one in files if one.manifest} == {"record"}:
        calls = calls_by_kind(files, tools, request.question)
    if not calls:
        told = refusals(wanted, files) or needs(wanted)
        return say("clarify", f"{told} {instead(files, tools)}".strip())
    return Plan(action="call", calls=tuple(calls), message=None)


def _by_parts(
    text: str, files: Sequence[Attachment], request: PlanRequest
) -> tuple[list[Call], list[ToolInfo]]:
    """Calls that the parts of a question name, and the tools that are wanted in vain."""
    tools = list(request.catalogue.values())
    calls: list[Call] = []
    unserved: list[ToolInfo] = []
    for part in clauses(text):
        meant = picks(part, request.attachments)
        ids = meant.named or meant.near
        mine = [one for one in files if one.id in ids or _beside(one, tools)]
        info = _spoken_of(part, tools, files, meant)
        if meant.left or _outside(part, request):
            made: list[Call] = []
        elif info is not None:
            made = _calls_for(info, mine, files, request)
            unserved += [] if made else [info]
        else:
            made = calls_by_kind(mine, tools, request.question) if ids else []
        calls += [one for one in made if one not in calls]
    if re.search(COMPARE, text):
        calls = _paired(calls, files, request)
    order = {one.id: place for place, one in enumerate(files)}
    calls.sort(key=lambda call: min((order[name] for name in call.attachments), default=-1))
    return calls, unserved


def _paired(calls: Sequence[Call], files: Sequence[Attachment], request: PlanRequest) -> list[Call]:
    """Calls of one tool on several files as one, where it can compare them."""
    paired: list[Call] = []
    for name in dict.fromkeys(call.tool for call in calls):
        own = [call for call in calls if call.tool == name]
        together = calls_of(request.catalogue[name], files, request.question, True)
        fits = len(own) > 1 and any(len(call.attachments) > 1 for call in together)
        paired += together if fits else own
    return paired


def _calls_for(
    info: ToolInfo, mine: Sequence[Attachment], files: Sequence[Attachment], request: PlanRequest
) -> list[Call]:
    if info.accepts is None:
        return [Call(tool=info.name, arguments=named_options(info, request.question))]
    fitting = any(plays_main_role(info, one) for one in mine)
    return calls_of(info, mine if fitting else files, request.question)


def _beside(one: Attachment, tools: Sequence[ToolInfo]) -> bool:
    """Whether a file only goes with another, such as a scoring file."""
    takers = [info for info in tools if takes(info, one)]
    return bool(takers) and not any(plays_main_role(info, one) for info in takers)


def _spoken_of(
    part: str, tools: Sequence[ToolInfo], files: Sequence[Attachment], meant: Picked
) -> ToolInfo | None:
    """The tool that a part of a question names; the free one for a finding of no other tool."""
    known = {info.name: info for info in tools}
    free = next((info for info in tools if asks(info)), None)
    found = matches(part, tools)
    named = [one for one in found if one.score >= _ENOUGH and not asks(known[one.tool])]
    names = find(part).names
    findings = {one for one in names if weight_of(one) >= 1 and one not in THINGS}
    elsewhere = {one for one in findings if regions_of(one) and not near(one, files)}
    if not findings and not meant.exactly and {"plane", "contrast"} & {*names}:
        return free
    for one in named:
        offered = shared_concepts(part, known[one.tool])
        if known[one.tool].accepts is None and any(weight_of(name) >= 2 for name in offered):
            return known[one.tool]
    for one in named:
        shared = {*shared_concepts(part, known[one.tool])}
        if not findings - elsewhere or findings & shared:
            fits = any(takes(known[one.tool], file) for file in files)
            if fits or (one.score >= _CERTAIN and not _denied(found, known, files)):
                return known[one.tool]
    there = bool(meant.named or meant.near or len(files) == 1)
    if findings and there and (not meant.far or _denied(found, known, files)):
        return free if any(regions_of(one) for one in findings) else None
    if not named and any(one.score >= _LOOKS and asks(known[one.tool]) for one in found):
        return free
    return None


def _denied(
    found: Sequence[Match], known: Mapping[str, ToolInfo], files: Sequence[Attachment]
) -> bool:
    """Whether a tool that takes a file says that it is not for this."""
    denying = [known[one.tool] for one in found if one.denied]
    return any(takes(info, one) for info in denying for one in files)


def _restricted(text: str, request: PlanRequest) -> list[Attachment]:
    """The files that the question keeps to, less those that it leaves out."""
    readable = [one for one in in_play(text, request) if one.manifest is not None]
    left = left_out(text, readable)
    kept = picked(text, readable) - left
    asked = modalities(text)
    if not kept and request.earlier:
        kept = frozenset(o.id for o in readable if o.manifest and o.manifest.modality in asked)
    if kept:
        tools = list(request.catalogue.values())
        return [one for one in readable if one.id in kept or _beside(one, tools)]
    return [one for one in readable if one.id not in left]


def _without_left(text: str, files: Sequence[Attachment]) -> str:
    """The parts of the question that leave no file out."""
    return ". ".join(part for part in clauses(text) if not picks(part, files).left)


def _wrong_modality(text: str, files: Sequence[Attachment]) -> str | None:
    """Say so if the question names a kind of study and none of the files is one."""
    named = [STUDIES[name] for name in find(text).names if name in STUDIES]
    asked = modalities(text).union(*named)
    kinds = {one.manifest.kind for one in files if one.manifest}
    if re.search(GENOTYPES, text) and "variants" in kinds:
        return None
    there = {one.manifest.modality for one in files if one.manifest}
    if not asked or asked & there:
        return None
    kind = ", ".join(sorted(code or "unknown" for code in there))
    return f"The question is about {' or '.join(sorted(asked))}, but the files are: {kind}."
