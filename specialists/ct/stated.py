"""How far off a measurement may be: the errors that `specialists.ct.validate` put on the card."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["card", "errors_in_words", "with_error"]


@cache
def card() -> dict[str, Any]:
    """The card `reference.json`."""
    text = resources.files("specialists.ct").joinpath("reference.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def with_error(based_on: str, name: str) -> str:
    """What a number rests on, and its largest error on scans whose truth is known.

    Args:
        based_on: '204 voxels of 2.00 mm3'.
        name: Of the error on the card.
    """
    error = card().get("phantom", {}).get("largest_errors", {}).get(name)
    if error is None:
        return based_on
    return f"{based_on}; off by up to {error['value']} {error['unit']} on synthetic scans"


def errors_in_words() -> str:
    """All errors of the card, in two sentences."""
    errors = card()["phantom"].get("largest_errors", {})
    said = [f"{name} {error['value']} {error['unit']}" for name, error in errors.items()]
    return (
        f"Largest errors on synthetic scans of known sizes: {'; '.join(said)}. Real bodies are "
        "less regular, and errors there are larger."
    )
