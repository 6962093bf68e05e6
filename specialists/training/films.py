"""The chest films that the chest reference learns from, paediatric and adult."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from specialists.chest_xray.preprocess import SIZE, preprocess

MARGIN = 16


@dataclass(frozen=True)
class Films:
    """The cases of both sets.

    Attributes:
        images: Shape (n, 1, SIZE + MARGIN, SIZE + MARGIN), to vary in training.
        inputs: Shape (n, 1, SIZE, SIZE), exactly what the program gives the network.
        labels: Shape (n,): 0 normal, 1 pneumonia.
        populations: Length n, "adult" or "paediatric".
        people: Length n, whom the film is of.
    """

    images: Tensor
    inputs: Tensor
    labels: NDArray[np.intp]
    populations: list[str]
    people: list[str]

    def strata(self) -> list[tuple[str, int]]:
        """Return population and label of each case."""
        return list(zip(self.populations, self.labels.tolist(), strict=True))


def person(name: str) -> str:
    """Return whom a paediatric film is of: `person123_virus_4`, `NORMAL2-IM-0115-0001`."""
    found = re.match(r"(person\d+)_|((?:NORMAL\d*-)?IM-\d+)-", name)
    if not found:
        raise ValueError("a paediatric file name without its person")
    return found.group(1) or found.group(2)


def read_films(folders: Mapping[str, Path], limit: int | None = None) -> Films:
    """Read both sets; `limit` cuts each to its first films, for a trial."""
    images, inputs, labels, populations, people = [], [], [], [], []
    for population, folder in folders.items():
        with (folder / "labels.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))[:: 1 if limit is None else limit]
        for row in rows:
            name = row["image_id"] if "." in row["image_id"] else row["image_id"] + ".jpg"
            grey = np.asarray(Image.open(folder / "images" / name).convert("L"), np.float32) / 255
            images.append(preprocess(grey, SIZE + MARGIN))
            inputs.append(preprocess(grey, SIZE))
            labels.append(int(row["label"] == "pneumonia"))
            populations.append(population)
            people.append(f"{population} {row.get('patient_id') or person(name)}")
    varied, plain = (torch.from_numpy(np.stack(arrays)) for arrays in (images, inputs))
    return Films(varied, plain, np.array(labels), populations, people)


def of_population(films: Films, part: NDArray[np.intp], population: str) -> NDArray[np.intp]:
    """Return the members of `part` that belong to a population."""
    return part[np.array([films.populations[i] == population for i in part], dtype=np.bool_)]
