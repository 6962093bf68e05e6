"""Do genotypes, score and reference genome go together? Errors where they do not."""

from __future__ import annotations

from collections.abc import Mapping

from specialists.errors import GenomeBuildMismatch, InvalidInput

__all__ = ["check_absent", "check_alleles", "check_builds", "check_reference"]

_MOST_EFFECT_IS_REFERENCE = 0.05
_LEAST_TO_JUDGE_BUILD = 10
_LEAST_WITH_ALLELES = 0.5


def check_builds(of_score: str | None, of_genotypes: str | None) -> None:
    """Refuse a score on another genome build than the genotypes.

    Raises:
        GenomeBuildMismatch: If both are known and differ.
    """
    if of_score and of_genotypes and of_score != of_genotypes:
        raise GenomeBuildMismatch(
            f"The genotypes are on {of_genotypes} and the score on {of_score}. Use the PGS"
            f" Catalog's file of the score harmonised to {of_genotypes}, or name a chain file"
            " (chain) to lift the score's positions over."
        )


def check_reference(of_reference: str | None, of_genotypes: str | None) -> None:
    """Refuse a reference genome of another build than the genotypes.

    Raises:
        GenomeBuildMismatch: If both are known and differ.
    """
    if of_reference and of_genotypes and of_reference != of_genotypes:
        raise GenomeBuildMismatch(
            f"The reference genome is {of_reference}, and the genotypes are on {of_genotypes}."
        )


def check_alleles(
    of_score: str | None, of_genotypes: str | None, counts: Mapping[str, int]
) -> None:
    """Where a build is not stated, the alleles at the same positions tell whether it is another.

    Raises:
        GenomeBuildMismatch: If fewer than half of ten or more fit.
    """
    if of_score and of_genotypes:
        return
    found, matched = counts["positions_found"], counts["alleles_matched"]
    if found >= _LEAST_TO_JUDGE_BUILD and matched < _LEAST_WITH_ALLELES * found:
        raise GenomeBuildMismatch(
            f"Of {found:,} positions found in the genotypes only {matched:,} have the score's"
            " alleles, as happens between different genome builds; not both files state theirs."
        )


def check_absent(counts: Mapping[str, int]) -> None:
    """Absent variants can count as not carried only if the matched ones speak for it."""
    limit = _MOST_EFFECT_IS_REFERENCE * counts["alleles_matched"]
    if counts["alleles_matched"] == 0 or counts["effect_is_reference"] > limit:
        raise InvalidInput(
            "absent_means_reference can be used only where the score's other alleles are the"
            " reference alleles, or with a reference genome (reference_genome, an indexed FASTA"
            f" file) that says which are. Of the {counts['alleles_matched']:,} variants that were"
            f" matched, {counts['effect_is_reference']:,} have the reference as effect allele."
        )
