"""Completes a manifest from the pixels, where the header does not say enough."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from specialists.errors import WardroundError
from specialists.readers import read_photograph, read_radiograph
from specialists.recogniser.loaded import recogniser
from specialists.schema import Manifest
from tools.files import FileStore, Held

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["complete"]

logger = logging.getLogger(__name__)

_MEANING: dict[str, dict[str, Any]] = {
    "chest X-ray": {"kind": "radiograph", "modality": "DX", "body_part": "chest"},
    "other radiograph": {"kind": "radiograph", "modality": "DX"},
    "CT slice": {"kind": "image", "modality": "CT"},
    "MR slice": {"kind": "image", "modality": "MR"},
    "other scan": {"kind": "image", "modality": "OT"},
    "fundus photograph": {"kind": "photograph", "modality": "OP", "body_part": "eye"},
    "skin image": {"kind": "photograph", "modality": "XC", "body_part": "skin"},
    "H&E tissue": {"kind": "image", "modality": "SM"},
}


def complete(store: FileStore, held: Held) -> Held:
    """Add what the recogniser sees, to pictures without a header and to unproven claims.

    A body part that stands only in a header's free text is a claim: without the recogniser's
    word for it, it is dropped.
    """
    manifest = held.found.manifest
    if manifest is None or manifest.recognised is not None:
        return held
    if manifest.kind == "image" and manifest.modality is None:
        return store.replace_manifest(held, _named(manifest, held))
    if manifest.kind == "radiograph" and manifest.body_part_source == "header text":
        return store.replace_manifest(held, _confirmed(manifest, held))
    return held


def _named(manifest: Manifest, held: Held) -> Manifest:
    seen = _look(held)
    meaning = dict(_MEANING.get(str(seen["recognised"]), {}))
    if "body_part" in meaning:
        meaning["body_part_source"] = "recogniser"
    return manifest.model_copy(update={**seen, **meaning})


def _confirmed(manifest: Manifest, held: Held) -> Manifest:
    if manifest.body_part != "chest":
        return manifest
    seen = _look(held)
    if seen["recognised"] == "chest X-ray":
        return manifest.model_copy(update=seen)
    note = "the header names the body part only in free text, and the picture does not confirm it"
    claim = {"body_part": None, "body_part_source": None, "notes": (*manifest.notes, note)}
    return manifest.model_copy(update={**seen, **claim})


def _look(held: Held) -> dict[str, Any]:
    net = recogniser()
    if net is None:
        return {"recognised": "unknown", "recognised_probability": None}
    try:
        label, probability, _ = net.recognise(_pixels(held))
    except WardroundError as error:
        logger.info("recogniser: %s", error.code)
        return {"recognised": "unknown", "recognised_probability": None}
    return {"recognised": label, "recognised_probability": round(float(probability), 3)}


def _pixels(held: Held) -> NDArray[Any]:
    """Shape (rows, columns, 3), uint8, sRGB."""
    import numpy as np

    if held.manifest.kind == "radiograph":
        grey = np.rint(read_radiograph(held.found.paths).pixels * 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return read_photograph(held.found.paths).pixels
