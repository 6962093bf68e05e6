"""The hub models of the tools: which one is meant, and fetching, checking and removing them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from specialists import hub, hub_files
from specialists.errors import InvalidInput, NotAuthorised
from specialists.hub_models import known
from specialists.hub_pull import Remote, in_cache, look, pull
from specialists.registry import spec_of, specs

__all__ = [
    "Remote", "Verdict", "changed", "configure", "fetched", "here", "look", "named", "pull",
    "remove",
    "require_unchanged", "size_of", "verify",
]  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """Whether a model's files are what was fetched."""

    id: str
    commit: str | None
    faults: tuple[str, ...]


def configure(folder: Path | None, endpoints: Mapping[str, tuple[str, str, str]]) -> None:
    """Say where models are kept, and which hub ids are served: URL, name there, key."""
    hub.configure(folder, {model: hub.Endpoint(*told) for model, told in endpoints.items()})


def named(name: str) -> hub.HubModel:
    """Find the model that 'TOOL:BACKEND' or a hub id names.

    The verb of a tool's name may be left off: 'chest_xray:medgemma'.

    Raises:
        InvalidInput: If there is no such backend, or it has no hub model.
    """
    if ":" not in name:
        return known(name) or hub.model_of(name)
    tool, _, backend = name.partition(":")
    full = next((one for one in specs() if one == tool or one.endswith(f"_{tool}")), tool)
    found = next((one for one in spec_of(full).backends if one.name == backend), None)
    if found is None:
        raise InvalidInput(f"{full} has no such backend. `wardround models` lists them.")
    if found.hub is None:
        raise InvalidInput(f"{full}:{backend} needs no model of the hub.")
    return found.hub


def here() -> dict[str, Path]:
    """The models that were fetched, by hub id, with their folders."""
    found = {}
    for place in sorted(hub.folder().glob("*/" + hub_files.RECORD)):
        record = hub_files.read(place.parent)
        found[record.id if record else place.parent.name.replace("--", "/")] = place.parent
    return found


def fetched(name: str, revision: str | None = None) -> Path:
    """Give the folder of a hub model, fetching it where neither we nor the hub's cache have it.

    Raises:
        NotAuthorised: If its terms have to be accepted first.
        WardroundError: What `look` and `pull` raise.
    """
    model = named(name)
    commit = hub.pinned(model)
    if commit is not None and revision in (None, commit) and not changed(model):
        return hub.folder_of(model)
    cached = in_cache(model, revision)
    if cached is not None:
        return cached
    remote = look(model, revision)
    if remote.terms is not None:
        raise NotAuthorised(f"{remote.terms} Accept that by `wardround models pull {model.id}`.")
    return pull(remote)


def require_unchanged(name: str) -> None:
    """Refuse a model whose files here are not the ones that were fetched.

    Raises:
        BackendUnavailable: If they are not.
    """
    if name in here():
        hub.checked(named(name))


def changed(model: hub.HubModel) -> bool:
    """Whether a model that is here lacks files, or has others than were fetched."""
    return bool(hub_files.faults(hub.folder_of(model)))


def verify(model: hub.HubModel, say: Callable[[str], None] = lambda _: None) -> Verdict:
    """Read every file of a model again.

    Raises:
        InvalidInput: If it was not fetched.
    """
    place = _place(model)
    record = hub_files.read(place)
    faults = hub_files.faults(place, thorough=True, say=say)
    return Verdict(model.id, record.commit if record else None, tuple(faults))


def remove(model: hub.HubModel) -> None:
    """Remove a model's files, and what an unfinished download of it left.

    Raises:
        InvalidInput: If nothing of it is here.
    """
    place = hub.folder_of(model)
    left = [*place.parent.glob(f".{place.name}*")]
    if not place.is_dir() and not left:
        raise InvalidInput(f"{model.id} is not here.")
    shutil.rmtree(place, ignore_errors=True)
    for path in left:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def size_of(model: hub.HubModel) -> int:
    """Bytes that a model's folder takes."""
    files = hub.folder_of(model).rglob("*")
    return sum(path.stat().st_size for path in files if path.is_file())


def _place(model: hub.HubModel) -> Path:
    place = hub.folder_of(model)
    if not (place / hub_files.RECORD).is_file():
        raise InvalidInput(f"{model.id} was not fetched. `wardround models pull {model.id}` does.")
    return place
