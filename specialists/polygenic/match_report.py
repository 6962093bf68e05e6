"""What became of each variant of a score: a table without genotypes."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from specialists.polygenic.matching import HOW, Matcher, Status
from specialists.readers.genome import CHROMOSOMES, Alleles
from specialists.readers.scoring_file import ScoringFile

__all__ = ["COLUMNS", "written"]

COLUMNS = (
    "variant", "chromosome", "position", "effect_allele", "other_allele", "weight", "status",
    "match", "ambiguous", "reference_allele", "alternate_allele",
)  # fmt: skip
_LEVEL = 4


def written(score: ScoringFile, matcher: Matcher, alleles: Alleles) -> NDArray[np.uint8]:
    """The table as compressed text, a row a variant in the order of the scoring file.

    Args:
        score: As it was matched; positions are those after lifting over.
        matcher: After the last block.
        alleles: Numbers of the matcher's alleles.
    """
    names = {0: "", **{code: name for name, code in CHROMOSOMES.items()}}
    own, theirs = (*score.alleles, ""), (*alleles.texts, "", "")
    row = matcher.alleles_of_row.tolist()
    columns: list[Sequence[object]] = [
        range(1, score.variants + 1),
        [names[code] for code in score.chromosome.tolist()],
        score.position.tolist(),
        [own[code] for code in score.effect_allele.tolist()],
        [own[code] for code in score.other_allele.tolist()],
        [f"{weight:.8g}" for weight in score.weights[:, 1].tolist()],
        [Status.WORDS[status] for status in matcher.status.tolist()],
        [HOW[category] if category >= 0 else "" for category in matcher.category.tolist()],
        ["yes" if flag else "" for flag in matcher.ambiguous.tolist()],
        [theirs[pair[0]] for pair in row],
        [theirs[pair[1]] for pair in row],
    ]
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join(map(str, cells)) for cells in zip(*columns, strict=True)]
    packed = gzip.compress(("\n".join(lines) + "\n").encode(), _LEVEL, mtime=0)
    return np.frombuffer(packed, np.uint8)
