import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from specialists.base import Source
from specialists.errors import InvalidInput, UnreadableFile
from specialists.polygenic.joint import Incidence, JointModel, Person, ScoreNorms, logistic
from specialists.polygenic.joint_store import (
    Card,
    Installed,
    joint_path,
    load_joint,
    save_joint,
)
from specialists.polygenic.panel import panel_path, save_panel
from specialists.polygenic.panel_build import build_panel
from specialists.polygenic.panel_placement import place
from specialists.polygenic.reference import LinearScore
from specialists.polygenic.simulation import Cohort as Simulated
from specialists.polygenic.simulation import Design, simulate
from specialists.polygenic.spec import PolygenicRequest, PolygenicResult
from specialists.schema import Manifest
from specialists.training.joint_figures import Split, auc_difference, figures
from tests.cohorts import Cohort

SMALL = Design(people=3000, studied=6000, diseases=8, blocks=40, variants=10, factors=2)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(SMALL)


def test_simulation_follows_from_its_seed(simulated):
    tiny = Design(people=300, studied=400, diseases=3, blocks=4, variants=5, factors=2)
    one, two = simulate(tiny), simulate(tiny)
    assert np.array_equal(one.scores, two.scores)
    assert np.array_equal(one.diseased, two.diseased)
    assert not np.array_equal(one.scores, simulate(replace(tiny, seed=1)).scores)


def test_simulation_has_what_it_was_designed_to_have(simulated):
    shares = np.bincount(simulated.population) / SMALL.people
    assert shares == pytest.approx(SMALL.shares, abs=0.01)
    assert 0.03 < simulated.diseased.mean() < 0.35
    beside = np.abs(simulated.genetic_correlation[np.triu_indices(8, 1)])
    assert beside.max() > 0.3
    # Mixed people lie between the two populations that their ancestors are from.
    first = [simulated.components[simulated.population == code, 0].mean() for code in range(4)]
    low, high = sorted(first[:2])
    assert low < first[3] < high


def test_scores_predict_best_in_the_population_of_their_studies(simulated):
    auc = []
    for code in (0, 1):
        there = simulated.population == code
        each = [
            auc_difference(simulated.diseased[there, d], ridge, np.zeros(there.sum()))["joint"]
            for d, ridge in enumerate(simulated.scores[there, :, 0].T.astype(float))
        ]
        auc.append(np.mean(each))
    assert auc[0] > auc[1] > 0.52


def test_joint_model_is_calibrated_on_diseases_that_it_never_saw(simulated):
    split = Split.of(simulated, 0)
    assert not set(split.trained) & set(split.held)
    model = split.fit(split.trained, 100.0)
    held = figures([split], [model], simulated.study_size.tolist())["held"]
    assert held["expected_over_observed"] == pytest.approx(1, abs=0.25)
    assert held["calibration_slope"] == pytest.approx(1, abs=0.35)
    assert all(row["joint"] > 0.55 for row in held["rows"])


def test_training_looks_at_no_label_of_a_held_out_disease(simulated):
    split = Split.of(simulated, 0)
    weights = split.fit(split.trained, 100.0).weights
    diseased = split.diseased_train.copy()
    diseased[:, split.held] = ~diseased[:, split.held]
    again = replace(split, diseased_train=diseased).fit(split.trained, 100.0).weights
    assert np.array_equal(weights, again)


def test_difference_in_auc_has_the_interval_of_delong():
    rng = np.random.default_rng(0)
    diseased = rng.random(2000) < 0.3
    signal = diseased + rng.normal(0, 1.5, 2000)
    found = auc_difference(diseased, signal, signal + rng.normal(0, 1.5, 2000))
    assert 0 < found["low"] < found["difference"] < found["high"]
    same = auc_difference(diseased, signal, signal)
    assert (same["difference"], same["low"], same["high"]) == (0, 0, 0)


def test_logistic_regression_finds_the_weights():
    rng = np.random.default_rng(0)
    design = np.column_stack([np.ones(20_000), rng.normal(size=20_000)])
    outcome = rng.random(20_000) < 1 / (1 + np.exp(-(design @ [-1.0, 0.7])))
    assert logistic(design, outcome.astype(float)) == pytest.approx([-1, 0.7], abs=0.06)


def test_incidence_rises_with_age_as_it_was_counted():
    rng = np.random.default_rng(0)
    age, female = rng.uniform(40, 80, 20_000), rng.random(20_000) < 0.5
    odds = -2 + 0.5 * (age - 60) / 10 + 0.4 * female
    found = Incidence.counted(age, female, rng.random(20_000) < 1 / (1 + np.exp(-odds)))
    at = found.of(np.array([50.0, 70.0]), np.array([False, True]))
    assert at == pytest.approx([-2.5, -1.1], abs=0.15)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    pytest.importorskip("cyvcf2")
    return Cohort(tmp_path_factory.mktemp("joint"))


