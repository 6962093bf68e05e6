"""A specialist's spec becomes an MCP tool: schema, annotations, progress, errors."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from fastmcp.server.dependencies import get_context
from fastmcp.tools import Tool, ToolResult
from mcp_types import ResourceLink, TextContent, ToolAnnotations
from pydantic import BaseModel, PrivateAttr, ValidationError

from specialists.acceptance import assign_roles
from specialists.base import Progress, Reading, Request, Source, SpecialistSpec
from specialists.errors import InvalidInput, NotAccepted, TimedOut, WardroundError
from specialists.offer import backends_here, offered, patience_s
from specialists.schema import Data, SpecialistResult
from tools.calls import Report, key_of
from tools.files import FileStore
from tools.names import is_handle
from tools.progress import Rising
from tools.recognition import complete
from tools.recording import fill_records
from tools.workshop import Workshop

__all__ = [
    "ERROR_KEY",
    "CheckedTool",
    "SpecialistTool",
    "checked_tool",
    "error_result",
    "specialist_tool",
    "told",
]

logger = logging.getLogger(__name__)

Model = TypeVar("Model", bound=BaseModel)

ERROR_KEY = "wardround/error"
"""Key of a failed result's `_meta`: code, message, retryable."""

READ_ONLY = ToolAnnotations(
    read_only_hint=True, idempotent_hint=True, destructive_hint=False, open_world_hint=False
)

_FILES = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "description": "Paths under an allowed root, or handles from inspect_files.",
}


class CheckedTool(Tool):
    """A tool whose arguments are checked here: an error names the argument, never its value."""

    _arguments: type[BaseModel] = PrivateAttr()
    _work: Callable[[Any], Awaitable[ToolResult]] = PrivateAttr()

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Answer a call; every failure becomes an error result with a code."""
        try:
            return await self._work(validated(self._arguments, arguments))
        except Exception as error:  # noqa: BLE001 - the process's edge: logged and mapped
            return error_result(error)


def checked_tool(
    arguments: type[BaseModel], work: Callable[[Any], Awaitable[ToolResult]], **described: Any
) -> CheckedTool:
    """Make a tool.

    Args:
        arguments: Model of the arguments; its schema is the tool's.
        work: Called with an instance of `arguments`.
        described: Name, title, description and output schema, as `Tool` takes them.
    """
    schema = arguments.model_json_schema()
    tool = CheckedTool(parameters=schema, annotations=READ_ONLY, **described)
    tool._arguments, tool._work = arguments, work
    return tool


class SpecialistTool(Tool):
    """The MCP face of one specialist."""

    _spec: SpecialistSpec = PrivateAttr()
    _shop: Workshop = PrivateAttr()

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Answer a call; every failure becomes an error result with a code."""
        try:
            return await self._answer(arguments)
        except Exception as error:  # noqa: BLE001 - the process's edge: logged and mapped
            return error_result(error)

    async def _answer(self, arguments: dict[str, Any]) -> ToolResult:
        names = _file_names(arguments)
        options = {name: value for name, value in arguments.items() if name != "files"}
        request = validated(self._spec.request, options)
        shop, context = self._shop.here(), get_context()

        async def work(report: Report) -> ToolResult:
            return await self._worked(shop, names, request, report)

        key = key_of(context, self.name, arguments)
        if key is not None:
            return await shop.calls.once(key, context, work)
        return await work(lambda share, told: context.report_progress(share, 1.0, told))

    async def _worked(
        self, shop: Workshop, names: Sequence[str], request: Request, report: Report
    ) -> ToolResult:
        started = time.perf_counter()
        work = partial(self._read, shop, names, request, _progress_to(report))
        try:
            patience = patience_s(self._spec, request.backend)
            with anyio.fail_after(patience):
                reading = await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
        except TimeoutError:
            limit = f"{patience:g} s"
            raise TimedOut(f"{self.name} took longer than the {limit} it may.") from None
        links: dict[str, tuple[Data, ...]] = {
            "pictures": tuple(shop.pictures.keep(picture) for picture in reading.pictures)
        }
        if reading.masks:
            links["masks"] = tuple(shop.pictures.keep_mask(mask) for mask in reading.masks)
        if reading.tables:
            links["tables"] = tuple(shop.pictures.keep_table(table) for table in reading.tables)
        return _tool_result(_complete(reading, links, time.perf_counter() - started))

    def _read(
        self, shop: Workshop, names: Sequence[str], request: Request, progress: Progress
    ) -> Reading:
        """Runs in a thread: find the files, give them their roles, let the backend read."""
        inputs = self._inputs(shop.files, names)
        fill_records(shop.files, inputs, request)
        request = self._with_files_resolved(shop.files, request, inputs)
        return shop.host.read(self._spec, inputs, request, progress)

    def _inputs(self, files: FileStore, names: Sequence[str]) -> dict[str, list[Source]]:
        held = [complete(files, one) for one in files.find(names)]
        roles, reasons = assign_roles(self._spec.accepts, [one.manifest for one in held])
        if reasons:
            raise NotAccepted(" ".join(dict.fromkeys(reasons)))
        inputs: dict[str, list[Source]] = {}
        for role, one in zip(roles, held, strict=True):
            inputs.setdefault(str(role), []).append(one.source)
        missing = [a for a in self._spec.accepts if a.required and a.role not in inputs]
        if missing:
            wanted = "; ".join(f"{accepts.role}: {accepts.description}" for accepts in missing)
            raise InvalidInput(f"A file is missing. {self.name} needs {wanted}.")
        return inputs

    def _with_files_resolved(
        self, files: FileStore, request: Request, inputs: dict[str, list[Source]]
    ) -> Request:
        """Move an option that names a file (a scoring file, say) to the role of its name."""
        roles = {accepts.role for accepts in self._spec.accepts}
        for option in roles & set(type(request).model_fields):
            name = getattr(request, option)
            if isinstance(name, str) and option not in inputs and self._names_a_file(name):
                inputs[option] = self._inputs_of_role(files, option, name)
                request = request.model_copy(update={option: None})
        return request

    def _names_a_file(self, name: str) -> bool:
        return is_handle(name) or "/" in name or "\\" in name or Path(name).suffix != ""

    def _inputs_of_role(self, files: FileStore, role: str, name: str) -> list[Source]:
        accepts = [one for one in self._spec.accepts if one.role == role]
        held = files.find([name])
        _, reasons = assign_roles(accepts, [one.manifest for one in held])
        if reasons:
            raise NotAccepted(f"{role}: {reasons[0]}")
        return [one.source for one in held]


