import numpy as np
import pytest

from specialists.polygenic.quality import (
    Quality,
    Related,
    call_rate,
    inbreeding,
    outside_shared_parts,
    related_to,
    sex_of,
)
from specialists.polygenic.quality_checks import checks
from tests.genomes import genotypes_of


def simulated(sites: int, seed: int = 0) -> tuple[np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng, rng.uniform(0.2, 0.8, sites)


def test_expected_heterozygosity_is_no_inbreeding():
    rng, frequency = simulated(3000)
    found = inbreeding(rng.binomial(2, frequency).astype(float), frequency)
    assert found is not None
    assert abs(found[0]) < 4 * found[1]
    homozygous = inbreeding(2.0 * (rng.random(3000) < frequency), frequency)
    assert homozygous is not None
    assert homozygous[0] == 1


def test_heterozygosity_of_few_sites_is_not_judged():
    rng, frequency = simulated(50)
    assert inbreeding(rng.binomial(2, frequency).astype(float), frequency) is None


def test_sex_by_haploid_calls_and_by_heterozygous_ones():
    rng, frequency = simulated(400)
    diploid = np.full(400, 2, np.uint8)
    woman = rng.binomial(2, frequency).astype(float)
    man = 2.0 * rng.binomial(1, frequency)
    assert sex_of(diploid, woman, frequency)[0] == "female"
    assert sex_of(diploid, man, frequency)[0] == "male"
    unknown = np.full(400, np.nan)
    assert sex_of(np.ones(400, np.uint8), man, unknown) == ("male", 400)
    assert sex_of(diploid, woman, unknown) == (None, 0)


def test_parts_that_x_shares_with_y_do_not_tell_of_sex():
    position = np.array([20_000, 5_000_000, 155_800_000])
    assert outside_shared_parts("GRCh38", position).tolist() == [False, True, False]
    assert outside_shared_parts(None, np.array([155_000_000])).tolist() == [False]


def test_relatives_are_found_by_degree():
    rng, frequency = simulated(4000)
    haplotypes = rng.random((8, 4000)) < frequency
    father, mother = haplotypes[0:2], haplotypes[2:4]
    child = np.array([np.where(rng.random(4000) < 0.5, *two) for two in (father, mother)])
    people = [father, mother, child, haplotypes[4:6], haplotypes[6:8], child]
    dosage = np.array([one.sum(axis=0) for one in people], float).T
    found = related_to(dosage, 2, np.arange(1, 7) * 10)
    assert [(one.sample, one.degree) for one in found] == [
        (60, "the same person or an identical twin"),
        *sorted(((10, "first degree"), (20, "first degree")),
                key=lambda one: -next(f.kinship for f in found if f.sample == one[0])),
    ]  # fmt: skip


def test_few_sites_say_nothing_of_relatives():
    rng, frequency = simulated(100)
    one = rng.binomial(2, frequency).astype(float)
    assert related_to(np.array([one, one]).T, 0, np.array([1, 2])) == ()


def test_call_rate_counts_missing_calls():
    genotypes = genotypes_of([("1", 10, "A", "C", ["0|1"]), ("1", 20, "A", "C", [".|."])])
    assert call_rate(genotypes, 0) == 0.5


def quality(**changes: object) -> Quality:
    facts = {
        "variants": 1000, "called": 0.99, "inbreeding": 0.01, "inbreeding_error": 0.02,
        "expected_from": "the reference population EUR", "sex": "female", "sex_variants": 40,
        "compared": 10, "related": (),
    }  # fmt: skip
    return Quality(**(facts | changes))


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"called": 0.9}, "call rate", "Genotype it again"),
        ({"inbreeding": 0.4}, "heterozygosity", "related parents"),
        ({"inbreeding": -0.4}, "heterozygosity", "two people's samples were mixed"),
        ({"sex": "male"}, "sex", "the sample is not that person's"),
        (
            {"related": (Related(4, 0.25, "first degree"),)},
            "relatedness",
            "must not be disclosed",
        ),
    ],
)
def test_each_failed_check_says_what_it_means(changes, name, words):
    found = {one.name: one for one in checks(quality(**changes), "sample 1", "female")}
    assert [one for one in found if found[one].passed is False] == [name]
    assert words in found[name].text


def test_what_cannot_be_judged_is_neither_passed_nor_failed():
    unknown = quality(inbreeding=None, sex=None, compared=0)
    found = {one.name: one.passed for one in checks(unknown, "sample 1", None)}
    assert found == {"call rate": True, "heterozygosity": None, "sex": None, "relatedness": None}
