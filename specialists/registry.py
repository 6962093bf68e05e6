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

__all__ = ["SPECIALISTS", "spec_of", "specs"]

SPECIALISTS = (
    "specialists.chest_xray.spec:SPEC",
    "specialists.ct.spec:SPEC",
    "specialists.visual_question.spec:SPEC",
    "specialists.pathology.spec:SPEC",
    "specialists.skin.spec:SPEC",
    "specialists.retina.spec:SPEC",
    "specialists.polygenic.spec:SPEC",
)


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
    """Look a specialist up.

    Raises:
        UnknownTool: If there is none of that name; the message lists those there are.
    """
    try:
        return specs()[name]
    except KeyError:
        known = ", ".join(specs())
        raise UnknownTool(f"There is no such tool. The tools are: {known}.") from None


def _load(target: str) -> SpecialistSpec:
    module, name = target.split(":")
    spec: SpecialistSpec = getattr(import_module(module), name)
    return spec
