"""The figures of pgscatalog-utils 2.0.4 on its own example, and what it does not give."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from specialists.errors import InvalidInput
from specialists.polygenic.ancestry import (
    Cohort,
    candidates,
    mahalanobis,
    mixture,
    resemblance,
)
from specialists.polygenic.ancestry_adjustment import empirical, fit_norms
from specialists.polygenic.ancestry_projection import principal_components

DATA = Path(__file__).parents[1] / "data" / "genomics"
EXAMPLE = DATA / "ancestry"
CLOSE = 1e-6


def rows(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def components(path: Path) -> tuple[list[str], np.ndarray]:
    found = rows(path)
    return [row["IID"] for row in found], np.array(
        [[float(row[f"PC{n}"]) for n in range(1, 11)] for row in found]
    )


class Example:
    def __init__(self) -> None:
        people, reference = components(EXAMPLE / "ref.pcs.gz")
        label = {row["#IID"]: row["SuperPop"] for row in rows(DATA / "ref.psam")}
        names = tuple(dict.fromkeys(label[one] for one in people))
        code = np.array([names.index(label[one]) for one in people])
        self.cohort = Cohort(reference, code, names)
        self.people, self.placed = components(EXAMPLE / "target.pcs.gz")
        scored = rows(EXAMPLE / "aggregated_scores.txt.gz")
        score = {(row["sampleset"], row["IID"]): float(row["SUM"]) for row in scored}
        self.reference = np.array([score["reference", one] for one in people])
        self.scores = np.array([score["hgdp", one] for one in self.people])

    def expected(self, method: str) -> list[dict[str, str]]:
        of = {row["IID"]: row for row in rows(EXAMPLE / "expected.tsv.gz")
              if row["method"] == method}  # fmt: skip
        return [of[one] for one in self.people]


@pytest.fixture(scope="module")
def example() -> Example:
    return Example()


@pytest.mark.parametrize("method", ["mahalanobis", "random_forest"])
def test_likeness_equals_that_of_the_catalog_calculator(example, method):
    if method == "random_forest":
        pytest.importorskip("sklearn")
    found = resemblance(example.cohort, example.placed, method)
    expected = example.expected(method)
    names = example.cohort.names
    assert [names[n] for n in found.nearest] == [row["MostSimilarPop"] for row in expected]
    assert [str(low) for low in found.low_confidence] == [row["low"] for row in expected]
    theirs = np.array([[float(row[f"P_{name}"]) for name in names] for row in expected])
    assert np.abs(found.probability - theirs).max() < CLOSE


def test_percentiles_and_z_equal_those_of_the_catalog_calculator(example):
    expected = example.expected("mahalanobis")
    nearest = resemblance(example.cohort, example.placed).nearest
    percentile, z = np.zeros(len(nearest)), np.zeros(len(nearest))
    for population in np.unique(nearest):
        there = nearest == population
        among = example.reference[example.cohort.population == population]
        percentile[there], z[there] = empirical(example.scores[there], among)
    norms = fit_norms(example.reference, example.cohort.components)
    first, second = norms.z(example.scores, example.placed)
    for name, ours in {
        "percentile": percentile,
        "Z": z,
        "Z_norm1": first,
        "Z_norm2": second,
    }.items():
        theirs = np.array([float(row[name]) for row in expected])
        assert np.abs(ours - theirs).max() < CLOSE, name


def test_distance_decides_where_every_probability_is_zero():
    rng = np.random.default_rng(0)
    cohort = Cohort(
        np.concatenate([rng.normal(0, 1, (50, 5)), rng.normal(100, 1, (50, 5))]),
        np.repeat([0, 1], 50),
        ("near", "far"),
    )
    person = np.full((1, 5), 1000.0)
    distance, probability = mahalanobis(cohort, person)
    assert probability.max() == 0
    found = resemblance(cohort, person)
    assert found.nearest[0] == distance[0].argmin()
    assert found.low_confidence[0]


def test_mixed_ancestry_is_all_candidates_with_their_weight():
    rng = np.random.default_rng(1)
    centres = np.zeros((3, 5))
    centres[1, 0], centres[2, 1] = 10, 10
    cohort = Cohort(
        np.concatenate([rng.normal(centre, 0.5, (100, 5)) for centre in centres]),
        np.repeat([0, 1, 2], 100),
        ("A", "B", "C"),
    )
    person = (0.6 * centres[1] + 0.4 * centres[2])[None]
    weights = mixture(cohort, person)[0]
    assert weights == pytest.approx([0, 0.6, 0.4], abs=0.02)
    assert weights.sum() == pytest.approx(1)
    assert candidates(weights) == [1, 2]


def test_score_that_does_not_vary_is_not_adjusted():
    with pytest.raises(InvalidInput, match="does not vary"):
        fit_norms(np.ones(50), np.random.default_rng(0).normal(size=(50, 4)))


def test_adjusted_scores_have_no_ancestry_left_in_mean_and_spread():
    rng = np.random.default_rng(3)
    placed = rng.normal(size=(4000, 4))
    scores = 2 * placed[:, 0] + np.exp(0.4 * placed[:, 1]) * rng.normal(size=4000)
    first, second = fit_norms(scores, placed).z(scores, placed)
    assert abs(np.corrcoef(first, placed[:, 0])[0, 1]) < 0.01
    upper = placed[:, 1] > 0
    assert first[upper].std() / first[~upper].std() > 1.5
    assert second[upper].std() / second[~upper].std() == pytest.approx(1, abs=0.08)


def drifted(people: int, sites: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    old = rng.uniform(0.1, 0.9, sites)
    frequency = rng.beta(old * 19, (1 - old) * 19, (2, sites))
    population = np.arange(people) % 2
    return rng.binomial(2, frequency[population].T).astype(float), population


def test_people_who_were_left_out_fall_where_their_population_is():
    dosage, population = drifted(300, 1500, 7)
    loadings, placed = principal_components(dosage[:, :200], 2)
    other = loadings.place(dosage[:, 200:])
    assert loadings.shrinkage[0] < 1
    for label in (0, 1):
        inside = placed[population[:200] == label, 0].mean()
        outside = other[population[200:] == label, 0].mean()
        assert outside == pytest.approx(inside, rel=0.1)
        assert abs(outside - inside) < abs(outside * loadings.shrinkage[0] - inside)


def test_missing_calls_do_not_pull_a_person_to_the_centre():
    dosage, _ = drifted(200, 1500, 6)
    loadings, _ = principal_components(dosage, 2)
    person = dosage[:, :1].copy()
    whole = loadings.place(person)[0, 0]
    person[np.random.default_rng(0).random(1500) < 0.4] = np.nan
    assert loadings.place(person)[0, 0] == pytest.approx(whole, rel=0.1)
