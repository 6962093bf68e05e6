"""A specialist as the machine offers it: with what the backend that would answer adds."""

from __future__ import annotations

from dataclasses import replace

from specialists.base import SpecialistSpec
from specialists.errors import WardroundError
from specialists.host import Host
from specialists.machine import why_not

__all__ = ["backends_here", "offered", "patience_s"]


def offered(spec: SpecialistSpec, host: Host) -> SpecialistSpec:
    """Describe a specialist by the backend that 'auto' would take here.

    Returns:
        The spec, with that backend's description, findings and time; unchanged where none can run.
    """
    try:
        chosen = host.choose(spec)
    except WardroundError:
        return spec
    return replace(
        spec,
        description=chosen.description or spec.description,
        gives=chosen.gives or spec.gives,
        findings=tuple(dict.fromkeys((*spec.findings, *chosen.findings))),
        timeout_s=max(spec.timeout_s, chosen.timeout_s),
    )


def backends_here(spec: SpecialistSpec) -> list[str]:
    """Names of the backends to choose from: what has to be brought only where it is here."""
    return [
        one.name
        for one in spec.backends
        if one.name == "reference" or why_not(one, spec.name) is None
    ]


def patience_s(spec: SpecialistSpec, name: str) -> float:
    """How long a call of a backend may take; 'auto' as the specialist's."""
    own = (one.timeout_s for one in spec.backends if one.name == name)
    return max(spec.timeout_s, next(own, 0.0))
