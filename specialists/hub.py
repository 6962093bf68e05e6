"""Models of a hub: what each is and on what terms, and where its files are kept here.

A model lies in a folder of its own, `ORGANISATION--NAME`, in the hub's layout, or is served by
an OpenAI-compatible endpoint. Nothing here reaches a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from specialists import hub_files
from specialists.errors import BackendUnavailable

__all__ = [
    "Endpoint", "HubModel", "checked", "configure", "folder", "folder_of", "missing", "model_of",
    "pinned",
    "weights",
]  # fmt: skip

UNKNOWN_LICENCE = "see its page"
"""The licence of a model that the table of known ones does not have."""
_folder = Path.home() / ".cache" / "wardround" / "models"
_endpoints: Mapping[str, Endpoint] = {}


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible server that serves a model."""

    url: str
    """Base URL, such as http://gpu-host:8001/v1."""
    model: str
    """The model's name there."""
    key: str = "none"


@dataclass(frozen=True)
class HubModel:
    """A model of the hub, as its page describes it."""

    id: str
    """'ORGANISATION/NAME'."""
    licence: str
    download_gib: float | None = None
    """Size of the files that are fetched; None where it is asked of the hub first."""
    gated: bool | None = False
    """Whether terms have to be accepted on its page first; None where that is not known here."""
    terms: str | None = None
    """Terms that bind the user of a result: non-commercial, no clinical use."""
    files: tuple[str, ...] = (
        "*.safetensors", "*.json", "*.jinja", "tokenizer.model", "spiece.model",
    )  # fmt: skip
    """Patterns of what is fetched: never code, never pickles."""
    revision: str | None = None
    """A commit that alone is accepted; None pins the commit that was fetched first."""
    weights_gib: float | None = None
    """Memory of the weights in half precision, where that was counted."""

    @property
    def page(self) -> str:
        """Where its terms are read and accepted."""
        return f"https://huggingface.co/{self.id}"


def configure(place: Path | None = None, endpoints: Mapping[str, Endpoint] | None = None) -> None:
    """Set the folder of models, and which hub ids are served by endpoints."""
    global _folder, _endpoints
    _folder, _endpoints = place or _folder, dict(endpoints or {})


def folder() -> Path:
    """Where models are kept."""
    return _folder


def folder_of(model: HubModel) -> Path:
    """Where a model's files are, or would be."""
    return _folder / model.id.replace("/", "--")


def model_of(name: str) -> HubModel:
    """A model that is named by its hub id alone."""
    return HubModel(name, UNKNOWN_LICENCE, gated=None)


def weights(model: HubModel) -> Path | Endpoint | None:
    """Where a model can be had: its endpoint before its folder; None where neither is."""
    served = _endpoints.get(model.id)
    if served is not None:
        return served
    place = folder_of(model)
    return place if (place / "config.json").is_file() else None


def checked(model: HubModel) -> Path | Endpoint | None:
    """Give `weights`, once the files are seen to be the ones that were fetched.

    Raises:
        BackendUnavailable: If they are not, or are of another commit than the model's own.
    """
    place = weights(model)
    if not isinstance(place, Path):
        return place
    commit = pinned(model)
    wrong = hub_files.faults(place)
    if model.revision and commit not in (None, model.revision):
        wrong.append("the commit is another")
    if wrong:
        raise BackendUnavailable(
            f"The files of {model.id} are not the ones that were fetched ({'; '.join(wrong[:3])}). "
            f"`wardround models remove {model.id}` and `pull` bring it anew."
        )
    return place


def pinned(model: HubModel) -> str | None:
    """The commit that a model's files here are of; None where that is not on record."""
    record = hub_files.read(folder_of(model))
    return record.commit if record else None


def missing(model: HubModel) -> str | None:
    """Say what would bring a model here, or None where it is."""
    if weights(model) is not None:
        return None
    return f"needs its weights (wardround models pull {model.id}; {model.licence})"
