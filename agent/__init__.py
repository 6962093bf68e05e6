"""wardround: questions about clinical files, answered from specialists with evidence.

from agent import Agent

with Agent() as agent:
answer = agent.ask("Is there pneumonia?", ["film.dcm"])
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.agent import Agent, Event
    from agent.answer import Answer, Attachment, Plan, Statement
    from agent.settings import Settings
    from specialists.errors import WardroundError
    from specialists.schema import Evidence

__all__ = [
    "Agent",
    "Answer",
    "Attachment",
    "Event",
    "Evidence",
    "Plan",
    "Settings",
    "Statement",
    "WardroundError",
]

_HOME = {
    "Agent": "agent.agent",
    "Answer": "agent.answer",
    "Attachment": "agent.answer",
    "Event": "agent.agent",
    "Evidence": "specialists.schema",
    "Plan": "agent.answer",
    "Settings": "agent.settings",
    "Statement": "agent.answer",
    "WardroundError": "specialists.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def _check_siblings() -> None:
    """The four packages have plain names: make sure that none is somebody else's."""
    here = Path(__file__).resolve().parent.parent
    for name in ("tools", "specialists", "prompts"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve().parent if spec and spec.origin else None
        if found != here / name:
            raise ImportError(
                f"wardround's package {name!r} should be at {here / name}, but Python finds "
                f"{found or 'none'}. Remove or rename the other one, or change sys.path."
            )


_check_siblings()
