"""MCP prompts for the usual requests: what a person picks from a client's menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from fastmcp import FastMCP
from fastmcp.prompts import Message, Prompt, PromptResult
from fastmcp.prompts.base import PromptArgument
from mcp_types import CompletionArgument, CompletionContext, PromptReference
from pydantic import PrivateAttr

from prompts import load

__all__ = ["add_requests"]

_FILE = "A path under an allowed root, or a handle from inspect_files."


@dataclass(frozen=True)
class _Request:
    title: str
    description: str
    arguments: Mapping[str, str]
    kinds: Mapping[str, frozenset[str]]
    """Which kinds of files an argument may name."""


_FILMS = frozenset({"radiograph", "image"})
_ANY: frozenset[str] = frozenset(
    {"radiograph", "volume", "slide", "photograph", "image", "variants"}
)
_REQUESTS: Mapping[str, _Request] = {
    "read_film": _Request(
        "Read this film",
        "What a film shows, with references, and what was not assessed.",
        {"film": _FILE},
        {"film": _FILMS},
    ),
    "compare_with_prior": _Request(
        "Compare with prior",
        "What changed since an earlier study of the same kind.",
        {"current": _FILE, "prior": _FILE},
        {"current": _FILMS | {"volume"}, "prior": _FILMS | {"volume"}},
    ),
    "tumour_board_summary": _Request(
        "Tumour board summary",
        "One page over all studies: findings, inconclusive results, disagreements, open questions.",
        {"files": "Paths under an allowed root or handles, separated by commas."},
        {"files": _ANY},
    ),
    "eye_screening": _Request(
        "Eye screening",
        "Diabetic retinopathy in a fundus photograph: gradable, referable, grade, macular edema.",
        {"photograph": _FILE},
        {"photograph": frozenset({"photograph", "image"})},
    ),
    "genetic_risk": _Request(
        "Genetic risk",
        "A polygenic score for a trait, told as a genetic counsellor would.",
        {"trait": "A trait or a PGS Catalog id, such as 'breast cancer'.", "genotypes": _FILE},
        {"genotypes": frozenset({"variants"})},
    ),
}


class _RequestPrompt(Prompt):
    """A prompt from a file, with the caller's arguments put in."""

    _text: str = PrivateAttr()

    async def render(self, arguments: dict[str, Any] | None = None) -> PromptResult:
        """Fill the text in; arguments that are missing were refused before."""
        said = {name: str(value) for name, value in (arguments or {}).items()}
        return PromptResult([Message(Template(self._text).safe_substitute(said))])


def add_requests(server: FastMCP[Any], handles_here: Callable[[], Mapping[str, str]]) -> None:
    """Put the prompts on a server, with completion of their arguments.

    Args:
        server: Has the tool `consult`.
        handles_here: Gives the handles of whoever is calling, each with the file's kind.
    """
    for name, request in _REQUESTS.items():
        server.add_prompt(_prompt(name, request))

    def complete(
        reference: Any, argument: CompletionArgument, context: CompletionContext | None
    ) -> list[str] | None:
        """Offer the caller's handles of the kinds that fit; of several, the last is completed."""
        request = _REQUESTS.get(reference.name) if isinstance(reference, PromptReference) else None
        if request is None or argument.name not in request.kinds:
            return None
        before, comma, begun = argument.value.rpartition(",")
        fitting = request.kinds[argument.name]
        lead = before + comma + (" " if comma else "")
        return [
            lead + handle
            for handle, kind in handles_here().items()
            if kind in fitting and handle.startswith(begun.strip())
        ]

    server.add_completion_handler(complete)


def _prompt(name: str, request: _Request) -> Prompt:
    text = load(name)
    prompt = _RequestPrompt(
        name=name,
        title=request.title,
        description=request.description,
        version=text.version.removeprefix("v"),
        arguments=[
            PromptArgument(name=argument, description=told, required=True)
            for argument, told in request.arguments.items()
        ],
    )
    prompt._text = text.text
    return prompt
