import time

import numpy as np
import pytest

from specialists.calibration import (
    conformal_rank,
    fit_temperature,
    fit_thresholds,
    population_sets,
    prediction_sets,
    softmax,
)
from specialists.measures import evaluate_predictions, reliability, roc_auc, roc_curve

NAMES = {
    "brier",
    "sensitivity_at_90_specificity",
    "sensitivity",
    "specificity",
    "inconclusive",
    "empty",
    "accuracy",
    "balanced_accuracy",
    "auc",
    "auc_binary",
    "coverage",
    "set_size",
    "worst_class_coverage",
    "ece",
}


def drawn(n, classes, seed, sharpness=2.0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, classes)) * sharpness
    labels = (softmax(logits).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits, labels


def test_softmax_sums_to_one_for_large_logits():
    assert softmax([[1000.0, 0.0], [0.0, 0.0]]) == pytest.approx(np.array([[1, 0], [0.5, 0.5]]))


def test_softmax_refuses_temperature_zero():
    with pytest.raises(ValueError, match="positive"):
        softmax([0.0, 1.0], 0.0)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_fit_temperature_recovers_a_known_one(temperature):
    logits, labels = drawn(20_000, 3, 1)
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize(
    ("n", "coverage", "rank"), [(9, 0.9, 9), (8, 0.9, 9), (99, 0.9, 90), (19, 0.95, 19)]
)
def test_conformal_rank_follows_the_formula(n, coverage, rank):
    assert conformal_rank(n, coverage) == rank


def test_conformal_rank_with_confidence_is_larger():
    assert conformal_rank(200, 0.9) < conformal_rank(200, 0.9, 0.9) <= 200


@pytest.mark.parametrize("confidence", [None, 0.9])
def test_sets_cover_every_class_at_the_stated_rate(confidence):
    logits, labels = drawn(12_000, 4, 2)
    logits[:, 0] += 1.0
    rows = softmax(logits)
    sets = prediction_sets(rows[6000:], fit_thresholds(rows[:6000], labels[:6000], 0.9, confidence))
    covered = sets[np.arange(6000), labels[6000:]]
    for label in range(4):
        assert covered[labels[6000:] == label].mean() > 0.87


def test_confident_thresholds_hold_in_most_repetitions():
    held = 0
    for seed in range(60):
        logits, labels = drawn(2200, 2, seed)
        rows = softmax(logits)
        thresholds = fit_thresholds(rows[:200], labels[:200], 0.9, 0.9)
        covered = prediction_sets(rows[200:], thresholds)[np.arange(2000), labels[200:]]
        held += covered[labels[200:] == 0].mean() >= 0.89
    assert held >= 50


def test_class_with_too_few_cases_is_always_in_the_set():
    rows = np.array([[0.9, 0.1]] * 30)
    thresholds = fit_thresholds(rows, np.zeros(30, int))
    assert prediction_sets(rows, thresholds).all(axis=0).tolist() == [True, True]


def test_empty_set_receives_the_likeliest_class():
    assert prediction_sets([[0.6, 0.4]], [0.9, 0.9]).tolist() == [[True, False]]


def test_unknown_population_takes_the_union():
    calibrations = {
        "adult": {"temperature": 1.0, "thresholds": [0.1, 0.9]},
        "paediatric": {"temperature": 1.0, "thresholds": [0.9, 0.1]},
    }
    logits = [[1.0, 1.0]]
    assert population_sets(logits, calibrations, "adult").tolist() == [[True, False]]
    assert population_sets(logits, calibrations, None).tolist() == [[True, True]]
    with pytest.raises(ValueError, match="population"):
        population_sets(logits, calibrations, "fetal")


def test_roc_auc_counts_ties_as_a_half():
    assert roc_auc([0.1, 0.5, 0.5, 0.9], [False, False, True, True]) == pytest.approx(0.875)
    assert roc_auc([3, 2, 1], [False, True, True]) == 0.0


def test_evaluate_predictions_gives_the_stated_names_and_ordered_intervals():
    logits, labels = drawn(400, 3, 3)
    rows = softmax(logits)
    figures = evaluate_predictions(rows, labels, rows > 0.1, [2])
    assert set(figures) == NAMES
    for figure in figures.values():
        assert figure["low"] <= figure["value"] <= figure["high"] or figure == figures["ece"]


def test_evaluate_predictions_measures_a_small_case_by_hand():
    rows = [[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.1, 0.9]]
    sets = [[True, False], [True, True], [False, True], [False, True]]
    figures = evaluate_predictions(rows, [0, 0, 1, 1], sets, [1])
    values = {name: figure["value"] for name, figure in figures.items()}
    assert values == pytest.approx(
        {
            "accuracy": 0.75,
            "balanced_accuracy": 0.75,
            "auc": 1.0,
            "auc_binary": 1.0,
            "coverage": 1.0,
            "set_size": 1.25,
            "worst_class_coverage": 1.0,
            "ece": 0.3,
            "brier": 0.25,
            "sensitivity_at_90_specificity": 1.0,
            "sensitivity": 1.0,
            "specificity": 0.5,
            "inconclusive": 0.25,
            "empty": 0.0,
        }
    )


def test_evaluate_predictions_gives_an_area_for_each_named_class_that_is_present():
    rows = [[0.8, 0.2, 0.0], [0.4, 0.6, 0.0], [0.3, 0.7, 0.0]]
    figures = evaluate_predictions(rows, [0, 0, 1], np.ones((3, 3)), [1], names=("a", "b", "c"))
    assert {name for name in figures if ":" in name} == {"auc: a", "auc: b"}
    assert figures["auc: b"]["value"] == 1.0


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.1] * 9 + [0.9] + [0.5, 0.95], 1.0),  # one of ten negatives may lie above
        ([0.1] * 8 + [0.9, 0.9] + [0.5, 0.95], 0.5),
        ([0.9] * 10 + [0.9, 0.9], 0.0),  # ties can't be parted
    ],
)
def test_sensitivity_at_a_specificity_is_that_of_the_lowest_limit_allowed(scores, expected):
    rows = np.stack([1 - np.array(scores), scores], axis=1)
    figures = evaluate_predictions(rows, [0] * 10 + [1] * 2, rows >= 0.5, [1])
    assert figures["sensitivity_at_90_specificity"]["value"] == expected


