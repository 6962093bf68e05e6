"""A planner in plain code, for where no Gemma is at hand. It calls itself that in every answer.

It reads the words of the question and the kinds of the files, and no more: a question that needs
understanding is answered with a question back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.answer import Attachment, Plan
from agent.calling import (
    NO_IDENTITY,
    SCOPE,
    about,
    calls_by_kind,
    calls_of,
    instead,
    needs,
    refusals,
    say,
)
from agent.followup import earlier_calls, in_play, tools_named
from agent.gemma import Planner, PlanRequest
from agent.wording import (
    ABOUT,
    DEFINITION,
    GENOTYPES,
    GREETING,
    IDENTITY,
    MEANING,
    MODALITIES,
    NOT,
    ONLY,
    OUT_OF_SCOPE,
    deictic,
    excluded,
    modalities,
    plain,
    without_orders,
)

__all__ = ["RulePlanner", "planned", "told_instead"]

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
    if not text or re.search(OUT_OF_SCOPE, text):
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
    return None


def _with_files(text: str, request: PlanRequest) -> Plan:
    absent = set(re.findall(r"\ba\d+\b", text)) - {one.id.lower() for one in request.attachments}
    if absent and request.attachments:
        return say("clarify", f"There is no attachment {', '.join(sorted(absent)).upper()}.")
    left_out = excluded(text)
    text = re.sub("|".join(f"{NOT}(?:{words})" for words in MODALITIES), " ", text)
    named = _restricted(text, in_play(text, request), bool(request.earlier))
    kept = [one for one in named if one.manifest and one.manifest.modality not in left_out]
    files = kept or named
    wanted = tools_named(text, list(request.catalogue.values()))
    if not files:
        return say("clarify", needs(wanted))
    wrong = _wrong_modality(text, files)
    if wrong is not None:
        return say("clarify", refusals(wanted, files) or wrong)
    calls = [call for info in wanted for call in calls_of(info, files, request.question)]
    served = {name for call in calls for name in call.attachments}
    asked = modalities(text)
    left = [
        one
        for one in files
        if not wanted
        or (one.id not in served and one.manifest and one.manifest.modality in asked and calls)
    ]
    calls += calls_by_kind(left, request.catalogue.values(), request.question)
    if not calls:
        told = refusals(wanted, files) or needs(wanted)
        return say("clarify", f"{told} {instead(files, request.catalogue.values())}".strip())
    return Plan(action="call", calls=tuple(calls), message=None)


def _restricted(text: str, files: Sequence[Attachment], later: bool) -> list[Attachment]:
    """The files that the question names, where it names some; `later` in a conversation."""
    readable = [one for one in files if one.manifest is not None]
    named = [one for one in readable if re.search(rf"\b{one.id.lower()}\b", text)]
    if named:
        return named
    asked = modalities(text)
    fitting = [one for one in readable if one.manifest and one.manifest.modality in asked]
    if fitting and (later or re.search(ONLY, text)):
        return fitting
    return readable


def _wrong_modality(text: str, files: Sequence[Attachment]) -> str | None:
    """Say so if the question names a kind of study and none of the files is one."""
    asked = modalities(text)
    kinds = {one.manifest.kind for one in files if one.manifest}
    if re.search(GENOTYPES, text) and "variants" in kinds:
        return None
    there = {one.manifest.modality for one in files if one.manifest}
    if not asked or asked & there:
        return None
    kind = ", ".join(sorted(code or "unknown" for code in there))
    return f"The question is about {' or '.join(sorted(asked))}, but the files are: {kind}."
