"""From what is wanted to calls: which file plays which part, and what to say where none can.

Plain code over manifests and the tools' own rules, shared by the planners.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agent.answer import Attachment, Call, Plan
from agent.toolbox import ToolInfo
from agent.wording import ABOUT, COMPARE, has, plain
from specialists.acceptance import assign_roles, refusal

if TYPE_CHECKING:
    from agent.gemma import PlanRequest

__all__ = [
    "NO_IDENTITY",
    "SCOPE",
    "about",
    "asks",
    "calls_by_kind",
    "calls_of",
    "instead",
    "meant_options",
    "named_options",
    "needs",
    "pertinent",
    "plays_main_role",
    "refusals",
    "say",
    "takes",
]

_FREE_TEXT = ("question", "query", "text", "prompt", "request", "message", "topic", "search")

SCOPE = (
    "This is not what these tools are for: they read studies and genotypes, and give no "
    "treatment, prescription or other advice."
)


NO_IDENTITY = "Who a file is of is not read, kept or told here."


def calls_by_kind(
    files: Sequence[Attachment],
    tools: Iterable[ToolInfo],
    question: str,
    together: bool | None = None,
) -> list[Call]:
    """The first tool that takes each file; one for free questions only where no other does."""
    shared: dict[str, list[Attachment]] = {}
    known = {info.name: info for info in sorted(tools, key=asks)}
    for one in files:
        first = next((i for i in known.values() if takes(i, one) and plays_main_role(i, one)), None)
        if first is not None:
            shared.setdefault(first.name, []).append(one)
    beside = [one for one in files if not any(one in own for own in shared.values())]
    return [
        call
        for name, own in shared.items()
        for call in calls_of(known[name], [*own, *beside], question, together)
    ]


def calls_of(
    info: ToolInfo, files: Sequence[Attachment], question: str, together: bool | None = None
) -> list[Call]:
    """One call a main file, with the files that play the optional roles; or one call to compare.

    Args:
        info: The tool.
        files: Those that it does not take are left out.
        question: In the user's words; options that it names are passed on.
        together: Whether two files are to be compared; None: the words tell.
    """
    fitting = [one for one in files if takes(info, one)]
    main = [one for one in fitting if plays_main_role(info, one)]
    beside = [one for one in fitting if one not in main]
    extra = [one.id for one in beside]
    if together is None:
        together = re.search(COMPARE, plain(question)) is not None
    arguments = meant_options(info, question, beside) | named_options(info, question)
    if len(main) == 2 and together and _fit_together(info, main):
        main_ids = [tuple(one.id for one in main)]
    else:
        main_ids = [(one.id,) for one in main]
    return [
        Call(tool=info.name, attachments=(*ids, *extra), arguments=arguments | each)
        for ids in main_ids
        for each in _each_meant(info, question)
    ]


def pertinent(request: PlanRequest) -> PlanRequest:
    """Leave out what reads records alone, where there is no record and none is spoken of.

    A record's words (history, medication, blood pressure) stand in many a question about a film.
    """
    text, kinds = (
        plain(request.question),
        {o.manifest.kind for o in request.attachments if o.manifest},
    )
    if "record" in kinds or re.search(ABOUT, text):
        return request
    kept = {
        name: info
        for name, info in request.catalogue.items()
        if {kind for one in info.accepts or () for kind in one.kinds} != {"record"}
        or any(has(text, word) for word in info.keywords)
    }
    return replace(request, catalogue=kept)


def _each_meant(info: ToolInfo, question: str) -> list[dict[str, Any]]:
    """Every value that the question means of the option that wants a call for each."""
    option, text = info.one_call_each, plain(question)
    values = info.option_words.get(option, {}) if option else {}
    meant = [value for value, words in values.items() if any(has(text, one) for one in words)]
    return [{str(option): value} for value in meant] or [{}]


def named_options(info: ToolInfo, question: str) -> dict[str, Any]:
    """Options that the question names with their value: 'sample 3', 'min overlap 0.5', 'lung'.

    A PGS Catalog id is the one value that is known by its form. A required text that stands for
    the question itself is the question.
    """
    text = plain(question)
    found: dict[str, Any] = _free_text(info, question)
    for name, field in info.options.get("properties", {}).items():
        if chosen := [value for value in _values(field) if has(text, value)][:1]:
            found[name] = chosen[0]
        kinds = {one.get("type") for one in field.get("anyOf", [field])}
        words = re.escape(name).replace("_", r"[ _-]?")
        number = re.search(rf"\b{words}(?: of| is|:| =|=)? ?(\d+(?:\.\d+)?)", text)
        if number and kinds & {"number", "integer"}:
            found[name] = float(number[1]) if "number" in kinds else int(float(number[1]))
    score = re.search(r"\bpgs\d{6}\b", text)
    if score and "score" in info.options.get("properties", {}):
        found["score"] = score[0].upper()
    return found


def meant_options(
    info: ToolInfo, question: str, beside: Sequence[Attachment] = ()
) -> dict[str, Any]:
    """Options that the question means without naming them: 'breast cancer' is a score's trait.

    Of several words for one option the longest counts. An option is left out where a file plays
    the role of its name.
    """
    text, found = plain(question), {}
    for option, values in info.option_words.items():
        held = [a for a in info.accepts or () if a.role == option]
        if any(one.manifest and refusal(a, one.manifest) is None for a in held for one in beside):
            continue
        said = [(len(word), value) for value, words in values.items() for word in words
                if has(text, word)]  # fmt: skip
        if said:
            found[option] = max(said)[1]
    return found


def _free_text(info: ToolInfo, question: str) -> dict[str, Any]:
    properties = info.options.get("properties", {})
    required = [name for name in info.options.get("required", ()) if name in _FREE_TEXT]
    return {name: question for name in required if properties[name].get("type") == "string"}


def _values(field: Mapping[str, Any]) -> list[str]:
    """The words that a field of fixed choices may have."""
    choices = [one.get("enum", ()) for one in field.get("anyOf", [field])]
    return [value for some in choices for value in some if isinstance(value, str)]


def asks(info: ToolInfo) -> bool:
    """Whether the tool answers free questions."""
    return "question" in info.options.get("required", ())


def takes(info: ToolInfo, one: Attachment) -> bool:
    """Whether the file may play any part in a call of the tool."""
    if one.manifest is None:
        return False
    return any(refusal(accepts, one.manifest) is None for accepts in info.accepts or ())


def plays_main_role(info: ToolInfo, one: Attachment) -> bool:
    """Whether the tool can be called because of this file."""
    accepts = [a for a in info.accepts or () if a.required]
    return one.manifest is not None and any(refusal(a, one.manifest) is None for a in accepts)


def _fit_together(info: ToolInfo, files: Sequence[Attachment]) -> bool:
    manifests = [one.manifest for one in files if one.manifest is not None]
    return not assign_roles(info.accepts or (), manifests)[1]


def refusals(wanted: Sequence[ToolInfo], files: Sequence[Attachment]) -> str:
    """Why the tools that the question wants don't take the files that are there."""
    told = []
    for info in wanted:
        for one in files:
            if one.manifest is not None and info.accepts:
                reasons = assign_roles(info.accepts, [one.manifest])[1]
                told += [f"{info.title} can't read {one.id}: {reason}" for reason in reasons]
    return " ".join(dict.fromkeys(told))


def instead(files: Sequence[Attachment], tools: Iterable[ToolInfo]) -> str:
    """Which tools with a model here do take the files, for the user to ask about."""
    ready = [info for info in tools if info.available and not asks(info)]
    pairs = [(one, [i.title for i in ready if takes(i, one)]) for one in files]
    return " ".join(f"{one.id} can be read by: {', '.join(n)}." for one, n in pairs if n)


def needs(wanted: Sequence[ToolInfo]) -> str:
    """What to attach for the tools that are wanted."""
    told = [f"{info.title} needs: {_wants(info)}." for info in wanted if info.accepts]
    return " ".join(told) or "Which file should be looked at? Please attach it."


def _wants(info: ToolInfo) -> str:
    return "; ".join(accepts.description for accepts in info.accepts or () if accepts.required)


def about(tools: Iterable[ToolInfo]) -> str:
    """What this system is and which tools it has."""
    named = "; ".join(f"{i.title} ({i.name})" for i in tools if i.available)
    return (
        "I consult specialist models about files that you attach, and say only what they said, "
        f"with a reference on every statement. Installed here: {named}."
    )


def say(action: str, message: str) -> Plan:
    """A plan without calls."""
    return Plan.model_validate({"action": action, "calls": (), "message": message})
