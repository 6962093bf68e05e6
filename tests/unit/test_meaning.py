from statistics import NormalDist

import numpy as np
import pytest

from specialists.polygenic.meaning import (
    absolute_risk,
    discovery,
    portability,
    rank_interval,
    whole_score_interval,
)


def test_interval_of_a_percentile_narrows_with_people_and_stays_within_bounds():
    few, many = rank_interval(90, 50), rank_interval(90, 5000)
    assert few[0] < many[0] < 90 < many[1] < few[1]
    assert rank_interval(0, 30)[0] == 0
    assert rank_interval(100, 30)[1] == 100
    # Wilson's interval of 45 in 50, as tables have it.
    assert few == pytest.approx((78.6, 95.7), abs=0.05)


def test_part_of_a_score_leaves_the_whole_open():
    low, high = whole_score_interval(2.0, 0.02)
    assert low < 10 and high > 97
    assert whole_score_interval(1.0, 1.0) == pytest.approx((84.13, 84.13), abs=0.01)


@pytest.mark.parametrize("odds_ratio", [0.7, 1.0, 1.6, 3.0])
def test_absolute_risks_average_to_that_of_the_population(odds_ratio):
    z = np.array([NormalDist().inv_cdf((n + 0.5) / 200) for n in range(200)])
    risks = [absolute_risk(one, 0.12, odds_ratio) for one in z]
    assert np.mean(risks) == pytest.approx(0.12, rel=0.02)


def test_absolute_risk_rises_by_the_odds_ratio():
    low, high = absolute_risk(0.0, 0.1, 1.6), absolute_risk(1.0, 0.1, 1.6)
    assert (high / (1 - high)) / (low / (1 - low)) == pytest.approx(1.6)


def test_portability_is_warned_of_where_ancestry_differs():
    european = {"pgs_id": "PGS000001"}
    assert discovery(european) == {"European": 100}
    assert portability(european, "EUR", mixed=False) is None
    assert "most like AFR" in (portability(european, "AFR", mixed=False) or "")
    assert "of mixed ancestry" in (portability(european, "EUR", mixed=True) or "")
    assert "In people of other ancestry" in (portability(european, None, mixed=False) or "")


def test_training_counts_beside_discovery():
    of = {"pgs_id": "PGS000802"}
    assert discovery(of) == {"East Asian": 100, "European": 63.6}
    assert portability(of, "EAS", mixed=False) is None
    assert portability(of, "EUR", mixed=False) is not None


def test_score_of_unknown_origin_says_so():
    assert "not known here" in (portability({"pgs_id": "PGS123456"}, "EUR", mixed=False) or "")
