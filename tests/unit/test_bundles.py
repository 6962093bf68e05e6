from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nibabel.loadsave import save
from nibabel.nifti1 import Nifti1Image

pytest.importorskip("monai")

from specialists import hub
from specialists.bundles.pinned import opened, pin
from specialists.bundles.volumes import on_grid, respaced, tensor
from specialists.errors import BackendUnavailable, InvalidInput
from specialists.readers import read_volume

DATA = Path(__file__).parents[1] / "data" / "ct"


def as_monai_reads(path: Path) -> Any:
    """By MONAI's own reader of NIfTI, turned as its models want it."""
    from monai.data.image_reader import NibabelReader
    from monai.data.meta_tensor import MetaTensor
    from monai.transforms.spatial.array import Orientation

    reader = NibabelReader()
    array, told = reader.get_data(reader.read(path))
    read = MetaTensor(torch.from_numpy(np.array(array, np.float32))[None], affine=told["affine"])
    return Orientation("RAS", labels=None)(read)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "ASL", "PIR"])
def test_geometry_is_the_one_that_monai_reads(tmp_path: Path, axes: str) -> None:
    from nibabel.orientations import axcodes2ornt, ornt_transform

    shape, affine = (9, 7, 5), np.diag([1.5, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-20, 5, 40)
    values = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(tuple(axes)))  # type: ignore[no-untyped-call]
    image = Nifti1Image(values, affine).as_reoriented(turn)  # type: ignore[no-untyped-call]
    save(image, tmp_path / "a.nii.gz")  # type: ignore[no-untyped-call]
    ours, theirs = (
        tensor(read_volume([tmp_path / "a.nii.gz"])),
        as_monai_reads(tmp_path / "a.nii.gz"),
    )
    np.testing.assert_allclose(ours.affine.numpy(), theirs.affine.numpy(), atol=1e-5)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    np.testing.assert_allclose(ours.pixdim.numpy(), [1.5, 2.0, 3.0])


@pytest.mark.parametrize("name", ["example_ct_sm.nii.gz", "example_mr_sm.nii.gz"])
def test_real_scans_lie_where_monai_sees_them(name: str) -> None:
    ours, theirs = tensor(read_volume([DATA / name])), as_monai_reads(DATA / name)
    np.testing.assert_allclose(ours.affine.numpy(), theirs.affine.numpy(), atol=1e-4)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_respaced_volume_and_labels_come_back_to_the_scans_grid() -> None:
    from monai.transforms.spatial.array import Spacing

    volume = read_volume([DATA / "example_ct_sm.nii.gz"])
    small = respaced(volume, (2.0, 2.0, 4.0))
    theirs = Spacing(pixdim=(2.0, 2.0, 4.0), mode="bilinear", padding_mode="border")(
        as_monai_reads(DATA / "example_ct_sm.nii.gz")
    )
    np.testing.assert_allclose(small.pixdim.numpy(), [2, 2, 4])
    np.testing.assert_allclose(small.numpy(), theirs.numpy(), atol=1e-3)
    body = (small > -300).float()
    back = on_grid(body, volume)
    assert back.shape == volume.array.shape
    assert (back.astype(bool) == (volume.array > -300)).mean() > 0.97


def test_spacing_that_is_none_is_told() -> None:
    with pytest.raises(InvalidInput):
        respaced(read_volume([DATA / "example_mr_sm.nii.gz"]), (1.0, 0.0, 1.0))


@pytest.fixture
def bundle(tmp_path: Path) -> Iterator[Path]:
    before = hub.folder()
    hub.configure(tmp_path / "models")
    folder = tmp_path / "organ_bundle"
    for part in ("configs", "models", "scripts"):
        (folder / part).mkdir(parents=True)
    (folder / "configs" / "metadata.json").write_text(json.dumps({"version": "0.1"}))
    network = {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 1}
    (folder / "configs" / "inference.json").write_text(json.dumps({"network": network}))
    (folder / "scripts" / "__init__.py").write_text("")
    torch.save(torch.nn.Linear(2, 1).state_dict(), folder / "models" / "model.pt")
    yield folder
    hub.configure(before)


def test_pinned_bundle_gives_its_network_and_weights(bundle: Path) -> None:
    pin(bundle)
    ready = opened(bundle)
    network = ready.config().get_parsed_content("network")
    network.load_state_dict(ready.weights())
    assert network.weight.shape == (1, 2)
    with pytest.raises(BackendUnavailable, match="no configuration"):
        ready.config("train")


def test_bundle_is_not_opened_unless_it_is_as_pinned(bundle: Path) -> None:
    with pytest.raises(BackendUnavailable, match="not pinned"):
        opened(bundle)
    pin(bundle)
    (bundle / "scripts" / "net.py").write_text("import os")
    with pytest.raises(BackendUnavailable, match=r"scripts/net\.py"):
        opened(bundle)
    (bundle / "scripts" / "net.py").unlink()
    (bundle / "configs" / "inference.json").write_text("{}")
    with pytest.raises(BackendUnavailable, match=r"inference\.json"):
        opened(bundle)


def test_weights_that_would_run_something_are_not_read(bundle: Path) -> None:
    torch.save(torch.nn.Linear(2, 1), bundle / "models" / "model.pt")
    pin(bundle)
    with pytest.raises(BackendUnavailable, match="as weights"):
        opened(bundle).weights()


def test_folder_that_is_no_bundle_is_not_pinned(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"metadata\.json"):
        pin(tmp_path)
