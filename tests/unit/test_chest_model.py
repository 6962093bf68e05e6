import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from specialists.chest_xray.heat import laid
from specialists.chest_xray.odds import combine, conformal_sets, looks, probabilities
from specialists.chest_xray.texture import COUNT, PATCH, PATTERNS, Texture

CONFORMAL = {
    "populations": {
        "paediatric": {"temperature": 1.0, "thresholds": [0.5, 0.5]},
        "adult": {"temperature": 1.0, "thresholds": [0.2, 0.2]},
    },
    "inferred": {"temperature": 1.0, "thresholds": [0.1, 0.1]},
}
MIXING = {name: {"network": 0.5, "texture": 0.5} for name in ("paediatric", "adult")}


def said(network, child, adults, look):
    return np.array([[network, child, *adults, look]])


@pytest.fixture
def texture():
    torch.manual_seed(0)
    result = Texture(3)
    result.patterns.copy_(torch.randn(PATTERNS, 1, PATCH, PATCH))
    result.mean.copy_(torch.randn(COUNT))
    return result.eval()


def test_combining_weighs_network_and_the_populations_own_texture():
    logits = combine(said(2, 4, (-2, -4), 9), MIXING)
    assert np.diff(logits[0])[:, 0].tolist() == [3, -0.5, 9]


def test_probabilities_of_an_unknown_population_lie_between_those_of_both():
    logits = combine(said(0, 4, (-2, -2), 0.5), MIXING)
    child, adult, unknown = (
        probabilities(logits, CONFORMAL, name)[0, 1] for name in ("paediatric", "adult", None)
    )
    assert adult < unknown < child


@pytest.mark.parametrize(("look", "expected"), [(-9, [True, False]), (9, [True, True])])
def test_sets_follow_the_population_that_the_film_looks_like(look, expected):
    logits = combine(said(-1, -1, (-1, -1), look), MIXING)
    assert conformal_sets(logits, CONFORMAL, None)[0].tolist() == expected


def test_sets_are_the_union_where_the_look_leaves_both():
    logits = combine(said(-1, 3, (-1, -1), 0), MIXING)
    assert looks(logits, CONFORMAL)[1].all()
    each = [conformal_sets(logits, CONFORMAL, name) for name in ("paediatric", "adult")]
    assert (conformal_sets(logits, CONFORMAL, None) == (each[0] | each[1])).all()


def test_texture_reads_a_film_and_its_mirror_image_alike(texture):
    film = torch.randn(2, 1, 128, 128)
    assert torch.allclose(texture(film), texture(film.flip(-1)), atol=1e-4)


def test_places_of_texture_add_up_to_its_answer(texture):
    film, weights = torch.randn(1, 1, 128, 128), [0.5, 0.0, 2.0]
    with torch.inference_mode():
        told = (texture(film)[0] - texture.linear.bias) @ torch.tensor(weights)
        assert float(texture.contributions(film, weights).mean()) == pytest.approx(
            float(told), rel=1e-3
        )


def test_both_maps_are_laid_over_the_film_and_texture_leaves_the_rim_out():
    seen, felt = np.zeros((12, 12), np.float32), np.ones((96, 96), np.float32)
    heat = laid(seen, felt, (200, 100))
    assert heat.shape == (100, 200)
    assert not heat[:4].any()
    assert heat[50, 100] == pytest.approx(1)


def test_an_adults_film_darker_than_normal_ones_keeps_normal_and_a_childs_does_not():
    logits = combine(said(9, 9, (9, 9), 9), MIXING)
    assert conformal_sets(logits, CONFORMAL, "adult").tolist() == [[False, True]]
    assert conformal_sets(logits, CONFORMAL, "adult", [True]).tolist() == [[True, True]]
    assert conformal_sets(logits, CONFORMAL, None, [True]).tolist() == [[True, True]]
    assert conformal_sets(logits, CONFORMAL, "paediatric", [True]).tolist() == [[False, True]]
