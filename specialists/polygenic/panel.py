"""Reference panels: what a cohort looks like, kept without its people.

A panel is one safetensors file: sites with loadings, each reference person's components and
population, and the cohort's scores. No names and no genotypes of a person are in it. Panels are
kept in a folder of the user and are called by name.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from specialists.errors import BackendUnavailable, InvalidInput, UnreadableFile
from specialists.polygenic.ancestry import Cohort
from specialists.polygenic.ancestry_projection import Loadings, Sites
from specialists.readers.transport import transported

__all__ = [
    "DEFAULT",
    "Panel",
    "ReferenceScore",
    "checked_name",
    "find_panel",
    "installed",
    "load_panel",
    "panel_folder",
    "panel_path",
    "read_tensors",
    "save_panel",
    "write_tensors",
]

DEFAULT = "default"
"""A panel of this name is used where a call names none."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_FORMAT = "1"
_ENDING = ".safetensors"


@transported
@dataclass(frozen=True, eq=False)
class ReferenceScore:
    """A score in the reference cohort."""

    name: str
    sha256: str
    """Of the scoring file."""
    variants: int
    """How many the scoring file has."""
    kept_ambiguous: bool
    values: NDArray[np.float64]
    """Shape (people,): sums over `used`."""
    used: NDArray[np.int64]
    """Shape (used,): which variants of the scoring file, in its order."""
    expected: NDArray[np.float64]
    """Shape (used,): what each adds on average."""
    variance: NDArray[np.float64]
    """Shape (used,): of what each adds."""


@transported
@dataclass(frozen=True, eq=False)
class Panel:
    """A reference cohort."""

    name: str
    title: str
    """Which people these are, as the builder said."""
    genome_build: str | None
    sites: Sites
    """Those of the components."""
    loadings: Loadings
    frequency: NDArray[np.float64]
    """Shape (populations, sites): of the alternate allele."""
    cohort: Cohort
    sex_sites: Sites
    """Variants of chromosome X outside the parts that it shares with Y."""
    sex_frequency: NDArray[np.float64]
    """Shape (sex sites,): of the alternate allele."""
    scores: tuple[ReferenceScore, ...] = ()

    def score(self, sha256: str) -> ReferenceScore | None:
        """The score of a scoring file, where the panel has it."""
        return next((score for score in self.scores if score.sha256 == sha256), None)


def panel_folder() -> Path:
    """Where the user's panels are kept."""
    return Path.home() / ".local" / "share" / "wardround" / "panels"


def installed() -> list[str]:
    """Names of the panels that are there."""
    return sorted(path.stem for path in panel_folder().glob(f"*{_ENDING}"))


def find_panel(name: str | None) -> Path | None:
    """Tell where a panel is; for no name, the default one, or None if there is none.

    Raises:
        InvalidInput: If there is no panel of that name.
    """
    path = panel_path(name or DEFAULT)
    if path.is_file():
        return path
    if name is None:
        return None
    there = ", ".join(installed()) or "none"
    raise InvalidInput(
        f"There is no reference panel of that name. Installed: {there}. One is made from a cohort"
        " with `wardround reference-panel build`."
    )


def panel_path(name: str) -> Path:
    """Where a panel of a name is, or would be.

    Raises:
        InvalidInput: If no panel can have that name.
    """
    return panel_folder() / f"{checked_name(name)}{_ENDING}"


