"""The dermoscopic pictures that the skin reference learns from."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from specialists.skin.person import Person, band
from specialists.skin.preprocess import preprocess
from specialists.skin.spec import DIAGNOSES, SITES

NUMBERS = {
    alias: index
    for index, (name, known) in enumerate(DIAGNOSES.items())
    for alias in (name, *known)
}


@dataclass(frozen=True)
class Lesions:
    """The cases of a data folder.

    Attributes:
        images: Shape (n, 3, SIZE, SIZE), bytes.
        labels: Shape (n,), places in DIAGNOSES.
        groups: Length n, the lesion that the picture shows.
        people: Length n, what is known of the person and the site.
    """

    images: Tensor
    labels: NDArray[np.intp]
    groups: list[str]
    people: list[Person]


def person_of(row: Mapping[str, str]) -> Person:
    """Return what a row of labels tells of the person, leaving out what is unknown."""
    told = {"sex": row.get("sex", ""), "site": row.get("localization", "")}
    known = {"sex": ("female", "male"), "site": SITES}
    age = {"age": band(float(row["age"]))} if row.get("age") else {}
    return age | {item: value for item, value in told.items() if value in known[item]}


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture as sRGB (rows, columns, 3)."""
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def read_lesions(folder: Path, every: int = 1) -> Lesions:
    """Read a data folder, or every n-th picture for a trial."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))[::every]
    pictures = []
    for row in rows:
        name = row["image_id"] if "." in row["image_id"] else row["image_id"] + ".jpg"
        pictures.append(preprocess(read_picture(folder / "images" / name)))
    return Lesions(
        torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous(),
        np.array([NUMBERS[row["dx"]] for row in rows], dtype=np.intp),
        [row["lesion_id"] for row in rows],
        [person_of(row) for row in rows],
    )
