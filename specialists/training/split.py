"""Splits that keep a person's images together."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

PARTS = {"train": 0.6, "validation": 0.1, "calibration": 0.15, "test": 0.15}


def split_groups(
    groups: Sequence[str],
    strata: Sequence[Hashable],
    seed: int,
    parts: Mapping[str, float] = PARTS,
) -> dict[str, NDArray[np.intp]]:
    """Divide cases by group, keeping each stratum's share in every part.

    Args:
        groups: Length n: who or what a case comes from; one group is never divided.
        strata: Length n; a group counts to the stratum of its first case.
        seed: Of the shuffle.
        parts: Name to share; shares sum to 1.

    Returns:
        By part, sorted indices into `groups`.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    by_stratum: dict[Hashable, list[str]] = defaultdict(list)
    for group in sorted(members):
        by_stratum[strata[members[group][0]]].append(group)
    rng, chosen = np.random.default_rng(seed), {name: list[int]() for name in parts}
    bounds = np.cumsum(list(parts.values()))
    for stratum in sorted(by_stratum, key=repr):
        names = by_stratum[stratum]
        rng.shuffle(names)
        sizes = np.array([len(members[name]) for name in names], dtype=np.float64)
        middles = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
        places = np.minimum(np.searchsorted(bounds, middles), len(parts) - 1)
        for name, place in zip(names, places, strict=True):
            chosen[list(parts)[place]].extend(members[name])
    return {name: np.array(sorted(indices), dtype=np.intp) for name, indices in chosen.items()}


def balanced_draw(
    strata: Sequence[Hashable], size: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw `size` indices with every stratum equally likely, without repeats while they last."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(strata))}
    codes = np.array([numbers[name] for name in strata])
    share = -(-size // len(numbers))
    drawn = []
    for code in numbers.values():
        own = np.flatnonzero(codes == code)
        rounds = -(-share // len(own))
        drawn.append(np.concatenate([rng.permutation(own) for _ in range(rounds)])[:share])
    return np.asarray(rng.permutation(np.concatenate(drawn))[:size], dtype=np.intp)
