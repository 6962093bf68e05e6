"""The specialists' MCP server: stdio and streamable HTTP, all tools or some."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import anyio.to_thread
from fastmcp import FastMCP
from fastmcp.exceptions import ResourceError
from fastmcp.resources import ResourceContent, ResourceResult
from fastmcp.tools import Tool, ToolResult
from mcp.server.request_state import RequestStateSecurity
from mcp_types import TextContent
from pydantic import BaseModel, ConfigDict, Field

from specialists.base import SpecialistSpec
from specialists.errors import BackendUnavailable, NotAuthorised, UnknownHandle
from specialists.host import Host
from specialists.registry import spec_of
from specialists.registry import specs as registered
from specialists.schema import InspectedFile, Inspection
from tools.adapter import checked_tool, specialist_tool
from tools.dicomweb import FoundStudies, FoundStudy, StudyQuery
from tools.inspect import inspect_files
from tools.pictures import PictureStore
from tools.workshop import Workshop

__all__ = ["Workshop", "backend_states", "build_server", "checked_tool", "tool_names"]

_INSTRUCTIONS = (
    "Specialist models for medical images and genotypes. Call inspect_files first: it says what "
    "each file is, which tools take it, and gives a handle to use instead of the path. Results "
    "are for a qualified reader to check; they are no diagnosis."
)


class InspectArguments(BaseModel):
    """Arguments of `inspect_files`."""

    model_config = ConfigDict(extra="forbid", title="inspect_files")

    files: list[str] = Field(min_length=1, description="Paths under an allowed root, or handles.")


def build_server(
    *,
    only: Sequence[str] = (),
    specs: Mapping[str, SpecialistSpec] | None = None,
    workshop: Workshop | None = None,
    lifespan: Any = None,
    state_key: bytes | None = None,
) -> FastMCP[Any]:
    """Build the server over the registry.

    Args:
        only: Tools of the registry to serve; all when empty.
        specs: Specialists to serve instead of the registry's, where `only` is empty.
        workshop: Allowed roots, models and pictures; without one, no file may be named.
        lifespan: FastMCP's hook for what lives as long as the server.
        state_key: Seals what clients bring back between the rounds of a request; the same in all
            processes that may get the next round. None: one of this process.

    Raises:
        UnknownTool: If `only` names a tool that is not registered.
    """
    served = {name: spec_of(name) for name in only} or specs or registered()
    shop = workshop or Workshop()
    server: FastMCP[Any] = FastMCP(
        "wardround",
        version=version("wardround"),
        instructions=_INSTRUCTIONS,
        mask_error_details=True,
        lifespan=lifespan,
        request_state_security=RequestStateSecurity(keys=[state_key]) if state_key else None,
    )
    server.add_tool(_inspect_tool(shop, served))
    if shop.files.archive is not None:
        server.add_tool(_find_tool(shop))
    for spec in served.values():
        server.add_tool(specialist_tool(spec, shop))
    _add_pictures(server, shop)
    return server


def tool_names() -> list[str]:
    """Names of the specialists' tools."""
    return list(registered())


def backend_states() -> dict[str, str]:
    """Say for each specialist which backend 'auto' would take here, or what is missing."""
    host = Host()
    states = {}
    for name, spec in registered().items():
        try:
            states[name] = host.choose(spec).name
        except BackendUnavailable as error:
            states[name] = error.client_message
    return states


def _inspect_tool(shop: Workshop, specs: Mapping[str, SpecialistSpec]) -> Tool:
    async def inspect(given: InspectArguments) -> ToolResult:
        look = partial(inspect_files, shop.here().files, specs, given.files)
        seen = await anyio.to_thread.run_sync(look)
        text = TextContent(type="text", text="\n".join(_line(one) for one in seen.files))
        return ToolResult(content=[text], structured_content=seen.model_dump(mode="json"))

    return checked_tool(
        InspectArguments,
        inspect,
        name="inspect_files",
        title="Inspect files",
        description=(
            "Says what files are (modality, body part, view, geometry, age and sex, no "
            "identifiers), which tools take them and why the others don't, and gives a handle "
            "for each. A folder or ZIP of DICOM gives one entry a series. Call it first."
        ),
        output_schema=Inspection.model_json_schema(mode="serialization"),
    )


def _find_tool(shop: Workshop) -> Tool:
    async def find(query: StudyQuery) -> ToolResult:
        archive = shop.here().files.archive
        if archive is None:
            raise NotAuthorised("The DICOMweb server is not among what this caller may read.")
        found = FoundStudies(studies=tuple(await anyio.to_thread.run_sync(archive.find, query)))
        lines = [_study_line(one) for one in found.studies] or ["No study fits."]
        text = TextContent(type="text", text="\n".join(lines))
        return ToolResult(content=[text], structured_content=found.model_dump(mode="json"))

    return checked_tool(
        StudyQuery,
        find,
        name="find_studies",
        title="Find studies",
        description=(
            "Searches the hospital's DICOMweb server for studies, and gives handles for them and "
            "their series: name a handle as a file in any other tool. Nothing that says who or "
            "when is given back."
        ),
        output_schema=FoundStudies.model_json_schema(mode="serialization"),
    )


def _study_line(one: FoundStudy) -> str:
    series = (
        f"{each.handle} ({each.modality or '?'}, {each.body_part or 'body part not said'}, "
        f"{each.instances if each.instances is not None else '?'} instances)"
        for each in one.series
    )
    return f"{one.handle}: {'; '.join(series)}"


def _line(one: InspectedFile) -> str:
    if one.manifest is None:
        return f"{one.handle}: {one.error_code}: {one.error}"
    known = one.manifest.model_dump(exclude_none=True, exclude_defaults=True, exclude={"notes"})
    facts = ", ".join(f"{name} {value}" for name, value in known.items())
    notes = "".join(f"; note: {note}" for note in one.manifest.notes)
    return f"{one.handle}: {facts}; accepted by: {', '.join(one.accepted_by) or 'none'}{notes}"


def _add_pictures(server: FastMCP[Any], shop: Workshop) -> None:
    @server.resource(PictureStore.template, mime_type="image/png")
    def picture(name: str) -> ResourceResult:
        """A picture that goes with a result, as PNG."""
        return _kept(shop, name, "image/png")

    @server.resource(PictureStore.mask_template, mime_type="application/gzip")
    def mask(name: str) -> ResourceResult:
        """A label map that goes with a result, as a compressed NIfTI volume."""
        return _kept(shop, name, "application/gzip")

    @server.resource(PictureStore.table_template, mime_type="application/gzip")
    def table(name: str) -> ResourceResult:
        """A table that goes with a result, as compressed tab-separated text."""
        return _kept(shop, name, "application/gzip")


def _kept(shop: Workshop, name: str, mime_type: str) -> ResourceResult:
    """Bytes of the store; that they had to make room is told, and is no fault of the server's."""
    try:
        content = shop.here().pictures.read(name)
    except UnknownHandle as error:
        raise ResourceError(error.client_message, log_level=logging.DEBUG) from None
    return ResourceResult([ResourceContent(content, mime_type=mime_type)])
