"""Prompt ensembles: for each class the texts whose mean stands for it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prompts import Prompt, load
from specialists.errors import BackendUnavailable

__all__ = ["ensemble", "prompt_of"]

NAMES = {
    "classify_skin_lesion": "medsiglip_skin",
    "classify_retina": "medsiglip_retina",
    "report_chest_xray": "medsiglip_chest_xray",
    "classify_pathology": "medsiglip_pathology",
}


def prompt_of(tool: str) -> Prompt:
    """The prompt file of a tool, newest version."""
    return load(NAMES[tool])


def ensemble(tool: str, classes: Sequence[str]) -> dict[str, list[str]]:
    """Read the texts of classes: a heading each, and a list below it.

    Raises:
        BackendUnavailable: If a class has none.
    """
    found: dict[str, list[str]] = {}
    name = ""
    for line in prompt_of(tool).text.splitlines():
        if heading := re.match(r"## (.+)", line):
            name = heading.group(1).strip()
        elif (item := re.match(r"- (.+)", line)) and name:
            found.setdefault(name, []).append(item.group(1).strip())
    lacking = [one for one in classes if one not in found]
    if lacking:
        raise BackendUnavailable(f"There are no prompts for: {', '.join(lacking)}.")
    return {one: found[one] for one in classes}
