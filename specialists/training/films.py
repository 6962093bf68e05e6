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

from specialists.chest_xray.preprocess import SIZE, darkness, preprocess
from specialists.measures import Floats
from specialists.training.split import split_groups

MARGIN = 16


@dataclass(frozen=True)
class Films:
    """The cases of both sets.

    Attributes:
        images: Shape (n, 1, SIZE + MARGIN, SIZE + MARGIN), to vary in training.
        inputs: Shape (n, 1, SIZE, SIZE), exactly what the program gives the network.
        darkness: Shape (n,), of the film as it is stored.
        labels: Shape (n,): 0 normal, 1 pneumonia.
        populations: Length n, "adult" or "paediatric".
        people: Length n, whom the film is of.
    """

    images: Tensor
    inputs: Tensor
    darkness: Floats
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
    images, inputs, dark, labels, populations, people = [], [], [], [], [], []
    for population, folder in folders.items():
        with (folder / "labels.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))[:: 1 if limit is None else limit]
        for row in rows:
            name = row["image_id"] if "." in row["image_id"] else row["image_id"] + ".jpg"
            grey = np.asarray(Image.open(folder / "images" / name).convert("L"), np.float32) / 255
            images.append(preprocess(grey, SIZE + MARGIN))
            inputs.append(preprocess(grey, SIZE))
            dark.append(darkness(grey))
            labels.append(int(row["label"] == "pneumonia"))
            populations.append(population)
            people.append(f"{population} {row.get('patient_id') or person(name)}")
    varied, plain = (torch.from_numpy(np.stack(arrays)) for arrays in (images, inputs))
    return Films(varied, plain, np.array(dark), np.array(labels), populations, people)


def of_population(films: Films, part: NDArray[np.intp], population: str) -> NDArray[np.intp]:
    """Return the members of `part` that belong to a population."""
    return part[np.array([films.populations[i] == population for i in part], dtype=np.bool_)]


@dataclass(frozen=True)
class Parts:
    """Who teaches and who is judged; indices of films.

    The first four divide the people of both sets. The network learns from `train` and stops by
    `validation`; so do the linear models of children. The adults' linear models learn from every
    fold but their own.

    Attributes:
        train: Taught to the network.
        validation: Its stopping.
        calibration: People that the network never saw, to calibrate on.
        test: Others that it never saw, to measure.
        folds: All adults.
    """

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    calibration: NDArray[np.intp]
    test: NDArray[np.intp]
    folds: tuple[NDArray[np.intp], ...]

    @property
    def taught(self) -> NDArray[np.intp]:
        """Everybody of the first two parts."""
        return np.concatenate([self.train, self.validation])

    @property
    def unseen(self) -> NDArray[np.intp]:
        """Everybody of the last two parts."""
        return np.concatenate([self.calibration, self.test])

    def adults_without(self, index: int) -> NDArray[np.intp]:
        """Return all adults but one fold."""
        kept = [fold for number, fold in enumerate(self.folds) if number != index]
        return np.concatenate(kept)


def divide(films: Films, folds: int, seed: int) -> Parts:
    """Divide people by part, and adults into folds, each person into one."""
    strata = films.strata()
    adults = of_population(films, np.arange(len(strata)), "adult")
    shares = {str(number): 1 / folds for number in range(folds)}
    people, kinds = [films.people[i] for i in adults], [strata[i] for i in adults]
    held = split_groups(people, kinds, seed + 1, shares)
    parts = split_groups(films.people, strata, seed)
    return Parts(**parts, folds=tuple(adults[fold] for fold in held.values()))
