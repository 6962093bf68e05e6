import numpy as np
import pytest

from specialists.polygenic.matching import match, reverse_complement
from specialists.polygenic.sums import effect_dosages
from specialists.readers.scoring_file import DOMINANT, DOSAGE_SPECIFIC, RECESSIVE
from tests.genomes import genotypes_of, score_of, sums_of

CALLS = ["0|0", "0|1", "1|1"]


def total(score, genotypes, keep_ambiguous=False) -> list[float]:
    how = "keep" if keep_ambiguous else "drop"
    return sums_of(score, genotypes, ambiguous=how).total.tolist()


@pytest.mark.parametrize(
    ("effect", "other", "expected"),
    [
        ("C", "A", [0, 1, 2]),
        ("A", "C", [2, 1, 0]),
        ("G", "T", [0, 1, 2]),
        ("T", "G", [2, 1, 0]),
        ("C", "", [0, 1, 2]),
        ("A", "", [2, 1, 0]),
        ("G", "", [0, 1, 2]),
        ("T", "", [2, 1, 0]),
    ],
)
def test_effect_allele_is_counted_however_it_is_written(effect, other, expected):
    score = score_of([("1", 10, effect, other, 1.0)])
    assert total(score, genotypes_of([("1", 10, "A", "C", CALLS)])) == expected


@pytest.mark.parametrize(
    ("effect", "other"), [("G", "C"), ("C", "T"), ("AC", "A"), ("N", "A"), ("D", "I")]
)
def test_other_alleles_are_a_mismatch(effect, other):
    score = score_of([("1", 10, effect, other, 1.0)])
    counts = match(score, genotypes_of([("1", 10, "A", "C", CALLS)])).counts
    assert (counts.positions_found, counts.alleles_matched, counts.alleles_mismatched) == (1, 0, 1)
    assert counts.used == 0


def test_position_on_another_chromosome_is_absent():
    score = score_of([("1", 10, "C", "A", 1.0), ("", 0, "C", "A", 1.0)])
    counts = match(score, genotypes_of([("2", 10, "A", "C", CALLS)])).counts
    assert (counts.positions_found, counts.absent, counts.without_position) == (0, 1, 1)


@pytest.mark.parametrize("alleles", [("A", "T"), ("T", "A"), ("C", "G"), ("G", "C")])
def test_ambiguous_variant_is_dropped_unless_kept(alleles):
    score = score_of([("1", 10, *alleles, 1.0)])
    genotypes = genotypes_of([("1", 10, alleles[1], alleles[0], CALLS)])
    counts = match(score, genotypes).counts
    assert (counts.ambiguous, counts.ambiguous_dropped, counts.used) == (1, 1, 0)
    assert total(score, genotypes, keep_ambiguous=True) == [0, 1, 2]


def test_direct_match_comes_before_a_flipped_one():
    score = score_of([("1", 10, "C", "A", 1.0)])
    rows = [("1", 10, "T", "G", ["1|1"] * 3), ("1", 10, "A", "C", CALLS)]
    matching = match(score, genotypes_of(rows))
    assert matching.entry.tolist() == [1]
    assert matching.counts.strand_flipped == 0


def test_match_by_both_alleles_comes_before_one_by_the_effect_allele():
    score = score_of([("1", 10, "C", "", 1.0), ("1", 10, "C", "A", 5.0)])
    matching = match(score, genotypes_of([("1", 10, "A", "C", CALLS)]))
    assert matching.variant.tolist() == [1]
    assert matching.counts.duplicates_dropped == 1


def test_variant_listed_twice_counts_once():
    score = score_of([("1", 10, "C", "A", 1.0), ("1", 10, "A", "C", 7.0)])
    matching = match(score, genotypes_of([("1", 10, "A", "C", CALLS)]))
    # Effect allele as the reference is the first of the order.
    assert matching.variant.tolist() == [1]
    assert matching.counts.duplicates_dropped == 1


def test_each_allele_of_a_multi_allelic_row_is_its_own_variant():
    score = score_of([("1", 10, "C", "A", 1.0), ("1", 10, "T", "A", 10.0)])
    rows = [("1", 10, "A", "C,T", ["1|2", "0|2", "1|1"])]
    assert total(score, genotypes_of(rows), keep_ambiguous=True) == [11, 10, 2]


def test_reference_dosage_of_a_multi_allelic_row_leaves_out_all_alternates():
    score = score_of([("1", 10, "A", "C", 1.0)])
    rows = [("1", 10, "A", "C,G", ["1|2", "0|2", "0|0"])]
    assert total(score, genotypes_of(rows)) == [0, 1, 2]


def test_alleles_split_over_rows_find_their_own():
    score = score_of([("1", 10, "G", "A", 1.0)])
    rows = [("1", 10, "A", "C", ["0|1"]), ("1", 10, "A", "G", ["1|1"])]
    assert total(score, genotypes_of(rows)) == [2]


