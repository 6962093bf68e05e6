import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.polygenic.matching import match, reverse_complement
from tests.genomes import genotypes_of, score_of, sums_of

ALLELES = st.sampled_from(["A", "C", "G", "T", "AC", "GT", "D"])
WEIGHTS = st.integers(-8, 8).map(lambda n: n / 4)
PLACES = st.tuples(st.sampled_from(["1", "2", "X"]), st.integers(1, 4))
CALLS = st.lists(st.sampled_from(["0|0", "0|1", "1|0", "1|1"]), min_size=3, max_size=3)


@st.composite
def variants(draw):
    effect, other = draw(ALLELES), draw(st.one_of(st.just(""), ALLELES))
    return (*draw(PLACES), effect, "" if other == effect else other, draw(WEIGHTS))


@st.composite
def rows(draw):
    alleles = draw(st.lists(ALLELES, min_size=2, max_size=2, unique=True))
    return (*draw(PLACES), *alleles, draw(CALLS))


def categories(effect, other, reference, alternate):
    """All the ways in which a variant is a row, spelled out: (order, counts the reference)."""
    for base, (e, o) in ((0, (effect, other)), (2, tuple(map(flipped, (effect, other))))):
        if other and e == reference and o == alternate:
            yield base, True
        if other and e == alternate and o == reference:
            yield base + 1, False
        if not other and e == reference:
            yield base + 4, True
        if not other and e == alternate:
            yield base + 5, False


def flipped(allele):
    return reverse_complement(allele) if allele else ""


def matched_plainly(score, genotypes, keep_ambiguous):
    """The rules of the module, one pair at a time."""
    best = {}
    for v, (chromosome, position, effect, other, _) in enumerate(score):
        fits = [
            (category, r, is_reference)
            for r, (at, start, reference, alternate, _) in enumerate(genotypes)
            if (at, start) == (chromosome, position)
            for category, is_reference in categories(effect, other, reference, alternate)
        ]
        if fits:
            category, r, is_reference = min(fits)
            ambiguous = reverse_complement(genotypes[r][2]) == genotypes[r][3]
            if keep_ambiguous or not ambiguous:
                best.setdefault(r, []).append((category, v, is_reference))
    return sorted((v, r, is_reference) for r, some in best.items()
                  for _, v, is_reference in [min(some)])  # fmt: skip


def summed_plainly(score, genotypes, pairs):
    totals = [0.0, 0.0, 0.0]
    for v, r, is_reference in pairs:
        for sample, call in enumerate(genotypes[r][4]):
            totals[sample] += score[v][4] * call.count("0" if is_reference else "1")
    return totals


@given(
    st.lists(variants(), min_size=1, max_size=8),
    st.lists(rows(), min_size=1, max_size=8),
    st.booleans(),
)
@settings(deadline=None)
def test_arrays_match_and_sum_as_one_pair_at_a_time(score, genotypes, keep_ambiguous):
    matching = match(score_of(score), genotypes_of(genotypes), keep_ambiguous)
    pairs = list(
        zip(
            matching.variant.tolist(),
            matching.entry.tolist(),
            matching.effect_is_reference.tolist(),
            strict=True,
        )
    )
    expected = matched_plainly(score, genotypes, keep_ambiguous)
    assert pairs == expected
    how = "keep" if keep_ambiguous else "drop"
    sums = sums_of(score_of(score), genotypes_of(genotypes), ambiguous=how)
    assert np.allclose(sums.total, summed_plainly(score, genotypes, expected))


@given(st.lists(variants(), min_size=1, max_size=8), st.lists(rows(), min_size=1, max_size=8))
@settings(deadline=None)
def test_counts_add_up(score, genotypes):
    counts = match(score_of(score), genotypes_of(genotypes)).counts
    placed = counts.without_position + counts.positions_found + counts.absent
    assert placed == counts.variants == len(score)
    assert counts.alleles_matched + counts.alleles_mismatched == counts.positions_found
    dropped = counts.ambiguous_dropped + counts.duplicates_dropped + counts.uncalled
    assert counts.used == counts.alleles_matched - dropped


SNPS = st.sampled_from(["A", "C", "G", "T"])


@given(st.lists(st.tuples(SNPS, SNPS, WEIGHTS, CALLS), min_size=1, max_size=8))
@settings(deadline=None)
def test_strand_and_order_of_alleles_do_not_change_a_sum(variants_and_calls):
    some = [(a, b, w, calls) for a, b, w, calls in variants_and_calls if a != b]
    genotypes = genotypes_of([("1", n, b, a, c) for n, (a, b, _, c) in enumerate(some, 1)])
    swapped = genotypes_of(
        [
            ("1", n, a, b, [call.translate(str.maketrans("01", "10")) for call in c])
            for n, (a, b, _, c) in enumerate(some, 1)
        ]
    )
    direct = score_of([("1", n, a, b, w) for n, (a, b, w, _) in enumerate(some, 1)])
    flipped_score = score_of(
        [("1", n, flipped(a), flipped(b), w) for n, (a, b, w, _) in enumerate(some, 1)]
    )
    totals = [
        sums_of(score, called).total
        for score in (direct, flipped_score)
        for called in (genotypes, swapped)
    ]
    assert all(np.allclose(total, totals[0]) for total in totals)
