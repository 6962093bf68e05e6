"""Fetches a hub model: safetensors and configuration alone, pinned to a commit, each file checked.

A download that broke off goes on where it stopped, in this process or a later one. What is in
the hub's own cache is taken from there. The token is the hub library's: HF_TOKEN, or its login.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from specialists import hub, hub_files
from specialists.errors import BackendUnavailable, LimitExceeded, TruncatedFile
from specialists.hub_errors import explained
from specialists.hub_stream import Part, stream

__all__ = ["Remote", "RemoteFile", "in_cache", "look", "pull"]

Say = Callable[[int, int, str], None]
"""Called with the bytes that are here, the bytes of all, and the file that is coming."""
_ENDINGS = {".safetensors", ".json", ".jinja", ".model", ".txt"}
_WEIGHTS = {".bin", ".pt", ".pth", ".pkl", ".ckpt", ".h5", ".msgpack", ".onnx", ".gguf"}
_TIMEOUT_S = 30.0
_MARGIN = 1.02
"""Free space that is asked for, over what comes."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that the hub offers."""

    path: str
    size: int
    sha256: str | None
    """Of a large file; the hub names the others by their git blob."""
    blob: str | None


@dataclass(frozen=True)
class Remote:
    """A model as the hub has it now, or had it at the pinned commit."""

    model: hub.HubModel
    commit: str
    licence: str
    gated: bool
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes of what would be fetched."""
        return sum(file.size for file in self.files)

    @property
    def terms(self) -> str | None:
        """What binds the user, from the model's entry here or its licence's name."""
        if self.model.terms or "-nc" not in self.licence.lower():
            return self.model.terms
        return "Non-commercial use only."


def look(model: hub.HubModel, revision: str | None = None, endpoint: str | None = None) -> Remote:
    """Ask the hub what a model is made of.

    Args:
        model: Which.
        revision: A commit, branch or tag; default: the pinned commit, or the newest.
        endpoint: Base URL of the hub, where it is another than the library's.

    Raises:
        InvalidInput: If the hub has no such model or revision.
        NotAuthorised: If it asks for a token, or for another.
        ServerUnreachable: If it can't be reached.
        BackendUnavailable: If the model has no weights as safetensors.
    """
    _require_library()
    from huggingface_hub import HfApi

    wanted = model.revision or revision or hub.pinned(model)
    with explained(model):
        info = HfApi(endpoint=endpoint).model_info(
            model.id, revision=wanted, files_metadata=True, timeout=_TIMEOUT_S
        )
    return Remote(
        model,
        commit=str(info.sha),
        licence=_licence(model, info.card_data),
        gated=bool(info.gated),
        files=_chosen(model, info.siblings or []),
    )


def in_cache(model: hub.HubModel, revision: str | None = None) -> Path | None:
    """Give the folder of a model that the hub library's own cache has whole, or None."""
    _require_library()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        place = snapshot_download(
            model.id,
            revision=model.revision or revision,
            allow_patterns=list(model.files),
            local_files_only=True,
        )
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    whole = Path(place)
    return whole if any(whole.glob("*.safetensors")) else None


def pull(remote: Remote, say: Say = lambda *_: None, endpoint: str | None = None) -> Path:
    """Fetch what is not here yet, check it, and put it in the folder of models.

    Raises:
        LimitExceeded: If the disk has too little room.
        TruncatedFile: If what came is not what the hub said it is; the file is left out.
        WardroundError: What `look` raises.
    """
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

    place = hub.folder_of(remote.model)
    place.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(place.parent / f".{place.name}.lock"):
        record = hub_files.read(place)
        if record and record.commit == remote.commit and not hub_files.faults(place):
            return place
        stage = place.parent / f".{place.name}-{remote.commit[:12]}"
        stage.mkdir(exist_ok=True)
        _Fetch(remote, stage, say, endpoint).all()
        _put(stage, place)
    return place