def checked_name(name: str) -> str:
    """A panel's name: lower-case letters, digits, - and _.

    Raises:
        InvalidInput: For any other.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput("A reference panel's name is made of a to z, 0 to 9, - and _.")
    return name


def save_panel(panel: Panel, path: Path) -> None:
    """Write a panel.

    Raises:
        BackendUnavailable: If safetensors is not installed.
    """
    write_tensors(path, _arrays(panel), {"panel": json.dumps(_facts(panel))})


def load_panel(path: Path) -> Panel:
    """Read a panel.

    Raises:
        BackendUnavailable: If safetensors is not installed.
        UnreadableFile: If it is no panel, or one of another version.
    """
    arrays, said = read_tensors(path)
    try:
        facts = json.loads(said["panel"])
        if facts["format"] != _FORMAT:
            raise KeyError
        return _panel(facts, arrays)
    except (KeyError, ValueError) as error:
        raise UnreadableFile(
            "The reference panel cannot be read; build it again with this version."
        ) from error


def write_tensors(path: Path, arrays: dict[str, NDArray[Any]], facts: dict[str, str]) -> None:
    """Write arrays and texts as one safetensors file, all of it or nothing."""
    tensors = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    _safetensors().save_file(tensors, part, metadata=facts)
    part.replace(path)


def read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Read the arrays and texts of a safetensors file.

    Raises:
        BackendUnavailable: If safetensors is not installed.
        UnreadableFile: If it is no such file.
    """
    _safetensors()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return arrays, file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise UnreadableFile("The file of the panel or model is no safetensors file.") from error


def _facts(panel: Panel) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "name": panel.name,
        "title": panel.title,
        "genome_build": panel.genome_build,
        "populations": panel.cohort.names,
        "alleles": panel.sites.alleles,
        "sex_alleles": panel.sex_sites.alleles,
        "scores": [
            {
                "name": score.name,
                "sha256": score.sha256,
                "variants": score.variants,
                "kept_ambiguous": score.kept_ambiguous,
            }
            for score in panel.scores
        ],
    }


def _arrays(panel: Panel) -> dict[str, NDArray[Any]]:
    loadings, cohort = panel.loadings, panel.cohort
    arrays: dict[str, NDArray[Any]] = {
        **_site_arrays("sites", panel.sites),
        **_site_arrays("sex_sites", panel.sex_sites),
        "mean": loadings.mean,
        "scale": loadings.scale,
        "vectors": loadings.vectors.astype(np.float32),
        "shrinkage": loadings.shrinkage,
        "frequency": panel.frequency.astype(np.float32),
        "sex_frequency": panel.sex_frequency,
        "components": cohort.components.astype(np.float32),
        "population": cohort.population,
    }
    for number, score in enumerate(panel.scores):
        for field in ("values", "used", "expected", "variance"):
            arrays[f"score{number}.{field}"] = getattr(score, field)
    return arrays


def _site_arrays(name: str, sites: Sites) -> dict[str, NDArray[Any]]:
    fields = ("chromosome", "position", "reference", "alternate")
    return {f"{name}.{field}": getattr(sites, field) for field in fields}


def _sites(arrays: dict[str, NDArray[Any]], name: str, alleles: list[str]) -> Sites:
    of = {field: arrays[f"{name}.{field}"] for field in ("chromosome", "position")}
    ends = {field: arrays[f"{name}.{field}"] for field in ("reference", "alternate")}
    return Sites(**of, alleles=tuple(alleles), **ends)


def _panel(facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Panel:
    doubles = {name: values.astype(np.float64) for name, values in arrays.items()}
    return Panel(
        name=facts["name"],
        title=facts["title"],
        genome_build=facts["genome_build"],
        sites=_sites(arrays, "sites", facts["alleles"]),
        loadings=Loadings(
            **{name: doubles[name] for name in ("mean", "scale", "vectors", "shrinkage")}
        ),
        frequency=doubles["frequency"],
        cohort=Cohort(doubles["components"], arrays["population"], tuple(facts["populations"])),
        sex_sites=_sites(arrays, "sex_sites", facts["sex_alleles"]),
        sex_frequency=doubles["sex_frequency"],
        scores=tuple(
            _reference_score(said, arrays, number) for number, said in enumerate(facts["scores"])
        ),
    )


def _reference_score(
    said: dict[str, Any], arrays: dict[str, NDArray[Any]], number: int
) -> ReferenceScore:
    fields = ("values", "used", "expected", "variance")
    of: dict[str, Any] = {field: arrays[f"score{number}.{field}"] for field in fields}
    return ReferenceScore(**said, **of)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise BackendUnavailable(
            'Reference panels and joint models need safetensors: pip install "wardround[genomics]"'
        ) from error
    return safetensors.numpy
