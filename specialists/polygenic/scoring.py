"""Scores over files of genotypes, in one pass and within bounded memory. Runs in a worker.

Genotypes and names of samples do not leave the process: what comes back are sums, counts and
what became of each variant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from specialists.errors import InvalidInput
from specialists.polygenic.run import Options, Run, Scoring
from specialists.readers import worker
from specialists.readers.chain_file import Chains, lifted
from specialists.readers.genotype_files import open_genotypes
from specialists.readers.scoring_file import ScoringFile, parse_scoring_file

__all__ = ["on_build", "parse_and_score", "score_genotypes"]


def score_genotypes(genotypes: Sequence[Path], scores: Sequence[Path], options: Options) -> Scoring:
    """Score files of genotypes in a worker process.

    Args:
        genotypes: One file, or several with the same samples (such as one a chromosome).
        scores: Scoring files.
        options: See there.

    Raises:
        UnreadableFile: If a file cannot be read.
        UnsupportedScore: If a score has terms that cannot be summed.
        GenomeBuildMismatch: If genotypes and a score are on different builds.
        InvalidInput: If there is no such sample.
    """
    found = worker.run(
        "specialists.polygenic.scoring:parse_and_score",
        [path.absolute() for path in genotypes],
        [path.absolute() for path in scores],
        **asdict(options),
    )
    return cast(Scoring, found)


def parse_and_score(genotypes: Sequence[Path], scores: Sequence[Path], **fields: Any) -> Scoring:
    """What `score_genotypes` runs in the worker; `fields` are those of `Options`."""
    options = Options(**fields)
    parsed = [_parsed(Path(path)) for path in scores]
    run: Run | None = None
    for path in genotypes:
        with open_genotypes(path, options.genotype_field) as file:
            if run is None:
                build = file.genome_build or options.genome_build
                run = Run(on_build(parsed, build, options.chain), options)
            run.begin(file)
            for block in file.blocks(run.wanted, run.alleles):
                run.add(block)
            run.notes += tuple(note for note in file.notes if note not in run.notes)
    if run is None:
        raise InvalidInput("No file with genotypes was named.")
    return run.finish()


def on_build(
    scores: Sequence[ScoringFile], build: str | None, chain: Path | None
) -> list[ScoringFile]:
    """The scores, lifted over where a chain file is named and they are not on the build."""
    if chain is None:
        return list(scores)
    chains = Chains.read(Path(chain))
    return [
        score if build is not None and score.genome_build == build else lifted(score, chains, build)
        for score in scores
    ]


_KEPT_VARIANTS = 1_000_000
_kept: dict[tuple[Path, int, int], ScoringFile] = {}


def _parsed(path: Path) -> ScoringFile:
    """A score that was read before is not read again, as long as its file stays what it is."""
    status = path.stat()
    stamp = (path, status.st_mtime_ns, status.st_size)
    if stamp not in _kept:
        score = parse_scoring_file([path])
        while _kept and sum(one.variants for one in _kept.values()) > _KEPT_VARIANTS:
            _kept.pop(next(iter(_kept)))
        _kept[stamp] = score
    return _kept[stamp]
