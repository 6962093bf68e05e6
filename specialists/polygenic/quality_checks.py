"""What is said of a sample's quality: each hint with what it means and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from specialists.polygenic.meaning import QualityCheck
from specialists.polygenic.quality import LEAST_CALLED, MOST_INBREEDING, Quality

__all__ = ["checks"]

_NAMED = 3


def checks(
    quality: Quality, sample: str, stated_sex: Literal["female", "male"] | None
) -> Iterator[QualityCheck]:
    """Judge one sample.

    Args:
        quality: What was measured.
        sample: What the sample is called.
        stated_sex: As the caller said, to compare with.
    """
    yield _call_rate(quality, sample)
    yield _heterozygosity(quality, sample)
    yield _sex(quality, sample, stated_sex)
    yield _relatedness(quality, sample)


def _call_rate(quality: Quality, sample: str) -> QualityCheck:
    if not quality.variants:
        text = f"The call rate of {sample} was not judged: none of the variants is in the file."
        return QualityCheck(sample=sample, name="call rate", passed=None, text=text)
    passed = quality.called >= LEAST_CALLED
    text = (
        f"Call rate of {sample}: {100 * quality.called:.1f}% of {quality.variants:,} variants"
        " looked at."
    )
    if not passed:
        text += (
            f" Below {100 * LEAST_CALLED:.0f}% the sample may be degraded; the score rests partly"
            " on values that stand in for missing calls. Genotype it again."
        )
    return QualityCheck(
        sample=sample, name="call rate", passed=passed, value=quality.called, text=text
    )


def _heterozygosity(quality: Quality, sample: str) -> QualityCheck:
    excess = quality.inbreeding
    if excess is None:
        return QualityCheck(
            sample=sample,
            name="heterozygosity",
            passed=None,
            text=(
                f"Heterozygosity of {sample} was not judged: there are too few variants, or"
                " neither a reference panel nor 50 other samples to compare with."
            ),
        )
    limit = max(MOST_INBREEDING, 4 * quality.inbreeding_error)
    text = (
        f"Heterozygosity of {sample}: {abs(100 * excess):.1f}%"
        f" {'fewer' if excess >= 0 else 'more'} heterozygous calls than expected from"
        f" {quality.expected_from}."
    )
    if excess > limit:
        text += (
            " So few are seen with related parents, with missed calls, or where the reference is"
            " of other ancestry."
        )
    elif excess < -limit:
        text += " So many are seen where two people's samples were mixed; take a new sample."
    return QualityCheck(
        sample=sample,
        name="heterozygosity",
        passed=abs(excess) <= limit,
        value=excess,
        text=text,
    )


def _sex(quality: Quality, sample: str, stated: str | None) -> QualityCheck:
    if quality.sex is None:
        text = (
            f"Sex of {sample} by chromosome X cannot be told: {quality.sex_variants:,} variants"
            " speak to it."
        )
        return QualityCheck(sample=sample, name="sex", passed=None, text=text)
    text = f"Chromosome X of {sample} ({quality.sex_variants:,} variants) looks {quality.sex};"
    if stated is None:
        return QualityCheck(
            sample=sample,
            name="sex",
            passed=None,
            text=f"{text} no sex was stated to compare it with.",
        )
    if stated == quality.sex:
        return QualityCheck(sample=sample, name="sex", passed=True, text=f"{text} as stated.")
    return QualityCheck(
        sample=sample,
        name="sex",
        passed=False,
        text=(
            f"{text} {stated} was stated. Most often the sample is not that person's; it can also"
            " be a variation of the sex chromosomes. Find out which before the score is used."
        ),
    )


def _relatedness(quality: Quality, sample: str) -> QualityCheck:
    if not quality.compared:
        text = f"Relatives of {sample} were not looked for: the file holds no other sample."
        return QualityCheck(sample=sample, name="relatedness", passed=None, text=text)
    if not quality.related:
        text = (
            f"No close relative of {sample} was seen among the file's {quality.compared:,} other"
            " samples."
        )
        return QualityCheck(sample=sample, name="relatedness", passed=True, text=text)
    named = "; ".join(
        f"sample {one.sample}: {one.degree} (kinship {one.kinship:g})"
        for one in quality.related[:_NAMED]
    )
    more = len(quality.related) - _NAMED
    named += f"; and {more:,} more" if more > 0 else ""
    return QualityCheck(
        sample=sample,
        name="relatedness",
        passed=False,
        value=quality.related[0].kinship,
        text=(
            f"Among the file's {quality.compared:,} other samples {sample} seems to have close"
            f" relatives ({named}). The file's samples are then no independent comparison, and a"
            " duplicate may be a mix-up; a relationship that is not known to the family must not"
            " be disclosed from this hint."
        ),
    )
