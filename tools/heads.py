"""From labelled files to a head on an encoder: features, training, card and calibration."""

from __future__ import annotations

import hashlib
import logging
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from specialists.acceptance import assign_roles
from specialists.base import Source
from specialists.classes.tasks import TASKS, Task
from specialists.encoders.features import FeatureCache, FeatureEncoder, load
from specialists.encoders.fitting import PARTS, Fitted, fit_head
from specialists.encoders.heads import write
from specialists.encoders.loading import described
from specialists.errors import InvalidInput, NotAccepted, WardroundError
from specialists.machine import resolve_device
from specialists.pathology.spec import HEADS
from specialists.readers.slide import read_slide
from specialists.recalibration.fit import COVERAGE
from specialists.recalibration.record import Calibration, place_of
from specialists.recalibration.record import write as write_calibration
from tools.files import FileStore
from tools.recognition import complete

__all__ = ["Example", "train"]

logger = logging.getLogger(__name__)

TILES = 256
"""Of a whole slide, at most."""
_LIMITS = (
    "Measured on groups held out from the same folder: expect less on other devices and persons. "
    "Cases unlike all of those may be misjudged without a warning."
)


class Example(NamedTuple):
    """A labelled file."""

    path: Path
    label: str
    group: str


class _Described(NamedTuple):
    example: Example
    kind: str
    digest: str
    features: Any
    """Shape (width,)."""


