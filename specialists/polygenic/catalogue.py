"""The scores that come with the package, and which score a call means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from specialists.errors import BackendUnavailable, InvalidInput
from specialists.polygenic import library
from specialists.readers.scoring_file import ScoreFacts

__all__ = ["Bundled", "bundled", "choose", "described", "known_scores"]

_FOLDER = Path(__file__).parent / "scores"
_ID = re.compile(r"PGS\d{6}", re.IGNORECASE)
_MOST_NAMED = 20
_NOWHERE = "neither in a scoring file of this call nor among the scores that come with the program:"
_REFRESH = (
    "`wardround scores refresh` fetches the PGS Catalog's list of traits; or pass the score's"
    " scoring file from the Catalog."
)


@dataclass(frozen=True)
class Bundled:
    """A scoring file of the package."""

    file: str
    sha256: str
    header: Mapping[str, str]
    """What the file's own header says of score, trait and source; of a file without one, what
    the PGS Catalog says."""
    genome_build: str

    @property
    def path(self) -> Path:
        """Where the file is."""
        return _FOLDER / self.file

    @property
    def pgs_id(self) -> str:
        """PGS Catalog id."""
        return self.header["pgs_id"]

    @property
    def traits(self) -> tuple[str, str]:
        """The trait as its authors name it, and as the Catalog does."""
        return self.header["trait_reported"], self.header["trait_mapped"]


@cache
def bundled() -> tuple[Bundled, ...]:
    """Every scoring file of the package."""
    listed = json.loads((_FOLDER / "index.json").read_text(encoding="utf-8"))
    return tuple(Bundled(**entry) for entry in listed)


def choose(wanted: str, build: str | None) -> Path:
    """Find a scoring file by PGS Catalog id or trait.

    Scores that come with the package or were fetched before are taken from here; others are
    fetched from the Catalog by their id.

    Args:
        wanted: An id, or a trait in any case: as it is named, or a part of that.
        build: Of the genotypes. A file on it is preferred; else one on GRCh38.

    Raises:
        InvalidInput: If there is none, or several scores fit; the message names them, and says
            what to fetch where there is no network.
    """
    word = wanted.strip()
    if _ID.fullmatch(word):
        return _of_id(word.upper(), build)
    fitting = _by_trait(word.casefold())
    ids = sorted({score.pgs_id for score in fitting})
    if not ids:
        raise InvalidInput(f"A score of that trait is {_NOWHERE} {known_scores()}. {_REFRESH}")
    if len(ids) > 1:
        raise InvalidInput(f"Several scores fit that trait: {_named(fitting)}. Name one by its id.")
    return _of_id(ids[0], build)


def _of_id(pgs_id: str, build: str | None) -> Path:
    ours = [score for score in bundled() if score.pgs_id == pgs_id]
    best = min(ours, key=lambda score: _preference(score, build), default=None)
    if best is not None and build in (None, best.genome_build):
        return best.path
    try:
        return library.fetch(pgs_id, build or "GRCh38")
    except BackendUnavailable as error:
        if best is not None:
            return best.path
        told = f"The score of that id is {_NOWHERE} {known_scores()}. {error.client_message}"
        raise InvalidInput(told) from error


def described(score: ScoreFacts) -> ScoreFacts:
    """Add what is known of a bundled file to what its own header says."""
    for known in bundled():
        if known.sha256 == score.sha256:
            build = score.genome_build or known.genome_build
            return replace(score, header={**known.header, **score.header}, genome_build=build)
    return score


def known_scores() -> str:
    """Name the bundled scores, for a message."""
    return _named(bundled())


def _preference(score: Bundled, build: str | None) -> tuple[bool, bool]:
    return score.genome_build != build, score.genome_build != "GRCh38"


def _by_trait(trait: str) -> list[Bundled | library.Listed]:
    if not trait:
        return []
    known: list[Bundled | library.Listed] = [*bundled(), *library.index()]
    exact = [score for score in known if trait in map(str.casefold, score.traits)]
    return exact or [s for s in known if any(trait in t.casefold() for t in s.traits)]


def _named(scores: Iterable[Bundled | library.Listed]) -> str:
    names = sorted({f"{score.pgs_id} ({score.traits[0]})" for score in scores})
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