def specialist_tool(spec: SpecialistSpec, shop: Workshop) -> SpecialistTool:
    """Make the MCP tool of a specialist, told of as what would answer here."""
    spec = offered(spec, shop.host)
    tool = SpecialistTool(
        name=spec.name,
        title=spec.title,
        description=spec.description,
        parameters=_parameters(spec.request),
        output_schema=spec.result.model_json_schema(mode="serialization"),
        annotations=READ_ONLY,
        meta={"wardround": _catalogue_entry(spec)},
    )
    tool._spec, tool._shop = spec, shop
    return tool


def told(error: Exception) -> dict[str, Any]:
    """What a caller is told of an error: code, message, and whether trying again can help.

    What is not of our tree is logged by class and place, without its message, which may hold
    patient data.
    """
    if not isinstance(error, WardroundError):
        places = traceback.extract_tb(error.__traceback__)[-3:]
        trail = " < ".join(f"{Path(p.filename).name}:{p.lineno}" for p in reversed(places))
        logger.error("unexpected %s at %s", type(error).__name__, trail)
        error = WardroundError("Something went wrong inside the tool; the server's log has more.")
    return {"code": error.code, "message": error.client_message, "retryable": error.retryable}


def error_result(error: Exception) -> ToolResult:
    """The one place where an error becomes a tool's result."""
    said = told(error)
    text = TextContent(type="text", text=f"{said['code']}: {said['message']}")
    return ToolResult(content=[text], meta={ERROR_KEY: said}, is_error=True)


def _parameters(request: type[Request]) -> dict[str, Any]:
    schema = request.model_json_schema()
    properties = {"files": _FILES, **schema.get("properties", {})}
    required = ["files", *schema.get("required", [])]
    extra = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **extra,
    }


def _catalogue_entry(spec: SpecialistSpec) -> dict[str, Any]:
    """What the agent's gate and planner need to know, beside the schema."""
    return {
        "accepts": [accepts.model_dump(mode="json") for accepts in spec.accepts],
        "takes": spec.takes,
        "gives": spec.gives,
        "findings": list(spec.findings),
        "keywords": list(spec.keywords),
        "backends": backends_here(spec),
        "timeout_s": spec.timeout_s,
        "labels": {name: list(known) for name, known in spec.labels.items()},
        "positive": list(spec.positive),
        **({"option_words": _option_words(spec)} if spec.option_words else {}),
        **({"one_call_each": spec.one_call_each} if spec.one_call_each else {}),
        "label_options": {name: dict(options) for name, options in spec.label_options.items()},
    }


def _option_words(spec: SpecialistSpec) -> dict[str, dict[str, list[str]]]:
    return {
        option: {value: list(words) for value, words in values.items()}
        for option, values in spec.option_words.items()
    }


def _file_names(arguments: Mapping[str, Any]) -> list[str]:
    names = arguments.get("files")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise InvalidInput("files: a list of at least one path or handle is needed.")
    return names


def validated(model: type[Model], arguments: Mapping[str, Any]) -> Model:
    """Check arguments against their model.

    Raises:
        InvalidInput: Naming the arguments at fault and those there are, and no value.
    """
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as error:
        told = "; ".join(_fault(fault) for fault in error.errors(include_input=False))
        known = ", ".join(model.model_fields)
        raise InvalidInput(f"{told}. The options are: {known}.") from None


def _fault(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "options"
    return f"{where}: {fault['msg']}"


def _progress_to(report: Report) -> Progress:
    """A function for the working thread that reports on the event loop.

    It raises in the thread once the call was cancelled, so that the work ends there.
    """
    rising = Rising()

    def told(share: float, message: str) -> None:
        anyio.from_thread.check_cancelled()
        anyio.from_thread.run(report, rising.next(share), message)

    return told


def _complete(
    reading: Reading, links: Mapping[str, tuple[Data, ...]], duration_s: float
) -> SpecialistResult:
    provenance = reading.result.provenance.model_copy(update={"duration_s": round(duration_s, 3)})
    return reading.result.model_copy(update={**links, "provenance": provenance})


def _tool_result(result: SpecialistResult) -> ToolResult:
    links = [
        ResourceLink(type="resource_link", uri=link.uri, name=link.title, mime_type=link.media_type)
        for link in (
            *result.pictures,
            *getattr(result, "masks", ()),
            *getattr(result, "tables", ()),
        )
    ]
    text = TextContent(type="text", text=result.summary)
    return ToolResult(content=[text, *links], structured_content=result.model_dump(mode="json"))
