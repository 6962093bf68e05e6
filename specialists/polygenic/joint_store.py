"""Joint models that a user has installed, each with its card.

One safetensors file a model, in a folder of the user. The card says what it was trained on, how
it was measured, which reference panel its scores are read against, and which scoring files it
needs. None ships: a model for real diseases must be trained on a biobank.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from specialists.errors import InvalidInput, UnreadableFile
from specialists.polygenic.joint import Incidence, JointModel, ScoreNorms
from specialists.polygenic.panel import checked_name, read_tensors, write_tensors
from specialists.schema import Data

__all__ = ["Card", "Installed", "find_joint", "joint_folder", "load_joint", "save_joint"]

_ENDING = ".safetensors"


class Card(Data):
    """What a joint model is."""

    name: str
    panel: str
    """Reference panel whose components and variants its scores are read with."""
    panel_sha256: str
    """Of the panel's file."""
    diseases: tuple[str, ...]
    scores: tuple[tuple[str, ...], ...]
    """For each disease the digests of its scoring files, as many for each."""
    trained_on: str
    """People, ancestries, ages, and how cases were found."""
    evaluated_on: str
    """With split, size and intervals."""
    licence: str
    least_age: int = Field(ge=0)
    most_age: int = Field(le=120)


@dataclass(frozen=True, eq=False)
class Installed:
    """A model with its card and the incidence of its diseases."""

    card: Card
    model: JointModel
    incidence: tuple[Incidence, ...]

    def disease(self, named: str) -> int:
        """Index of a disease.

        Raises:
            InvalidInput: If the model does not know it.
        """
        for number, disease in enumerate(self.card.diseases):
            if disease.casefold() == named.casefold():
                return number
        known = ", ".join(self.card.diseases)
        raise InvalidInput(f"The joint model {self.card.name} does not know it. It has: {known}.")


def joint_folder() -> Path:
    """Where the user's joint models are kept."""
    return Path.home() / ".local" / "share" / "wardround" / "joint"


def joint_path(name: str) -> Path:
    """Where a model of a name is, or would be."""
    return joint_folder() / f"{checked_name(name)}{_ENDING}"


def find_joint(name: str) -> Path:
    """Tell where a model is.

    Raises:
        InvalidInput: If there is none of that name.
    """
    path = joint_path(name)
    if path.is_file():
        return path
    there = ", ".join(sorted(one.stem for one in joint_folder().glob(f"*{_ENDING}"))) or "none"
    raise InvalidInput(f"There is no joint model of that name. Installed: {there}.")


def save_joint(installed: Installed, path: Path) -> None:
    """Write a model with its card."""
    norms = installed.model.norms
    arrays: dict[str, NDArray[Any]] = {
        one.name: np.asarray(getattr(norms, one.name), np.float64) for one in fields(norms)
    }
    arrays["weights"] = installed.model.weights
    arrays["incidence"] = np.array([one.log_odds for one in installed.incidence])
    write_tensors(path, arrays, {"card": installed.card.model_dump_json()})


def load_joint(path: Path) -> Installed:
    """Read a model.

    Raises:
        UnreadableFile: If it is none.
    """
    arrays, facts = read_tensors(path)
    try:
        card = Card.model_validate(json.loads(facts["card"]))
        of: dict[str, Any] = {one.name: arrays[one.name] for one in fields(ScoreNorms)}
        of["distance"] = float(of["distance"].reshape(-1)[0])
        model = JointModel(ScoreNorms(**of), arrays["weights"])
        incidence = tuple(Incidence(one) for one in arrays["incidence"])
    except (KeyError, IndexError, ValueError, ValidationError) as error:
        raise UnreadableFile("The joint model cannot be read.") from error
    _check(card, model, incidence)
    return Installed(card, model, incidence)


def _check(card: Card, model: JointModel, incidence: Sequence[Incidence]) -> None:
    """Refuse a model whose parts do not fit its card."""
    diseases, kinds = len(card.diseases), {len(one) for one in card.scores}
    columns = sum(map(len, card.scores))
    fits = (
        len(card.scores) == len(incidence) == diseases
        and len(kinds) == 1
        and model.norms.peers.shape == (columns, diseases)
        and model.norms.spread.shape == (columns,)
    )
    if not fits:
        raise UnreadableFile("The joint model does not fit its card.")
