"""An installed joint model, applied to people of a call."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from specialists.errors import InvalidInput
from specialists.polygenic.catalogue import bundled
from specialists.polygenic.joint import Person
from specialists.polygenic.joint_store import Installed, find_joint, load_joint
from specialists.polygenic.meaning import JointRisk
from specialists.polygenic.panel import panel_path
from specialists.polygenic.panel_placement import Placement, measured_options, place
from specialists.polygenic.spec import PolygenicRequest
from specialists.polygenic.standing import LEAST_SHARED

__all__ = ["joint_risks"]


def joint_risks(
    genotypes: Sequence[Path],
    request: PolygenicRequest,
    samples: Mapping[int, str],
    known: Mapping[str, Path],
) -> tuple[JointRisk, ...]:
    """Risks by the joint model that the request names; none where it names none.

    Args:
        genotypes: The call's files.
        request: Names the model, the disease, age and sex.
        samples: Positions in the file to what each is called.
        known: Scoring files of the call, by digest; those that ship are known besides.

    Raises:
        InvalidInput: If there is no such model, or something that it needs is missing.
    """
    if request.joint_model is None:
        return ()
    installed = load_joint(find_joint(request.joint_model))
    disease = _disease(installed, request.joint_disease)
    age, female = _person(installed, request)
    panel = _panel(installed)
    files = _files(installed, known)
    positions = sorted(samples)
    placement = place(genotypes, positions, files, panel, **measured_options(request))
    people = _people(installed, placement, age, female)
    incidence = installed.incidence[disease]
    odds = installed.model.log_odds(people, disease, incidence)
    average = incidence.of(people.age_years, people.female)
    return tuple(
        JointRisk(
            sample=samples[position],
            model=installed.card.name,
            disease=installed.card.diseases[disease],
            probability=_share(odds[number]),
            average=_share(average[number]),
            scores=len(files),
            age_years=int(age),
            sex="female" if female else "male",
            trained_on=installed.card.trained_on,
            evaluated_on=installed.card.evaluated_on,
        )
        for number, position in enumerate(positions)
    )


def _share(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def _disease(installed: Installed, named: str | None) -> int:
    if named is None and len(installed.card.diseases) > 1:
        known = ", ".join(installed.card.diseases)
        raise InvalidInput(f"Name one of the joint model's diseases (joint_disease): {known}.")
    return 0 if named is None else installed.disease(named)


def _person(installed: Installed, request: PolygenicRequest) -> tuple[float, bool]:
    card = installed.card
    if request.age_years is None or request.sex is None:
        raise InvalidInput("The joint model needs age_years and sex.")
    if not card.least_age <= request.age_years <= card.most_age:
        raise InvalidInput(
            f"The joint model {card.name} is for ages {card.least_age} to {card.most_age}."
        )
    return float(request.age_years), request.sex == "female"


def _panel(installed: Installed) -> Path:
    """The model's own panel: components of another would mean something else."""
    card = installed.card
    path = panel_path(card.panel)
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != card.panel_sha256:
        raise InvalidInput(
            f"The reference panel {card.panel} is not installed, or is not the one that the joint"
            f" model {card.name} was trained with."
        )
    return path


def _files(installed: Installed, known: Mapping[str, Path]) -> list[Path]:
    there = {score.sha256: score.path for score in bundled()} | dict(known)
    wanted = [digest for of_disease in installed.card.scores for digest in of_disease]
    missing = [digest[:12] for digest in dict.fromkeys(wanted) if digest not in there]
    if missing:
        raise InvalidInput(
            f"The joint model {installed.card.name} needs {len(wanted):,} scoring files; pass"
            f" those with these digests too: {', '.join(missing)}."
        )
    return [there[digest] for digest in wanted]


def _people(installed: Installed, placement: Placement, age: float, female: bool) -> Person:
    short = [
        one for one in placement.scores if one is None or float(one.shared.min()) < LEAST_SHARED
    ]
    if short or placement.components is None:
        raise InvalidInput(
            f"The joint model needs every score computed over {100 * LEAST_SHARED:.0f}% of its"
            f" panel's variance; that fails for {len(short):,} of {len(placement.scores):,}. Give"
            " genotypes of the whole genome, imputed."
        )
    diseases = len(installed.card.diseases)
    totals = np.array([one.totals for one in placement.scores if one is not None]).T
    number = len(totals)
    components = installed.model.norms.home.shape[0]
    return Person(
        scores=totals.reshape(number, diseases, -1),
        components=placement.components[:, :components],
        age_years=np.full(number, age),
        female=np.full(number, female),
    )
