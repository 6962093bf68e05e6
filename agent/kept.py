"""Results that a thread keeps, so that the same call is not made a second time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.answer import Attachment, Call
from agent.state import JSON

__all__ = ["call_key", "in_words", "with_new"]

_MOST = 32
"""Results that a thread keeps; the oldest go first."""


def call_key(call: Call, attachments: Mapping[str, Attachment]) -> str:
    """Name a call by its tool, the digests of its files, and its arguments.

    A handle is a digest of what the file is and where, so a file that was changed has another.
    """
    digests = [_digest(name, attachments) for name in call.attachments]
    arguments = {name: _digest(value, attachments) for name, value in call.arguments.items()}
    return json.dumps([call.tool, digests, arguments], sort_keys=True, ensure_ascii=False)


def with_new(kept: Mapping[str, JSON], gained: Mapping[str, JSON]) -> dict[str, JSON]:
    """Add results; what was used last is kept longest."""
    merged = {key: value for key, value in kept.items() if key not in gained} | dict(gained)
    return dict(list(merged.items())[-_MOST:])


def in_words(calls: Sequence[Call]) -> str:
    """Calls as the history tells them: 'report_chest_xray A1; report_ct A2'."""
    return "; ".join(" ".join((call.tool, *call.attachments)) for call in calls)


def _digest(value: Any, attachments: Mapping[str, Attachment]) -> Any:
    known = attachments.get(value) if isinstance(value, str) else None
    return known.handle if known is not None and known.handle is not None else value
