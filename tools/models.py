"""The models behind the tools: what each is, on what terms, and how well it was measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from specialists import hub
from specialists.base import BackendSpec
from specialists.hub_models import KNOWN
from specialists.machine import why_not
from specialists.registry import spec_of, specs

__all__ = ["figures", "further", "listed", "sentence"]

RECOGNISER = "recogniser"
COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auc_binary": "AUC of the yes-or-no question",
    "coverage": "coverage of the sets",
    "set_size": "classes in a set",
}


def listed() -> list[dict[str, Any]]:
    """Describe every backend of every tool, and of the recogniser.

    Returns:
        Rows of `tool`, `backend`, `runs_here` (None, or why not), `licence`, `weights_mib` (None
        where there are none), `trained_on`, `evaluated_on`, `memory_gib`, `speed` (as it was
        measured on a GPU, or None), and of a hub model `hub_id`, `revision` (the commit here),
        `gated`, `terms`, `download_gib` and `served_at`.
    """
    known = [*specs().values(), spec_of(RECOGNISER)]
    return [_row(spec.name, backend) for spec in known for backend in spec.backends]


def further() -> list[dict[str, Any]]:
    """Describe the known hub models that no backend names, as `listed` does."""
    used = {row["hub_id"] for row in listed()}
    return [
        {"tool": None, "backend": None, "memory_gib": model.weights_gib, **_of_hub(model)}
        for model in KNOWN
        if model.id not in used
    ]


def figures() -> list[dict[str, Any]]:
    """Gather the measured figures of all cards.

    Returns:
        Rows of `tool`, `backend`, `part` (what was measured), `split` (what was held out), `n`
        and `metrics` (each with `value`, `low` and `high`: the 95% interval).
    """
    known = [*specs().values(), spec_of(RECOGNISER)]
    return [
        {"tool": spec.name, "backend": backend.name, **row}
        for spec in known
        for backend in spec.backends
        for row in _figures(_card(backend))
    ]


def sentence(card: Mapping[str, Any]) -> str:
    """Say what a card without classes has been compared with; empty where it says nothing."""
    told = []
    for case in card.get("cases", ()):
        values = ", ".join(f"{name.replace('_', ' ')} {value:.3f}"
                           for name, value in case.get("dice", {}).items())  # fmt: skip
        told.append(f"{case['description']}: {values}")
    return f"Dice on single scans, so without intervals: {'; '.join(told)}." if told else ""


def _row(tool: str, backend: BackendSpec) -> dict[str, Any]:
    card, weights = _card(backend), _beside(backend, ".safetensors")
    return {
        "tool": tool,
        "backend": backend.name,
        "runs_here": why_not(backend, tool),
        "weights_mib": round(weights.stat().st_size / 2**20, 1) if weights else None,
        "trained_on": [source["name"] for source in card.get("data", ())],
        "evaluated_on": [f"{row['part']} (n={row['n']})" for row in _figures(card)],
        "compared": sentence(card),
        "memory_gib": backend.memory_gib,
        **_of_hub(backend.hub),
        "licence": backend.hub.licence if backend.hub else _licence(card, weights),
    }


def _licence(card: Mapping[str, Any], weights: Path | None) -> str:
    return str(card.get("licence", "not stated" if weights else "that of the code"))


def _of_hub(model: hub.HubModel | None) -> dict[str, Any]:
    if model is None:
        return {"hub_id": None, "revision": None, "gated": False, "terms": None,
                "download_gib": None, "served_at": None, "speed": None}  # fmt: skip
    place = hub.weights(model)
    return {
        "hub_id": model.id,
        "revision": model.revision or hub.pinned(model),
        "licence": model.licence,
        "gated": model.gated,
        "terms": model.terms,
        "download_gib": model.download_gib,
        "served_at": place.url if isinstance(place, hub.Endpoint) else None,
        "speed": _speeds().get(model.id),
    }


def _speeds() -> dict[str, Any]:
    """What `make check-gpu` measured, by hub id; empty where it never ran."""
    path = Path(__file__).parents[1] / "tests" / "bench" / "gpu.json"
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))["models"] if path.is_file() else {}
    return told


def _beside(backend: BackendSpec, ending: str) -> Path | None:
    """A file of the backend's name in the folder of its module, if there is one."""
    try:
        found = find_spec(backend.target.split(":")[0])
    except ModuleNotFoundError:
        return None
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).with_name(backend.name + ending)
    return path if path.is_file() else None


def _card(backend: BackendSpec) -> dict[str, Any]:
    path = _beside(backend, ".json")
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path else {}
    return card


def _figures(card: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, measured in _measured(card.get("metrics", {}), ()):
        yield {
            "part": ", ".join(path),
            "split": _split(card, path),
            "n": measured["n"],
            "metrics": {name: measured[name] for name in COLUMNS if name in measured},
        }


def _measured(
    value: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every part of `metrics` that was measured on n cases, with its place."""
    if "n" in value and isinstance(value.get("accuracy"), Mapping):
        yield path, value
        return
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _measured(inner, (*path, name))


def _split(card: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """What was held out together, for the whole card or for the first step of a path."""
    split = card.get("split", {})
    own = split.get(path[0], split) if path else split
    told = str(own if isinstance(own, str) else own.get("grouped_by", ""))
    return told.split(":")[0]
