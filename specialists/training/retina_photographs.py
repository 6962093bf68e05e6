"""Reads the photographs that the retina reference is made from, and the dust that they share."""

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from specialists.retina.dust import ROWS, clean
from specialists.retina.features import describe
from specialists.retina.lesions import find_lesions
from specialists.retina.preprocess import WIDTH, Fundus, preprocess, smooth
from specialists.retina.quality import MEASURES, measure

COLUMNS = {
    "grade": ("dr_grade", "Retinopathy grade"),
    "edema": ("macular_edema_risk", "Risk of macular edema "),
}
SHARED = 0.7
"""Share of the photographs that must have a place in their field for dust to be known there."""
Floats = NDArray[np.float64]
Labels = dict[str, NDArray[np.intp]]


@dataclass(frozen=True)
class Photographs:
    """The cases, in the order of the table.

    Attributes:
        names: Of the features.
        features: Shape (n, features).
        quality: By measure, shape (n,).
        labels: By task, shape (n,).
        dust: Shape (ROWS, WIDTH).
    """

    names: list[str]
    features: Floats
    quality: dict[str, Floats]
    labels: Labels
    dust: NDArray[np.float32]


def _column(row: Mapping[str, str], names: Sequence[str]) -> str:
    return next(row[name] for name in names if name in row)


def read_photographs(folder: Path, every: int = 1) -> Photographs:
    """Read and describe every photograph; `every` takes each n-th only, for a trial."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))[::every]
    names = [_column(row, ("image_id", "Image name")) for row in rows]
    images = [_opened(folder / "images" / f"{name}.jpg") for name in names]
    quality, dust = _looked_over(images)
    found = []
    for number, image in enumerate(images):
        found.append(_described(image, dust))
        _say(f"{number + 1}/{len(images)} described")
    labels = {
        task: np.array([int(_column(row, columns)) for row in rows])
        for task, columns in COLUMNS.items()
    }
    values = np.array([list(one.values()) for one in found])
    return Photographs(list(found[0]), values, quality, labels, dust)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        return opened.convert("RGB")


def _prepared(image: Image.Image) -> Fundus:
    return preprocess(np.asarray(image))


def _described(image: Image.Image, dust: NDArray[np.float32]) -> dict[str, float]:
    fundus = clean(_prepared(image), dust)
    return describe(fundus, find_lesions(fundus))


def _looked_over(
    images: Sequence[Image.Image],
) -> tuple[dict[str, Floats], NDArray[np.float32]]:
    """Return quality, and the median of what is darker or brighter at a place than close by.

    Every second photograph is enough for the median.
    """
    greens = np.zeros((-(-len(images) // 2), ROWS, WIDTH), np.float16)
    seen, quality = np.zeros((ROWS, WIDTH)), []
    for number, image in enumerate(images):
        fundus = _prepared(image)
        quality.append(measure(fundus))
        if number % 2 == 0:
            part = fundus.contrast[1][:ROWS]
            greens[number // 2, : len(part)] = part
            seen[: len(part)] += fundus.field[:ROWS]
        _say(f"{number + 1}/{len(images)} looked over")
    shared = np.stack([np.median(greens[:, row].astype(np.float32), axis=0) for row in range(ROWS)])
    dust = (smooth(shared, 0.8) - smooth(shared, 8)) * (seen > SHARED * len(greens))
    measured = {name: np.array([one[name] for one in quality]) for name in MEASURES}
    return measured, np.asarray(dust, np.float32)


def _say(message: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{message}")
