"""Files become attachments A1, A2, …; what identifies the patient stays behind."""

from __future__ import annotations

from langgraph.runtime import Runtime

from agent.answer import Attachment, Failure
from agent.state import JSON, Consultation, State, dump
from agent.toolbox import Toolbox
from specialists.errors import WardroundError
from specialists.schema import InspectedFile

__all__ = ["intake"]

_PER_QUESTION: State = {
    "rounds": 0,
    "more": False,
    "prompts": [],
    "done": [],
    "evidence": [],
    "facts": {},
    "models": {},
    "pictures": [],
    "failures": [],
    "reused": [],
    "not_assessed": [],
    "caveats": [],
    "statements": [],
    "rejected": [],
    "dropped": [],
    "attempts": 0,
    "composer": "",
}


async def intake(state: State, runtime: Runtime[Consultation]) -> State:
    """Inspect the files of the question and add them to the thread's attachments."""
    toolbox, sources = runtime.context.toolbox, state.get("sources", [])
    given = list(dict.fromkeys(state.get("files", [])))
    lost = [name for name in sources if not toolbox.knows(name) and name not in given]
    seen, failures = await _inspect(lost, toolbox)
    fresh, faults = await _inspect(given, toolbox)
    failures += faults
    known = {one["handle"]: one for one in state.get("attachments", [])}
    for one in seen + fresh:
        if one.handle not in known:
            known[one.handle] = _attachment(len(known) + 1, one)
        if one.manifest is None:
            failures.append(_unreadable(one, known[one.handle]["id"]))
    return {
        **_PER_QUESTION,
        "attachments": list(known.values()),
        "files": [],
        "new": [known[one.handle]["id"] for one in fresh],
        "sources": list(dict.fromkeys([*sources, *given])),
        "failures": dump(failures),
    }


def _attachment(number: int, one: InspectedFile) -> JSON:
    attachment = Attachment(id=f"A{number}", handle=one.handle, manifest=one.manifest)
    return attachment.model_dump(mode="json")


async def _inspect(names: list[str], toolbox: Toolbox) -> tuple[list[InspectedFile], list[Failure]]:
    """Look at all files in one call; where one name is refused, look at each by itself."""
    if not names:
        return [], []
    try:
        return list((await toolbox.inspect(names)).files), []
    except WardroundError as error:
        if len(names) == 1:
            return [], [_refused(error)]
    seen: list[InspectedFile] = []
    failures: list[Failure] = []
    for name in names:
        one, failed = await _inspect([name], toolbox)
        seen += one
        failures += failed
    return seen, failures


def _refused(error: WardroundError) -> Failure:
    return Failure(tool="inspect_files", code=error.code, message=error.client_message)


def _unreadable(one: InspectedFile, attachment: str) -> Failure:
    return Failure(
        tool="inspect_files",
        attachment=attachment,
        code=one.error_code or "unreadable_file",
        message=one.error or "The file could not be read.",
    )
