"""What is said of scores: every sentence stands alone and says no more than the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from specialists.polygenic.people import People
from specialists.polygenic.spec import MatchCounts
from specialists.polygenic.sums import LEAST_FOR_IMPUTATION, Sums
from specialists.readers.scoring_file import ScoreFacts

__all__ = [
    "evaluation",
    "low_overlap",
    "name",
    "not_assessed",
    "number",
    "percentile_text",
    "score_text",
    "share",
    "terms",
    "titled",
    "trait",
    "warnings",
]

_ALWAYS = (
    "Variants that the score does not list, among them rare variants of single genes (such as"
    " BRCA1 or LDLR), and structural variants.",
    "Family history, age, sex, environment and way of life.",
)
_ANCESTRY = (
    "Ancestry: the score was not adjusted for it, and scores carry over poorly between populations."
)
_ABSOLUTE = "Absolute risk: a polygenic score is not a probability of disease."
_QUALITY = "The quality of the genotyping or imputation."


def not_assessed(people: People, listed: bool, samples: int) -> tuple[str, ...]:
    """What a result leaves open.

    Args:
        people: What was found out of the listed samples.
        listed: Whether samples are listed one by one.
        samples: How many were scored.
    """
    compared = any(one.z_norm2 is not None for one in people.standings)
    told = [] if compared else [_ANCESTRY]
    told += [] if people.risks or people.joint else [_ABSOLUTE]
    told += _ALWAYS
    unjudged = [one.name for one in people.quality if one.passed is None and one.value is None]
    if not people.quality:
        told.append(_QUALITY)
    elif unjudged:
        names = ", ".join(dict.fromkeys(unjudged))
        told.append(f"The quality of imputation, if any; of the sample's checks: {names}.")
    if not listed:
        told.append(
            f"Any one person: the file holds {samples:,} samples and none was named. Name one by"
            " its position or label to have that person's score."
        )
    return tuple(told)


def name(score: ScoreFacts) -> str:
    """PGS Catalog id, or the file's own name for the score."""
    return score.header.get("pgs_id") or score.header.get("pgs_name") or "(unnamed)"


def trait(score: ScoreFacts) -> str | None:
    """What the score is for, as its authors put it."""
    return score.header.get("trait_reported") or score.header.get("trait_mapped")


def titled(score: ScoreFacts) -> str:
    """Name and trait: 'PGS001229 (Standing height)'."""
    what = trait(score)
    return f"{name(score)} ({what})" if what else name(score)


def number(value: float) -> str:
    """A score to six digits."""
    return f"{value:.6g}"


def share(part: int, whole: int) -> str:
    """A count and its share: "920 of the score's 51,209 variants (1.8%)"."""
    return f"{part:,} of the score's {whole:,} variants ({100 * part / max(whole, 1):.1f}%)"


def score_text(score: ScoreFacts, sample: str, value: float, used: int, assumed: int) -> str:
    """One person's score; `assumed` variants were counted as not carried."""
    text = (
        f"The polygenic score {titled(score)} of {sample} is {number(value)}, from"
        f" {share(used, score.variants)}"
    )
    if not assumed:
        return f"{text}."
    return f"{text} and {assumed:,} that the file does not list, counted as not carried."


def percentile_text(
    percentile: float, samples: int, interval: tuple[float, float], subject: str = "this"
) -> str:
    """One person's place in the file's own cohort."""
    return (
        f"Among the {samples:,} samples of the same file {subject} is at percentile"
        f" {percentile:.1f} (95% interval {interval[0]:.1f} to {interval[1]:.1f}; mid-rank;"
        " ancestry not considered)."
    )


def evaluation(score: ScoreFacts) -> str:
    """Where the score comes from, and that it was not put to the test here."""
    citation, publication = score.header.get("citation"), score.header.get("pgp_id")
    if not citation and not publication:
        return "The scoring file names no publication; the score was not evaluated here."
    source = f"{citation} ({publication})" if citation and publication else citation or publication
    return f"Published in {source}; how well it predicts was not evaluated again here."


def terms(score: ScoreFacts) -> str:
    """Licence of the score."""
    usual = (
        "PGS Catalog: cite the score's publication and Lambert et al., Nature Genetics 2021; the"
        " authors' licence restrictions and the EMBL-EBI terms of use apply."
    )
    return score.header.get("license", usual)