class _Fetch:
    """One model's way to its folder."""

    def __init__(self, remote: Remote, stage: Path, say: Say, endpoint: str | None) -> None:
        self._remote, self._stage, self._endpoint = remote, stage, endpoint
        self._say, self._done = say, 0

    def all(self) -> None:
        """Fetch every file, and write the record."""
        self._require_room()
        pinned = {file.path: self._one(file) for file in self._remote.files}
        hub_files.Record(
            id=self._remote.model.id,
            commit=self._remote.commit,
            licence=self._remote.licence,
            terms=self._remote.terms,
            files=pinned,
        ).write(self._stage)

    def _one(self, file: RemoteFile) -> hub_files.Pinned:
        target = self._stage / file.path
        if not target.is_file():
            self._bring(file, target)
        pinned = hub_files.pin(target)
        self._tell(file, file.size)
        self._done += file.size
        return pinned

    def _bring(self, file: RemoteFile, target: Path) -> None:
        """Fetch a file; it has its own name only once it is whole and checked."""
        from huggingface_hub import hf_hub_url

        model, commit = self._remote.model, self._remote.commit
        path = target.with_name(target.name + ".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self._borrow(file, path)
        url = hf_hub_url(model.id, file.path, revision=commit, endpoint=self._endpoint)
        with Part(path) as part:
            stream(url, part, file.size, model, lambda here: self._tell(file, here))
        if not _matches(file, path, part.sha256):
            path.unlink()
            raise TruncatedFile(
                f"{file.path} came with another digest than the hub names, and was thrown away. "
                "The same command fetches it again."
            )
        path.rename(target)

    def _borrow(self, file: RemoteFile, part: Path) -> None:
        """Take a file from the hub library's own cache, or from the commit that is here now."""
        from huggingface_hub import try_to_load_from_cache

        model = self._remote.model
        cached = try_to_load_from_cache(model.id, file.path, revision=self._remote.commit)
        sources = [Path(cached)] if isinstance(cached, str) else []
        record = hub_files.read(hub.folder_of(model))
        mine = record.files.get(file.path) if record else None
        if mine is not None and mine.sha256 == file.sha256:
            sources.append(hub.folder_of(model) / file.path)
        for source in sources:
            if source.is_file():
                shutil.copyfile(source, part)
                return

    def _tell(self, file: RemoteFile, here: int) -> None:
        self._say(self._done + here, self._remote.size, file.path)

    def _require_room(self) -> None:
        here = sum(path.stat().st_size for path in self._stage.rglob("*") if path.is_file())
        wanted = (self._remote.size - here) * _MARGIN
        free = shutil.disk_usage(self._stage).free
        if wanted > free:
            raise LimitExceeded(
                f"The download needs {wanted / 2**30:.1f} GiB more, and {free / 2**30:.1f} GiB are "
                "free in the folder of models (WARDROUND_MODELS_DIR names another)."
            )


def _require_library() -> None:
    if find_spec("huggingface_hub") is None:
        raise BackendUnavailable('Fetching models needs: pip install "wardround[hub]"')


def _licence(model: hub.HubModel, card: Any) -> str:
    """What the table here says, or the model's page."""
    if model.licence != hub.UNKNOWN_LICENCE:
        return model.licence
    told = getattr(card, "license", None)
    named = getattr(card, "license_name", None)
    return str(named if told == "other" and named else told or hub.UNKNOWN_LICENCE)


def _chosen(model: hub.HubModel, siblings: list[Any]) -> tuple[RemoteFile, ...]:
    """The files that are fetched: of the model's patterns, and of endings that hold no code."""
    names = [one.rfilename for one in siblings]
    wanted = {name for name in names if _is_wanted(name, model.files)}
    if not any(name.endswith(".safetensors") for name in wanted):
        others = ", ".join(name for name in names if PurePosixPath(name).suffix in _WEIGHTS)
        raise BackendUnavailable(
            f"{model.id} has no weights as safetensors{f', but {others}' if others else ''}. Other "
            "formats can run code when they are loaded, so nothing is fetched. A file that you "
            "fetched yourself is made safe by: python -m specialists.encoders.convert FILE FOLDER."
        )
    return tuple(
        RemoteFile(
            one.rfilename,
            int((one.lfs.size if one.lfs else one.size) or 0),
            one.lfs.sha256 if one.lfs else None,
            one.blob_id,
        )
        for one in siblings
        if one.rfilename in wanted
    )


def _is_wanted(name: str, patterns: tuple[str, ...]) -> bool:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or name == hub_files.RECORD:
        return False
    return path.suffix in _ENDINGS and any(fnmatch(name, pattern) for pattern in patterns)


def _matches(file: RemoteFile, path: Path, sha256: str) -> bool:
    """Whether a file is what the hub said: by SHA-256, or by the name of its git blob."""
    if path.stat().st_size != file.size:
        return False
    if file.sha256 is not None:
        return sha256 == file.sha256
    if file.blob is None:
        return True
    content = path.read_bytes()
    named = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return named.hexdigest() == file.blob


def _put(stage: Path, place: Path) -> None:
    """Let the finished folder take the place of the one before."""
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    stage.rename(place)
    shutil.rmtree(old, ignore_errors=True)
