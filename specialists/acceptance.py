"""May this file play this role? The gate's one rule, used by tools and agent alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from specialists.errors import NotAccepted
from specialists.schema import Accepts, Manifest

if TYPE_CHECKING:
    from specialists.base import BackendSpec, Source, SpecialistSpec

__all__ = ["assign_roles", "competent", "described", "refusal"]


def refusal(accepts: Accepts, manifest: Manifest) -> str | None:
    """Say why a file may not play a role.

    Returns:
        None if it may; otherwise a sentence with what the file is and what would be accepted.
    """
    if not manifest.human:
        return "The header says that this is an animal; the models here are for people."
    for check in (_kind, _modality, _body_part, _view):
        reason = check(accepts, manifest)
        if reason is not None:
            return reason
    return None


def assign_roles(
    roles: Sequence[Accepts], manifests: Sequence[Manifest]
) -> tuple[list[str | None], list[str]]:
    """Give each file the first role that accepts it and is not full.

    Returns:
        One role name (or None) a file, and the reasons of those that got none.
    """
    room = {accepts.role: accepts.maximum for accepts in roles}
    assigned: list[str | None] = []
    reasons: list[str] = []
    for manifest in manifests:
        refusals = {accepts.role: refusal(accepts, manifest) for accepts in roles}
        fitting = [role for role, reason in refusals.items() if reason is None]
        free = next((role for role in fitting if room[role] > 0), None)
        assigned.append(free)
        if free is not None:
            room[free] -= 1
        elif fitting:
            reasons.append(f"Too many files: at most {_capacity(roles, fitting)} of this kind.")
        else:
            reasons.append(_closest(roles, refusals, manifest))
    return assigned, reasons


def competent(
    spec: SpecialistSpec, inputs: Mapping[str, Sequence[Source]], name: str
) -> SpecialistSpec:
    """Leave out the backends that should not read files which their specialist takes.

    Args:
        spec: The specialist.
        inputs: Files by role.
        name: The backend that is asked for, or 'auto'.

    Raises:
        NotAccepted: If that leaves none of those asked for.
    """
    reasons = {
        backend.name: _incompetence(backend, inputs, named=name == backend.name)
        for backend in spec.backends
    }
    asked = [one for one in reasons if name in ("auto", one)]
    told = [reason for one in asked if (reason := reasons[one]) is not None]
    if asked and len(told) == len(asked):
        raise NotAccepted(" ".join(told))
    return replace(spec, backends=tuple(b for b in spec.backends if reasons[b.name] is None))


def _incompetence(
    backend: BackendSpec, inputs: Mapping[str, Sequence[Source]], *, named: bool
) -> str | None:
    """Say why a backend should not read the files.

    To one that was named, a part of the body that is not known is no reason; one that is not
    among its own still is.
    """
    for role, sources in inputs.items():
        own = [accepts for accepts in backend.accepts if accepts.role == role]
        for source in sources if own else ():
            lenient = named and source.manifest.body_part is None
            tried = [one.model_copy(update={"body_parts": None}) for one in own] if lenient else own
            reasons = [refusal(one, source.manifest) for one in tried]
            if None not in reasons:
                return f"Backend {backend.name}: {reasons[_nearest(own, source.manifest)]}"
    return None


def _nearest(own: Sequence[Accepts], manifest: Manifest) -> int:
    """The entry for files of this kind and modality, whose refusal says most; else the first."""
    fits = [_kind(one, manifest) is None and _modality(one, manifest) is None for one in own]
    return fits.index(True) if True in fits else 0


def _capacity(roles: Sequence[Accepts], fitting: Sequence[str]) -> int:
    return sum(accepts.maximum for accepts in roles if accepts.role in fitting)


def _closest(roles: Sequence[Accepts], refusals: dict[str, str | None], manifest: Manifest) -> str:
    """The refusal of the role whose kind fits, as that says most; else of the first role."""
    same_kind = [accepts for accepts in roles if manifest.kind in accepts.kinds]
    return refusals[(same_kind or list(roles))[0].role] or ""


def _kind(accepts: Accepts, manifest: Manifest) -> str | None:
    if manifest.kind in accepts.kinds:
        return None
    if manifest.kind == "image" and manifest.modality is None:
        return f"{_unrecognised(manifest)} {_wanted(accepts)}"
    return f"The file is {described(manifest)}. {_wanted(accepts)}"


def _modality(accepts: Accepts, manifest: Manifest) -> str | None:
    if accepts.modalities is None or manifest.modality in accepts.modalities:
        return None
    if manifest.modality is None:
        return f"{_unrecognised(manifest)} {_wanted(accepts)}"
    return f"The file is {described(manifest)}. {_wanted(accepts)}"


def _body_part(accepts: Accepts, manifest: Manifest) -> str | None:
    if accepts.body_parts is None or manifest.body_part in accepts.body_parts:
        return None
    wanted = f"This tool reads only: {', '.join(accepts.body_parts)}."
    if manifest.body_part is None:
        return f"The file does not say which body part it shows. {wanted} {_wanted(accepts)}"
    return f"The file shows: {manifest.body_part}. {wanted} {_wanted(accepts)}"


def _view(accepts: Accepts, manifest: Manifest) -> str | None:
    if manifest.view is None or manifest.view not in accepts.refused_views:
        return None
    return f"The view is {manifest.view}, which this tool does not read. {_wanted(accepts)}"


def _unrecognised(manifest: Manifest) -> str:
    if manifest.recognised and manifest.recognised != "unknown":
        return f"The picture has no header and looks like: {manifest.recognised}."
    return "The picture has no header and was not recognised."


def described(manifest: Manifest) -> str:
    """Say in words what a file is: 'a DICOM MR volume of the knee'."""
    if manifest.kind == "variants":
        return f"a {manifest.format} file of genotypes"
    if manifest.kind == "record":
        return "a patient's record in FHIR"
    if manifest.kind == "scoring_file":
        return "a polygenic scoring file"
    if manifest.kind in ("chain_file", "reference_genome"):
        return f"a {manifest.kind.replace('_', ' ')} of {manifest.genome_build}"
    words = [manifest.format, manifest.modality or "", manifest.kind]
    text = " ".join(word for word in words if word)
    return f"a {text} of the {manifest.body_part}" if manifest.body_part else f"a {text}"


def _wanted(accepts: Accepts) -> str:
    return f"Accepted here: {accepts.description}."