def low_overlap(score: ScoreFacts, counts: MatchCounts, covered: int, least: float) -> str:
    """Why too few variants is an error, what it means for the person, and what would help."""
    found = (
        f"{counts.positions_found:,} positions were found in the genotypes,"
        f" {counts.alleles_matched:,} with the score's alleles, of which"
        f" {counts.ambiguous_dropped:,} were dropped as ambiguous."
    )
    if covered == 0:
        return (
            f"{name(score)}: None of the score's {counts.variants:,} variants can be used. {found}"
            f" {_means_nothing(score)}"
        )
    return (
        f"{name(score)}: Only {share(covered, counts.variants)} can be used; at least"
        f" {100 * least:g}% are asked for (min_overlap). {found} {_means_nothing(score)} A score"
        " from so few variants cannot be compared with published figures; a lower min_overlap"
        " computes it all the same."
    )


def _means_nothing(score: ScoreFacts) -> str:
    """What a file without the score's variants says of risk: nothing; and what to do."""
    what = trait(score)
    told = what[:1].lower() + what[1:] if what and what[1:2].islower() else what
    risk = f"the genetic risk of {told}" if told else "what the score is for"
    build = score.genome_build or "the score's genome build"
    return (
        f"So this file says nothing of {risk}: neither that it is raised nor that it is not. What"
        f" helps is data of the whole genome on {build}: array genotypes imputed to a reference"
        f" panel, or whole-genome sequencing with all sites called, for the score"
        f" {titled(score)}. Whole genomes that list only differences from the reference need"
        " absent_means_reference, and a score on the other genome build needs the Catalog's file"
        " for that build. Where family history raises the question, that and testing of single"
        " genes do not depend on this score."
    )


def warnings(
    score: ScoreFacts, counts: MatchCounts, sums: Sums, build: str | None, kept: bool
) -> Iterator[str]:
    """What a reader must know of how the score was computed."""
    yield from score.notes
    yield from _builds(score, build)
    yield from _alleles(counts, kept)
    yield from _absent(counts)
    yield from _calls(sums)


def _builds(score: ScoreFacts, build: str | None) -> Iterator[str]:
    if build is None and score.genome_build is None:
        yield (
            "Neither the genotypes nor the scoring file state their genome build; they were"
            " taken to be on the same one."
        )
    elif build is None:
        yield (
            "The genotypes do not state their genome build; they were taken to be on"
            f" {score.genome_build}, as the score is."
        )
    elif score.genome_build is None:
        yield (
            "The scoring file does not state its genome build; it was taken to be on"
            f" {build}, as the genotypes are."
        )


def _alleles(counts: MatchCounts, kept: bool) -> Iterator[str]:
    unsettled = counts.ambiguous - counts.ambiguous_by_frequency
    if unsettled:
        what = "used as if on the same strand" if kept else "left out"
        yield f"Variants whose strand cannot be told (A/T, C/G), {what}: {unsettled:,}."
    if counts.ambiguous_by_frequency:
        yield (
            "Variants whose strand cannot be told by their alleles, settled by the score's and"
            f" the samples' allele frequencies: {counts.ambiguous_by_frequency:,}."
        )
    if counts.strand_flipped:
        yield f"Variants matched on the other strand: {counts.strand_flipped:,}."
    if counts.alleles_mismatched:
        yield f"Variants with other alleles in the genotypes: {counts.alleles_mismatched:,}."
    if counts.without_other_allele:
        yield f"Variants matched by the effect allele alone: {counts.without_other_allele:,}."
    if counts.duplicates_dropped:
        yield f"Variants that the score lists twice, counted once: {counts.duplicates_dropped:,}."
    if counts.uncalled:
        yield f"Matched variants without a call in any sample: {counts.uncalled:,}."


def _absent(counts: MatchCounts) -> Iterator[str]:
    if counts.absent_as_reference:
        yield (
            "Variants that the genotypes do not list, counted as carrying no effect allele, as"
            f" was asked: {counts.absent_as_reference:,}. That holds only if the file lists every"
            " difference from the reference."
        )
    elif counts.absent:
        yield (
            "Variants that the genotypes do not list, left out of the sum:"
            f" {counts.absent:,}. Not listed is not the same as not carried."
        )


def _calls(sums: Sums) -> Iterator[str]:
    if sums.missing_calls:
        yield (
            f"Missing calls: {sums.missing_calls:,}. The mean of the file's other samples stood"
            f" in for {sums.imputed_from_samples:,} (where {LEAST_FOR_IMPUTATION} or more had a"
            f" call), the scoring file's allele frequency for {sums.imputed_from_frequency:,};"
            f" {sums.left_out:,} were left out."
        )
    if sums.haploid_x:
        yield (
            "Haploid calls on chromosome X (men) were counted twice, as PLINK 2 does:"
            f" {sums.haploid_x:,}."
        )
