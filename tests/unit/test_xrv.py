from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torchvision")

import torch
from safetensors.torch import save_file

from agent import Agent, Settings
from specialists import hub
from specialists.errors import BackendUnavailable
from specialists.xrv.model import POINTS, DenseNet, operating, prepared
from specialists.xrv.offer import HUB, OUTPUTS

DATA = Path(__file__).parents[1] / "data"


def network(seed: int = 0) -> Any:
    """The architecture with random weights, as torchvision builds it."""
    from torchvision.models import densenet121

    torch.manual_seed(seed)
    model: Any = densenet121(num_classes=18)
    model.features.conv0 = torch.nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    with torch.no_grad():
        model.features.conv0.weight.mul_(1 / 100)
        model.classifier.bias.copy_(torch.logit(torch.tensor(POINTS)))
    return model.eval()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    place = folder / HUB.id.replace("/", "--")
    place.mkdir()
    save_file(network().state_dict(), place / "model.safetensors", {"format": "pt"})
    (place / "config.json").write_text("{}")
    return folder


@pytest.fixture
def at_home(models: Path) -> Iterator[Path]:
    before = hub.folder()
    hub.configure(models)
    yield models
    hub.configure(before)


@pytest.mark.parametrize("shape", [(700, 512), (512, 512), (224, 300), (1841, 1955)])
def test_pixels_are_those_of_the_library(shape: tuple[int, int]) -> None:
    transform = pytest.importorskip("skimage.transform")
    film = np.random.default_rng(0).random(shape, np.float32)
    scaled = (2 * film - 1) * np.float32(1024)
    edge = min(shape)
    top, left = (length // 2 - edge // 2 for length in shape)
    square = scaled[None, top : top + edge, left : left + edge]
    wanted = transform.resize(square, (1, 224, 224), mode="constant", preserve_range=True)[0]
    np.testing.assert_allclose(prepared(film), wanted, atol=0.05)


def test_operating_points_become_one_half() -> None:
    points = np.array([POINTS])
    np.testing.assert_allclose(operating(points), 0.5)
    np.testing.assert_allclose(operating(np.zeros((1, 18))), 0)
    np.testing.assert_allclose(operating(np.ones((1, 18))), 1)


def test_architecture_and_points_are_the_librarys() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.filterwarnings", lambda *_, **__: None)  # it silences everything
        xrv = pytest.importorskip("torchxrayvision")
    theirs = xrv.models.DenseNet(num_classes=18)
    theirs.load_state_dict(network().state_dict())
    told = xrv.models.model_urls["densenet121-res224-all"]
    assert tuple(told["op_threshs"]) == POINTS
    assert tuple(told["labels"]) == tuple(OUTPUTS)
    inputs = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 1, 224, 224)) * 400).float()
    with torch.no_grad():
        assert torch.allclose(theirs.eval()(inputs), network()(inputs), atol=1e-4)


def test_films_are_scored_together_as_alone(models: Path) -> None:
    net = DenseNet(models / HUB.id.replace("/", "--"), "cpu")
    films = [np.random.default_rng(i).random((300, 280 + i), np.float32) for i in range(3)]
    alone = np.concatenate([net.scores([film]) for film in films])
    np.testing.assert_allclose(net.scores(films), alone, atol=1e-4)


def test_result_tells_scores_above_the_operating_points_and_claims_nothing(
    at_home: Path, settings: Settings
) -> None:
    own = settings.model_copy(update={"models_dir": at_home})
    with Agent(own, only=["report_chest_xray"]) as agent:
        film = DATA / "cxr" / "RG1_J2KI.dcm"
        result = agent.call("report_chest_xray", [film], backend="xrv").structured
    assert result is not None
    assert result["findings"]
    assert {one["assertion"] for one in result["findings"]} == {"uncertain"}
    assert all(one["probability"] is None for one in result["findings"])
    assert result["findings"][0]["name"] == "pneumonia or opacity"
    assert {one["name"] for one in result["findings"][1:]} <= set(filter(None, OUTPUTS.values()))
    assert not result["prediction_sets"][0]["conclusive"]
    assert "wardround calibrate report_chest_xray --backend xrv" in result["warnings"][0]
    assert result["provenance"]["terms"] == "Apache-2.0"


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(1)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BackendUnavailable, match="TorchXRayVision"):
        DenseNet(tmp_path, "cpu")
