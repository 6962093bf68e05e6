"""Scores of the PGS Catalog: listed, fetched by id, and the list of traits refreshed."""

from __future__ import annotations

from typing import Any

from specialists.polygenic import library
from specialists.polygenic.catalogue import bundled

__all__ = ["fetch", "folder", "listed", "refresh"]


def listed(trait: str = "") -> list[dict[str, Any]]:
    """Scores that come with the package and those of the Catalog's list, by id.

    Args:
        trait: Only those whose trait has these words.
    """
    rows: dict[str, dict[str, Any]] = {
        score.pgs_id: {"pgs_id": score.pgs_id, "trait": score.traits[0], "here": "shipped"}
        for score in bundled()
        if _about(trait, score.traits)
    }
    for one in library.index():
        if _about(trait, one.traits) and one.pgs_id not in rows:
            fetched = any(library.kept(one.pgs_id, build) for build in ("GRCh37", "GRCh38"))
            rows[one.pgs_id] = {
                "pgs_id": one.pgs_id,
                "trait": one.trait_reported,
                "here": "fetched" if fetched else None,
            }
    return [rows[pgs_id] for pgs_id in sorted(rows)]


def fetch(pgs_id: str, build: str) -> str:
    """Fetch a score by its id; gives the file's name."""
    return library.fetch(pgs_id.upper(), build).name


def refresh() -> int:
    """Fetch the Catalog's list of scores anew; gives how many it has."""
    return library.refresh()


def folder() -> str:
    """Where fetched scores are kept."""
    return str(library.folder())


def _about(trait: str, traits: tuple[str, str]) -> bool:
    return any(trait.casefold() in text.casefold() for text in traits)
