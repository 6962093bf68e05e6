"""The tool `consult`: the agent behind MCP, with progress, and questions back to the user."""

from __future__ import annotations

import json
from collections.abc import Callable

from fastmcp.server.context import Context
from fastmcp.server.dependencies import get_context
from fastmcp.tools import InputRequiredToolResult, Tool, ToolResult
from mcp_types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ResourceLink,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.agent import Agent, Event
from agent.answer import Answer
from agent.app.resource import APP_META
from agent.export.markdown import to_markdown
from tools.progress import Rising
from tools.server import checked_tool

__all__ = ["ConsultArguments", "consult_tool"]

_DESCRIPTION = (
    "Answers a clinical question about files: plans which specialists to consult, consults them, "
    "and gives an answer in which every statement cites evidence that was checked. Use it for "
    "questions; use a specialist's own tool when you know exactly which one you want. It gives "
    "no treatment advice."
)
_MOST_REPLIES = 2
_ASKED = "clarification"
_SHARE_BEFORE, _SHARE_OF_TOOLS = 0.1, 0.8


class ConsultArguments(BaseModel):
    """Arguments of `consult`."""

    model_config = ConfigDict(extra="forbid", title="consult")

    question: str = Field(min_length=2, max_length=4000, description="In words.")
    files: list[str] = Field(
        default=[], description="Paths under an allowed root, or handles from inspect_files."
    )
    thread: str | None = Field(
        default=None, description="Continue, or begin, a conversation of this name."
    )
    second_reader: bool = Field(
        default=False, description="Have another model of each tool read too, and compare."
    )


class Reply(BaseModel):
    """What the user is asked for where a question can't be acted on."""

    model_config = ConfigDict(extra="ignore")

    answer: str = Field(default="", max_length=2000, title="Answer", description="In words.")
    file: str = Field(
        default="",
        max_length=4096,
        title="File",
        description="Where one is asked for: a path under an allowed root, or a handle.",
    )

    def __bool__(self) -> bool:
        return bool(self.answer.strip() or self.file.strip())


def consult_tool(agent_here: Callable[[], Agent]) -> Tool:
    """Make the tool.

    Args:
        agent_here: Gives the agent of whoever is calling.
    """

    async def consult(given: ConsultArguments) -> ToolResult:
        context, agent = get_context(), agent_here()
        replies, progress = _replies_before(context), _Progress(context)
        while True:
            answer = await _asked(agent, _with(given, replies), progress)
            if answer.action != "clarify" or len(replies) >= _MOST_REPLIES or not _asks(context):
                return _result(answer)
            message = answer.message or "Please say more about what you want to know."
            if _modern(context):
                return _question_back(message, replies)
            reply = await _elicited(message, context)
            if not reply:
                return _result(answer)
            replies = [*replies, reply]

    return checked_tool(
        ConsultArguments,
        consult,
        name="consult",
        title="Consult",
        description=_DESCRIPTION,
        output_schema=Answer.model_json_schema(mode="serialization"),
        meta=APP_META,
    )


def _with(given: ConsultArguments, replies: list[Reply]) -> ConsultArguments:
    """The question and its files, with what the user added when asked."""
    words = [given.question, *(one.answer.strip() for one in replies if one.answer.strip())]
    files = [*given.files, *(one.file.strip() for one in replies if one.file.strip())]
    return given.model_copy(update={"question": "\n".join(words), "files": files})


async def _asked(agent: Agent, given: ConsultArguments, progress: _Progress) -> Answer:
    async for event in agent.stream(
        given.question, given.files, thread=given.thread, second_reader=given.second_reader
    ):
        if event.answer is not None:
            return event.answer
        await progress.tell(event)
    raise RuntimeError("the graph ended without an answer")


class _Progress:
    """Tells the client how far a consultation is; what it tells rises, over all its rounds."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shares: dict[str, float] = {}
        self._rising = Rising()

    async def tell(self, event: Event) -> None:
        if event.kind == "progress":
            self._shares[event.text] = event.share
        mean = sum(self._shares.values()) / len(self._shares) if self._shares else 0.0
        done = _SHARE_BEFORE + _SHARE_OF_TOOLS * mean
        said = f"{event.text}: {event.detail}" if event.detail else event.text
        await self._context.report_progress(self._rising.next(done), 1.0, said)


def _result(answer: Answer) -> ToolResult:
    links = [
        ResourceLink(type="resource_link", uri=one.uri, name=one.title, mime_type=one.media_type)
        for one in answer.pictures
    ]
    text = TextContent(type="text", text=to_markdown(answer))
    return ToolResult(content=[text, *links], structured_content=answer.model_dump(mode="json"))


def _asks(context: Context) -> bool:
    """Whether the client can put a question to its user."""
    capabilities = context.session.client_capabilities
    return capabilities is not None and capabilities.elicitation is not None


def _modern(context: Context) -> bool:
    request = context.request_context
    return request is not None and request.protocol_version in MODERN_PROTOCOL_VERSIONS


def _question_back(message: str, replies: list[Reply]) -> ToolResult:
    """A round of a request that goes on when the client comes back with the reply."""
    schema = Reply.model_json_schema()
    params = ElicitRequestFormParams(message=message, requested_schema=schema)
    state = json.dumps([one.model_dump() for one in replies])
    return InputRequiredToolResult(
        InputRequiredResult(
            input_requests={_ASKED: ElicitRequest(params=params)}, request_state=state
        )
    )


def _replies_before(context: Context) -> list[Reply]:
    """What the user has said in earlier rounds of this request."""
    given = (context.input_responses or {}).get(_ASKED)
    if not isinstance(given, ElicitResult):
        return []
    try:
        before = [Reply.model_validate(one) for one in json.loads(context.request_state or "[]")]
        last = Reply.model_validate(given.content or {}) if given.action == "accept" else Reply()
    except (ValueError, ValidationError):
        return []
    # Where the user did not want to say more, no further question is put.
    return [*before, last] if last else [*before, *[Reply()] * _MOST_REPLIES]


async def _elicited(message: str, context: Context) -> Reply | None:
    asked = await context.elicit(message, Reply)
    return asked.data if asked.action == "accept" else None