@pytest.mark.parametrize(
    ("effect", "other", "expected"), [("A", "C", [2]), ("C", "A", [0]), ("T", "G", [2])]
)
def test_row_without_alternate_says_who_has_the_reference(effect, other, expected):
    score = score_of([("1", 10, effect, other, 1.0)])
    assert total(score, genotypes_of([("1", 10, "A", ".", ["0|0"])])) == expected


def test_row_without_alternate_says_nothing_of_a_deletion():
    score = score_of([("1", 10, "AC", "A", 1.0)])
    assert match(score, genotypes_of([("1", 10, "A", ".", ["0|0"])])).counts.used == 0


def test_insertions_match_by_their_text():
    score = score_of([("1", 10, "AT", "A", 1.0)])
    assert total(score, genotypes_of([("1", 10, "A", "AT", CALLS)])) == [0, 1, 2]


def test_matched_variant_without_any_call_is_not_used():
    score = score_of([("1", 10, "C", "A", 1.0)])
    counts = match(score, genotypes_of([("1", 10, "A", "C", ["./.", "./."])])).counts
    assert (counts.alleles_matched, counts.uncalled, counts.used) == (1, 1, 0)


@pytest.mark.parametrize(
    ("allele", "expected"), [("A", "T"), ("AAC", "GTT"), ("N", None), ("<DEL>", None)]
)
def test_reverse_complement(allele, expected):
    assert reverse_complement(allele) == expected


@pytest.mark.parametrize(
    ("chromosome", "calls", "expected"),
    [("X", ["0", "1", "0|1"], [0, 2, 1]), ("Y", ["0", "1", "1"], [0, 1, 1])],
)
def test_haploid_call_counts_twice_on_x_alone(chromosome, calls, expected):
    score = score_of([(chromosome, 10, "C", "A", 1.0)])
    assert total(score, genotypes_of([(chromosome, 10, "A", "C", calls)])) == expected


def test_haploid_reference_allele_on_x():
    genotypes = genotypes_of([("X", 10, "A", "C", ["0", "1"])])
    assert effect_dosages(genotypes, np.array([0]), np.array([True])).tolist() == [[2, 0]]


@pytest.mark.parametrize(
    ("kind", "steps", "expected"),
    [
        (DOMINANT, (0, 1, 1), [0, 3, 3]),
        (RECESSIVE, (0, 0, 1), [0, 0, 3]),
        (DOSAGE_SPECIFIC, (-1, 2, 5), [-3, 6, 15]),
    ],
)
def test_terms_that_are_not_additive(kind, steps, expected):
    score = score_of([("1", 10, "C", "A", 3.0)], kind=kind, steps=steps)
    assert total(score, genotypes_of([("1", 10, "A", "C", CALLS)])) == expected


def test_missing_call_gets_the_mean_of_fifty_others():
    score = score_of([("1", 10, "C", "A", 1.0)], frequency=0.9)
    genotypes = genotypes_of([("1", 10, "A", "C", ["./."] + ["0|1", "1|1"] * 25)])
    sums = sums_of(score, genotypes)
    assert sums.total[0] == 1.5
    assert (sums.missing_calls, sums.imputed_from_samples, sums.left_out) == (1, 1, 0)
    assert sums.alleles[0] == 2


def test_missing_call_gets_the_files_frequency_where_samples_are_few():
    score = score_of([("1", 10, "C", "A", 1.0)], frequency=0.25)
    genotypes = genotypes_of([("1", 10, "A", "C", ["./.", "1|1"])])
    sums = sums_of(score, genotypes)
    assert sums.total.tolist() == [0.5, 2]
    assert (sums.imputed_from_samples, sums.imputed_from_frequency) == (0, 1)


def test_missing_call_that_nothing_stands_in_for_is_left_out():
    score = score_of([("1", 10, "C", "A", 1.0), ("1", 20, "C", "A", 1.0)])
    rows = [("1", 10, "A", "C", ["./.", "1|1"]), ("1", 20, "A", "C", ["0|1", "1|1"])]
    sums = sums_of(score, genotypes_of(rows))
    assert sums.total.tolist() == [1, 4]
    assert sums.variants.tolist() == [1, 2]
    assert sums.average.tolist() == [0.5, 1]
    assert sums.left_out == 1


def test_absent_variants_add_what_no_copies_add():
    score = score_of(
        [("1", 10, "C", "A", 1.0), ("1", 20, "C", "A", 1.0)],
        kind=DOSAGE_SPECIFIC,
        steps=(-1, 2, 5),
    )
    genotypes = genotypes_of([("1", 10, "A", "C", ["0|1"])])
    assert match(score, genotypes).absent.tolist() == [1]
    sums = sums_of(score, genotypes, absent_means_reference=True)
    assert sums.total.tolist() == [1]
    assert sums.variants.tolist() == [2]