def train(
    tool: str,
    encoder: str,
    examples: Sequence[Example],
    device: str = "auto",
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train the head of a tool, keep it, and calibrate it.

    Args:
        tool: The specialist.
        encoder: A hub id whose files are here.
        examples: Files with their classes and groups.
        device: Of the encoder.
        progress: Told how far it is.

    Returns:
        The head's card.

    Raises:
        InvalidInput: If the tool takes no head, or the examples are too few or unfit.
        BackendUnavailable: If the encoder can't run here.
    """
    if tool not in TASKS:
        raise InvalidInput(f"{tool} takes no head. Those that do: {', '.join(TASKS)}.")
    task = TASKS[tool]
    organ, classes = _classes(task, examples)
    loaded = load(described(encoder), resolve_device(device))
    found, refused = _described(task, loaded, examples, progress)
    kinds = sorted({one.kind for one in found})
    if len(kinds) > 1:
        raise InvalidInput(f"A head is trained on files of one kind; these are {kinds}.")
    fitted = fit_head(
        [one.features for one in found],  # type: ignore[arg-type]
        [one.example.label for one in found],
        [one.example.group for one in found],
        classes,
        task.spec.positive,
        bool(task.spec.question),
    )
    made = _card(task, loaded, fitted, found, refused)
    card = write(tool, fitted.head, made | {"organ": organ, "classes": list(classes)})
    write_calibration(_calibration(task, card, fitted, kinds), place_of(tool, "head"))
    return card


def _classes(task: Task, examples: Sequence[Example]) -> tuple[str | None, tuple[str, ...]]:
    """The organ, for tissue, and the classes that there are cases of: a head knows no others.

    Raises:
        InvalidInput: If there is one class alone, or the labels are of several organs.
    """
    labels = {one.label for one in examples}
    if len(labels) < 2:
        raise InvalidInput("A head needs cases of at least two classes.")
    if task.role != "slide":
        return None, tuple(name for name in task.spec.labels if name in labels)
    for organ, head in HEADS.items():
        if labels <= set(head.classes):
            return organ, tuple(name for name in head.classes if name in labels)
    raise InvalidInput("The labels are of several organs: a head is trained for one.")


def _described(
    task: Task,
    loaded: FeatureEncoder,
    examples: Sequence[Example],
    progress: Callable[[str], None],
) -> tuple[list[_Described], dict[str, int]]:
    """Features of all files, from the cache where they are; those refused are counted."""
    store = FileStore(sorted({one.path.parent for one in examples}))
    found, refused = [], dict[str, int]()
    for number, one in enumerate(examples, 1):
        try:
            found.append(_one(task, loaded, store, one))
        except WardroundError as error:
            refused[error.code] = refused.get(error.code, 0) + 1
        progress(f"{number}/{len(examples)}")
    if not found:
        told = ", ".join(f"{code} {count} times" for code, count in sorted(refused.items()))
        raise InvalidInput(f"No file of the folder was accepted: {told}.")
    return found, refused


def _one(task: Task, loaded: FeatureEncoder, store: FileStore, one: Example) -> _Described:
    (held,) = store.find([str(one.path)])
    held = complete(store, held)
    _, reasons = assign_roles(task.spec.accepts, [held.manifest])
    if reasons:
        raise NotAccepted(reasons[0])
    with one.path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    cache = FeatureCache(loaded.recipe)
    features = cache.read(digest)
    if features is None:
        features = _features(task, loaded, held.source)
        cache.write(digest, features)
    return _Described(one, held.manifest.kind, digest, features.mean(axis=0))


def _features(task: Task, loaded: FeatureEncoder, source: Source) -> Any:
    """Shape (pictures, width): one picture, or the tiles of a slide."""
    if source.manifest.kind != "slide":
        return loaded.features([task.see(source).pixels])
    encoder = loaded.encoder
    slide = read_slide(
        source.paths,
        field_um=encoder.field_um,
        size=encoder.pixels,
        most=TILES,
        series=source.series,
    )
    if not len(slide.tiles):
        raise NotAccepted("The slide has no tissue, or too coarse pixels, for the encoder's tiles.")
    return loaded.features(list(slide.tiles))


def _card(
    task: Task,
    loaded: FeatureEncoder,
    fitted: Fitted,
    found: Sequence[_Described],
    refused: dict[str, int],
) -> dict[str, Any]:
    hub = loaded.encoder.hub
    lines = sorted(f"{one.digest} {one.example.label} {one.example.group}" for one in found)
    data = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return {
        "name": f"linear head on {hub.id}",
        "version": data[:12],
        "task": task.target,
        "intended_use": f"{task.spec.name} on files like those of its training, for a qualified "
        "reader to check. Not a medical device.",
        "limits": _LIMITS,
        "not_assessed": list(task.not_assessed),
        "licence": f"encoder: {hub.licence}" + (f". {hub.terms}" if hub.terms else ""),
        "encoder": _encoder(loaded, tissue=task.role == "slide"),
        "data": [{"name": "the user's own cases", "n": len(found), "sha256": data}],
        "kinds": sorted({one.kind for one in found}),
        "refused": refused,
        "split": {"grouped_by": "group", "shares": PARTS, "parts": fitted.sizes},
        "training": {"model": "logistic regression on standardised features", "C": fitted.penalty},
        "conformal": {
            "coverage_target": COVERAGE,
            "temperature": fitted.part.temperature,
            "limits": fitted.part.limits,
        },
        "metrics": {"test": fitted.metrics},
        "command": shlex.join(
            ["wardround", "train-head", task.spec.name, "--encoder", hub.id, "--data", "DIR"]
        ),
    }


def _encoder(loaded: FeatureEncoder, *, tissue: bool) -> dict[str, Any]:
    encoder = loaded.encoder
    scale = {"um_per_px": encoder.um_per_px, "magnification": encoder.magnification}
    return {
        "id": encoder.hub.id,
        "sha256": loaded.weights_sha256,
        "recipe": loaded.recipe,
        "pixels": encoder.pixels,
        **asdict(encoder.normal),
        "pooling": encoder.pooling,
        **(scale if tissue else {}),
    }


def _calibration(
    task: Task, card: dict[str, Any], fitted: Fitted, kinds: Sequence[str]
) -> Calibration:
    return Calibration(
        specialist=task.spec.name,
        backend="head",
        model=card["name"],
        version=card["version"],
        weights_sha256=card["sha256"],
        coverage=COVERAGE,
        kinds=tuple(kinds),
        parts=(fitted.part,),
        labels_sha256=card["data"][0]["sha256"],
    )