@pytest.fixture
def installed(cohort, tmp_path, monkeypatch) -> Installed:
    """A model of two diseases that both have the one score of the small cohort."""
    monkeypatch.setenv("HOME", str(tmp_path))
    panel = build_panel([cohort.vcf], cohort.labels, "small", column="group", scores=[cohort.score])
    save_panel(panel, panel_path("small"))
    values = panel.scores[0].values
    count = len(values)
    person = Person(
        scores=np.stack([values, values + np.random.default_rng(0).normal(0, 1, count)], 1)[
            :, :, None
        ],
        components=panel.cohort.components,
        age_years=np.full(count, 60.0),
        female=np.zeros(count, bool),
    )
    norms = ScoreNorms.of(person, [10_000, 10_000], np.ones(count, bool))
    weights = np.zeros(19)
    weights[0] = 0.5
    digest = hashlib.sha256(cohort.score.read_bytes()).hexdigest()
    card = Card(
        name="toy",
        panel="small",
        panel_sha256=hashlib.sha256(panel_path("small").read_bytes()).hexdigest(),
        diseases=("gout", "asthma"),
        scores=((digest,), (digest,)),
        trained_on="nobody.",
        evaluated_on="nothing.",
        licence="Apache-2.0",
        least_age=40,
        most_age=80,
    )
    flat = Incidence(np.full((2, 10), -2.0))
    made = Installed(card, JointModel(norms, weights), (flat, flat))
    save_joint(made, joint_path("toy"))
    return made


def read(cohort: Cohort, **options: object) -> PolygenicResult:
    inputs = {
        "genotypes": [Source((cohort.vcf,), Manifest(kind="variants", format="VCF"))],
        "score": [Source((cohort.score,), Manifest(kind="scoring_file", format="PGS"))],
    }
    request = PolygenicRequest(sample=10, **options)
    result = LinearScore().read(inputs, request, lambda share, doing: None).result
    assert isinstance(result, PolygenicResult)
    return result


ASKED = {"joint_model": "toy", "joint_disease": "Gout", "age_years": 60, "sex": "male"}


def test_joint_model_is_read_as_it_was_written(installed):
    again = load_joint(joint_path("toy"))
    assert again.card == installed.card
    assert np.array_equal(again.model.weights, installed.model.weights)


def test_what_is_no_joint_model_is_refused(installed, tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(panel_path("small").read_bytes())
    with pytest.raises(UnreadableFile):
        load_joint(path)
    card = installed.card.model_copy(update={"diseases": ("gout",)})
    save_joint(replace(installed, card=card), path)
    with pytest.raises(UnreadableFile, match="does not fit its card"):
        load_joint(path)


def test_joint_model_is_used_only_where_it_is_named(cohort, installed):
    assert read(cohort).joint_risks == ()
    (risk,) = read(cohort, **ASKED).joint_risks
    assert (risk.disease, risk.age_years, risk.sex) == ("gout", 60, "male")
    assert risk.average == pytest.approx(1 / (1 + np.exp(2)))
    # The one weight is that of the disease's own score, in standard deviations.
    components = place([cohort.vcf], [10], [], panel_path("small")).components
    norms = installed.model.norms
    value = (cohort.dosage() @ cohort.weights)[9]
    z = (value - np.append(1, components[0]) @ norms.regression[:, 0]) / norms.spread[0]
    assert risk.probability == pytest.approx(1 / (1 + np.exp(2 - 0.5 * z)), abs=1e-4)


def test_joint_risk_is_told_with_its_card(cohort, installed):
    result = read(cohort, **ASKED)
    text = next(m.text for m in result.measurements if "joint model" in m.name)
    assert "Trained on: nobody. Measured: nothing." in text
    assert text in result.summary


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"joint_model": "other"}, "Installed: toy"),
        ({"joint_disease": "plague"}, "gout, asthma"),
        ({"joint_disease": None}, "joint_disease"),
        ({"age_years": None}, "age_years and sex"),
        ({"sex": None}, "age_years and sex"),
        ({"age_years": 30}, "40 to 80"),
        ({"joint_model": "../toy"}, "made of a to z"),
    ],
)
def test_joint_model_says_what_it_lacks(cohort, installed, changes, words):
    with pytest.raises(InvalidInput, match=words):
        read(cohort, **(ASKED | changes))


def test_joint_model_of_another_panel_is_refused(cohort, installed):
    path: Path = panel_path("small")
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(InvalidInput, match="trained with"):
        read(cohort, **ASKED)


def test_joint_model_names_the_scores_that_are_missing(cohort, installed):
    card = installed.card.model_copy(update={"scores": (("0" * 64,), ("1" * 64,))})
    save_joint(replace(installed, card=card), joint_path("toy"))
    with pytest.raises(InvalidInput, match="000000000000, 111111111111"):
        read(cohort, **ASKED)
