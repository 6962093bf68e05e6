"""The specialists, one line each.

Other packages add to them through entry points: `wardround.specialists` names a
`SpecialistSpec`; `wardround.backends`, named after a specialist, names a `BackendSpec`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from specialists.base import BackendSpec, SpecialistSpec
from specialists.errors import UnknownTool

__all__ = ["INTERNAL", "SPECIALISTS", "spec_of", "specs"]

SPECIALISTS = (
    "specialists.chest_xray.spec:SPEC",
    "specialists.ct.spec:SPEC",
    "specialists.visual_question.spec:SPEC",
    "specialists.pathology.spec:SPEC",
    "specialists.skin.spec:SPEC",
    "specialists.retina.spec:SPEC",
    "specialists.polygenic.spec:SPEC",
    "specialists.record.spec:SPEC",
)

INTERNAL = ("specialists.recogniser.spec:SPEC",)
"""Served only where they are named: they help other specialists, and can be measured."""


@cache
def specs() -> dict[str, SpecialistSpec]:
    """All specialists by tool name, in the order of the catalogue."""
    own = [_load(target) for target in SPECIALISTS]
    added = [point.load() for point in entry_points(group="wardround.specialists")]
    backends: dict[str, list[BackendSpec]] = {}
    for point in entry_points(group="wardround.backends"):
        backends.setdefault(point.name, []).append(point.load())
    return {
        spec.name: replace(spec, backends=(*backends.get(spec.name, ()), *spec.backends))
        for spec in (*own, *added)
    }


def spec_of(name: str) -> SpecialistSpec:
    """Look a specialist up, an internal one too.

    Raises:
        UnknownTool: If there is none of that name; the message lists those there are.
    """
    internal = {spec.name: spec for spec in map(_load, INTERNAL)}
    try:
        return (specs() | internal)[name]
    except KeyError:
        known = ", ".join(specs())
        raise UnknownTool(f"There is no such tool. The tools are: {known}.") from None


def _load(target: str) -> SpecialistSpec:
    module, name = target.split(":")
    spec: SpecialistSpec = getattr(import_module(module), name)
    return spec
