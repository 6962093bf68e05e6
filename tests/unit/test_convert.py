from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from specialists.encoders.convert import convert
from specialists.errors import InvalidInput


class Trap:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("/tmp/wardround-trap"),))


@pytest.mark.parametrize("nested", [None, "model", "state_dict"])
def test_weights_become_safetensors_without_what_only_training_needs(
    tmp_path: Path, nested: str | None
) -> None:
    weights = {"blocks.0.weight": torch.ones(2, 3), "decoder_pred.weight": torch.ones(1)}
    torch.save(
        weights if nested is None else {nested: weights, "args": Namespace(lr=1)},
        tmp_path / "a.pth",
    )
    written = load_file(convert(tmp_path / "a.pth", tmp_path / "out"))
    assert list(written) == ["blocks.0.weight"]
    assert "converted_from_sha256" in (tmp_path / "out" / "config.json").read_text()
    assert torch.equal(written["blocks.0.weight"], torch.ones(2, 3))


@pytest.mark.parametrize("held", [Trap(), {"model": Trap()}])
def test_pickle_that_would_run_something_is_not_loaded(tmp_path: Path, held: Any) -> None:
    torch.save(held, tmp_path / "a.bin")
    with pytest.raises(InvalidInput, match="more than weights"):
        convert(tmp_path / "a.bin", tmp_path / "out")
    assert not Path("/tmp/wardround-trap").exists()
    assert not (tmp_path / "out").exists()


def test_file_without_weights_is_told(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "a.bin")
    with pytest.raises(InvalidInput, match="no weights"):
        convert(tmp_path / "a.bin", tmp_path / "out")


def test_whole_densenet_is_read_by_the_classes_of_its_layers(tmp_path: Path) -> None:
    models = pytest.importorskip("torchxrayvision").models
    torch.save(models.DenseNet(num_classes=18, block_config=(1, 1, 1, 1)), tmp_path / "a.pt")
    written = load_file(convert(tmp_path / "a.pt", tmp_path / "out"))
    assert "classifier.weight" in written
