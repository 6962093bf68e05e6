"""The scores that come with the package, and which of them a call means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from specialists.errors import InvalidInput
from specialists.readers.scoring_file import ScoreFacts

__all__ = ["Bundled", "bundled", "choose", "described", "known_scores"]

_FOLDER = Path(__file__).parent / "scores"
_ID = re.compile(r"PGS\d{6}", re.IGNORECASE)


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
    """Find a bundled scoring file by PGS Catalog id or trait.

    Args:
        wanted: An id, or a trait in any case: as it is named, or a part of that.
        build: Of the genotypes. A file on it is preferred; else one on GRCh38.

    Raises:
        InvalidInput: If there is none, or several scores fit; the message names them.
    """
    by_id = _ID.fullmatch(wanted.strip()) is not None
    fitting = _by_id(wanted.strip()) if by_id else _by_trait(wanted.strip().casefold())
    ids = sorted({score.pgs_id for score in fitting})
    if not ids:
        raise InvalidInput(_none(by_id))
    if len(ids) > 1:
        raise InvalidInput(f"Several scores fit that trait: {_named(fitting)}. Name one by its id.")
    return min(fitting, key=lambda score: _preference(score, build)).path


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


def _by_id(pgs_id: str) -> list[Bundled]:
    return [score for score in bundled() if score.pgs_id == pgs_id.upper()]


def _by_trait(trait: str) -> list[Bundled]:
    if not trait:
        return []
    exact = [score for score in bundled() if trait in map(str.casefold, score.traits)]
    return exact or [s for s in bundled() if any(trait in t.casefold() for t in s.traits)]


def _none(by_id: bool) -> str:
    what = "The score of that id" if by_id else "A score of that trait"
    return (
        f"{what} is neither in a scoring file of this call nor among the scores that come with"
        f" the program: {known_scores()}. Pass the score's scoring file from the PGS Catalog."
    )


def _named(scores: Iterable[Bundled]) -> str:
    return ", ".join(sorted({f"{score.pgs_id} ({score.traits[0]})" for score in scores}))
