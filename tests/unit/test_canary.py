from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import specialists
from specialists.base import BackendSpec
from specialists.canary import check, observe, picture
from specialists.errors import BackendUnavailable
from specialists.host import Host
from specialists.registry import spec_of, specs

HOME = Path(specialists.__file__).parent


class Mean:
    """A model that gives the mean of each channel."""

    def __init__(self, **card: Any) -> None:
        self.card = card

    def canary(self, picture: Any) -> Any:
        return picture.mean(axis=(0, 1)) / 255


class Blind(Mean):
    def canary(self, picture: Any) -> Any:
        return np.full(2, 0.5)


def own_backends() -> list[tuple[str, BackendSpec]]:
    known = (*specs().values(), spec_of("recogniser"))
    found = [(spec.name, backend) for spec in known for backend in spec.backends]
    return [one for one in found if one[1].name == "reference"]


def test_known_picture_is_the_same_everywhere() -> None:
    assert picture().shape == (256, 256, 3)
    assert picture().dtype == np.uint8
    assert int(picture().astype(np.int64).sum()) == pytest.approx(25_020_000, rel=0.02)


def test_model_as_its_card_says_passes() -> None:
    check(Mean(canary=observe(Mean())))


def test_model_without_an_expected_output_is_checked_for_looking_alone() -> None:
    check(Mean())
    with pytest.raises(BackendUnavailable, match="does not depend"):
        check(Blind())


@pytest.mark.parametrize("expected", [[0.9, 0.1, 0.1], [0.5]])
def test_model_that_computes_something_else_is_refused(expected: list[float]) -> None:
    with pytest.raises(BackendUnavailable, match="what its card says"):
        check(Mean(canary=expected))


def test_exchanged_weights_are_refused_though_their_digest_is_the_cards(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from specialists.network import load_network
    from specialists.recogniser.predict import Recogniser
    from specialists.training.card import write_weights

    folder = HOME / "recogniser"
    card = json.loads((folder / "reference.json").read_text("utf-8"))
    network = load_network(folder / "reference.safetensors", card)
    with torch.no_grad():
        network.head.weight.add_(0.05)
    card["sha256"] = write_weights(network, tmp_path / "reference.safetensors")
    (tmp_path / "reference.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(BackendUnavailable, match="what its card says"):
        check(Recogniser(tmp_path))


def test_card_of_a_training_run_gets_the_canary_of_its_weights(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from specialists.training.card import write_card

    shutil.copy(HOME / "chest_xray" / "reference.safetensors", tmp_path)
    card = json.loads((HOME / "chest_xray" / "reference.json").read_text("utf-8"))
    expected = card.pop("canary")
    write_card(card, tmp_path / "reference.json")
    written = json.loads((tmp_path / "reference.json").read_text("utf-8"))
    assert written["canary"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("tool", "backend"), own_backends(), ids=lambda value: str(value))
def test_reference_backend_passes_its_canary_and_its_card_has_one(
    tool: str, backend: BackendSpec
) -> None:
    pytest.importorskip("torch")
    with Host("cpu").use(spec_of(tool), backend.name) as loaded:
        if hasattr(loaded, "canary"):
            folder = HOME / backend.target.split(".")[1]
            card = json.loads((folder / "reference.json").read_text("utf-8"))
            assert "canary" in card, "python -m specialists.training.canary adds it"
