"""The page, put together from `front/`: one HTML file that loads nothing.

The scripts are ES modules, so that each can be read by itself. They are written one after the
other into one script; there is no build, and so nothing that could be out of date.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from agent.export.labels import labels

if TYPE_CHECKING:
    from agent.export.material import Material

__all__ = ["empty_page", "to_page"]

_FIRST = "main.js"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)


def to_page(material: Material) -> str:
    """Write an answer as an interactive page.

    Args:
        material: The answer, with the pictures where they were fetched, and a reader's review.

    Returns:
        The HTML file's text. Its content security policy lets it load nothing, and run its own
        script alone, by its digest.
    """
    answer = material.answer
    types = {one.uri: one.media_type for one in answer.pictures}
    held = {
        "answer": answer.model_dump(mode="json"),
        "pictures": {
            uri: {"mimeType": types[uri], "blob": base64.b64encode(content).decode()}
            for uri, content in material.pictures.items()
        },
        "review": material.review,
    }
    return _page(held)


@cache
def empty_page() -> str:
    """The page that a chat's host fills, as an MCP App."""
    return _page(None)


def _page(held: Mapping[str, Any] | None) -> str:
    style, script = _read("style.css"), _script()
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )
    return (
        f'<!doctype html>\n<html lang="en" data-version="{version("wardround")}">\n<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>wardround</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<div id="page"></div>\n<div id="live" role="status" aria-live="polite"></div>\n'
        "<noscript>This page needs its script. "
        "<code>wardround export --to html</code> writes one without.</noscript>\n"
        f"{_data('labels', labels())}{_data('held', held)}"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _data(name: str, value: Any) -> str:
    """JSON in the page: no character in it can end the element that it stands in."""
    text = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _read(name: str) -> str:
    return (files("agent.app") / "front" / name).read_text("utf-8")


@cache
def _script() -> str:
    """All modules as one strict script, each after those that it imports."""
    parts = [_EXPORT.sub("", _IMPORT.sub("", _read(name))) for name in _in_order(_FIRST, set())]
    body = "\n".join(parts)
    return f'(() => {{\n"use strict";\n{body}}})();\n'


def _in_order(name: str, seen: set[str]) -> Iterator[str]:
    if name in seen:
        return
    seen.add(name)
    for other in _IMPORT.findall(_read(name)):
        yield from _in_order(other, seen)
    yield name
