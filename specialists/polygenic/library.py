"""Scores of the PGS Catalog that do not come with the package: kept in a folder, fetched by id.

Nothing but a score's id is sent. Source of the addresses: https://www.pgscatalog.org/downloads/.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from specialists.errors import BackendUnavailable, InvalidInput, UnreadableFile

__all__ = [
    "Listed",
    "ancestry",
    "configure",
    "fetch",
    "folder",
    "index",
    "kept",
    "refresh",
    "where",
]

_ADDRESS = "https://ftp.ebi.ac.uk/pub/databases/spot/pgs"
_INDEX = "metadata/pgs_all_metadata_scores.csv"
_TIMEOUT_S = 20.0
_MOST_BYTES = 1 << 30
_ID = re.compile(r"PGS\d{6}")
_SHARE = re.compile(r"([^|:]+):(\d+(?:\.\d+)?)")
_COLUMNS = {
    "pgs_id": "Polygenic Score (PGS) ID",
    "name": "PGS Name",
    "trait_reported": "Reported Trait",
    "trait_mapped": "Mapped Trait(s) (EFO label)",
    "variants": "Number of Variants",
}
_ANCESTRY = {
    "gwas": "Ancestry Distribution (%) - Source of Variant Associations (GWAS)",
    "training": "Ancestry Distribution (%) - Score Development/Training",
}

_folder = Path.home() / ".cache" / "wardround" / "scores"
_address: str | None = _ADDRESS


@dataclass(frozen=True)
class Listed:
    """A score of the Catalog's list."""

    pgs_id: str
    name: str
    trait_reported: str
    trait_mapped: str
    variants: str

    @property
    def traits(self) -> tuple[str, str]:
        """The trait as its authors name it, and as the Catalog does."""
        return self.trait_reported, self.trait_mapped


def configure(place: Path | None = None, address: str | None = None) -> None:
    """Set the folder, and the Catalog's address; without an address nothing is fetched."""
    global _folder, _address
    _folder, _address = place or _folder, address


def folder() -> Path:
    """Where fetched scores are kept."""
    return _folder


def kept(pgs_id: str, build: str) -> Path | None:
    """A score that is in the folder, harmonised to a build."""
    beside = [_folder / f"{pgs_id}_hmPOS_{build}.txt{end}" for end in (".gz", "")]
    return next((path for path in beside if path.is_file()), None)


def where(pgs_id: str, build: str) -> tuple[str, Path]:
    """The address of a score's file, and where it belongs in the folder."""
    name = f"{pgs_id}_hmPOS_{build}.txt.gz"
    base = _address or _ADDRESS
    return f"{base}/scores/{pgs_id}/ScoringFiles/Harmonized/{name}", _folder / name


def fetch(pgs_id: str, build: str) -> Path:
    """Give a score's file, fetching it into the folder if it is not there.

    Args:
        pgs_id: As `PGS000001`.
        build: GRCh37 or GRCh38, to which the Catalog harmonised the score.

    Raises:
        InvalidInput: If that is no id, or no such build.
        BackendUnavailable: If the Catalog cannot be reached, or has no such score; the message
            says what to fetch and where to put it.
    """
    if not _ID.fullmatch(pgs_id) or build not in ("GRCh37", "GRCh38"):
        raise InvalidInput("A score is named as PGS000001, and its build GRCh37 or GRCh38.")
    found = kept(pgs_id, build)
    if found is not None:
        return found
    address, path = where(pgs_id, build)
    try:
        _download(address, path)
        _check(path, pgs_id)
    except (OSError, URLError, ValueError) as error:
        raise BackendUnavailable(_instructions(pgs_id, address, path)) from error
    return path


def refresh() -> int:
    """Fetch the Catalog's list of scores anew; gives how many it has.

    Raises:
        BackendUnavailable: If the Catalog cannot be reached.
    """
    path = _folder / "index.csv"
    address = f"{_address or _ADDRESS}/{_INDEX}"
    try:
        _download(address, path)
    except (OSError, URLError, ValueError) as error:
        raise BackendUnavailable(
            f"The PGS Catalog cannot be reached from here. Fetch {address} elsewhere and put it at"
            f" {_told(path)}."
        ) from error
    return sum(1 for _ in index())


def index() -> Iterator[Listed]:
    """The Catalog's list as it was last fetched; nothing if it never was."""
    path = _folder / "index.csv"
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        if not set(_COLUMNS.values()) <= set(rows.fieldnames or ()):
            raise UnreadableFile("The list of scores is not the Catalog's: fetch it again.")
        for row in rows:
            yield Listed(**{key: row[name] or "" for key, name in _COLUMNS.items()})


def ancestry(pgs_id: str) -> dict[str, dict[str, float]]:
    """Whose genomes a score was made with, as the Catalog's list says.

    Returns:
        For 'gwas' (where the variants come from) and 'training', the percentage of each of the
        Catalog's terms; empty where no list was fetched, or it does not say.
    """
    path = _folder / "index.csv"
    return _ancestries(path, path.stat().st_mtime_ns).get(pgs_id, {}) if path.is_file() else {}


@lru_cache(maxsize=1)
def _ancestries(path: Path, changed: int) -> dict[str, dict[str, dict[str, float]]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return {
            row.get(_COLUMNS["pgs_id"]) or "": {
                part: shares
                for part, column in _ANCESTRY.items()
                if (shares := _shares(row.get(column) or ""))
            }
            for row in csv.DictReader(file)
        }


def _shares(told: str) -> dict[str, float]:
    """Read 'European:63.6|East Asian:36.4'."""
    return {term.strip(): float(share) for term, share in _SHARE.findall(told)}


def _download(address: str, path: Path) -> None:
    """Fetch a file whole or not at all."""
    if _address is None:
        raise ValueError("downloads are switched off")
    path.parent.mkdir(parents=True, exist_ok=True)
    request = Request(address, headers={"User-Agent": "wardround"})
    with urlopen(request, timeout=_TIMEOUT_S) as answer:
        content = answer.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("larger than a score can be")
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _check(path: Path, pgs_id: str) -> None:
    """A file that is not the score that was asked for does not stay."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
            head = [line.strip() for line, _ in zip(file, range(60), strict=False)]
    except (EOFError, zlib.error, gzip.BadGzipFile):
        head = []
    if f"#pgs_id={pgs_id}" not in head:
        path.unlink()
        raise ValueError("another file than was asked for")


def _instructions(pgs_id: str, address: str, path: Path) -> str:
    return (
        f"{pgs_id} could not be fetched from the PGS Catalog: there is no network, or no such"
        f" score. Fetch {address} elsewhere and put it at {_told(path)}, or pass the file itself."
    )


def _told(path: Path) -> str:
    """A path below the user's home, without whose home it is."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else path.name