def test_roc_curve_runs_from_corner_to_corner_and_has_the_area():
    scores, truth = [0.1, 0.5, 0.5, 0.9], [False, False, True, True]
    false, true = roc_curve(scores, truth)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(true, false) == pytest.approx(roc_auc(scores, truth))


def test_reliability_has_a_row_for_each_filled_bin():
    told = reliability([0.55, 0.57, 0.92], [True, False, True])
    assert told == pytest.approx(np.array([[0.56, 0.5, 2], [0.92, 1, 1]]))


def test_evaluate_predictions_repeats_itself_and_depends_on_groups():
    logits, labels = drawn(300, 2, 4)
    rows, sets = softmax(logits), softmax(logits) > 0.2
    once, again = (evaluate_predictions(rows, labels, sets, [1]) for _ in range(2))
    grouped = evaluate_predictions(rows, labels, sets, [1], groups=np.arange(300) // 30)
    assert once == again
    assert grouped["accuracy"]["value"] == once["accuracy"]["value"]
    assert grouped["accuracy"] != once["accuracy"]


def test_evaluate_predictions_with_one_class_leaves_the_areas_out():
    figures = evaluate_predictions([[0.7, 0.3]] * 5, [0] * 5, [[True, False]] * 5, [1])
    assert figures["auc"] == figures["auc_binary"] == {"value": None, "low": None, "high": None}
    assert figures["accuracy"]["value"] == 1.0


def test_evaluate_predictions_refuses_shapes_that_disagree():
    with pytest.raises(ValueError, match="classes"):
        evaluate_predictions([[0.5, 0.5]], [0, 1], [[True, True]], [1])


def test_evaluate_predictions_of_600_takes_seconds_at_most():
    logits, labels = drawn(600, 8, 5)
    rows, began = softmax(logits), time.process_time()
    evaluate_predictions(rows, labels, rows > 0.1, [0, 1])
    assert time.process_time() - began < 6
