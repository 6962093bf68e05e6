"""The whole backend on the sample files: result, report and pictures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from specialists.acceptance import refusal
from specialists.base import Reading, Source
from specialists.ct.phantom import Chest
from specialists.ct.picture import draw
from specialists.ct.reference import Reference, evaluated_on, report, scan_of
from specialists.ct.scan import number
from specialists.ct.spec import SPEC, ReportCt
from specialists.ct.validate import main
from specialists.readers.volume import Volume
from specialists.schema import Manifest, SpecialistResult

CT = Path(__file__).parents[1] / "data" / "ct"
FILES = {
    "bases": "example_ct_sm.nii.gz",
    "long": "example_ct.nii.gz",
    "series": "series",
    "slice": "single_slice_pancreas.dcm",
}


@cache
def reading(name: str) -> Reading:
    manifest = Manifest(kind="volume", format="CT", modality="CT")
    source = Source((CT / FILES[name],), manifest)
    return Reference().read({"volume": [source]}, ReportCt(), lambda share, text: None)


def synthetic(chest: Chest, spacing: tuple[float, float, float] = (2.0, 2.0, 3.0)) -> Volume:
    return Volume(chest.draw(spacing), np.diag([*spacing, 1.0]), spacing, "CT", "HU")


def result_of(chest: Chest, notes: tuple[str, ...] = ()) -> SpecialistResult:
    return report(scan_of(synthetic(chest)), notes, "not at all", 0.0)


@pytest.mark.parametrize("name", FILES)
def test_report_repeats_the_measurements(name: str) -> None:
    result = reading(name).result
    assert result.narrative is not None
    for measured in result.measurements:
        assert number(measured.value) in result.narrative.text
    order = [result.narrative.text.find(title) for title in ("TECHNIQUE", "LUNGS", "NOT ASSESSED")]
    assert order == sorted(order)
    assert order[0] == 0


@pytest.mark.parametrize("name", FILES)
def test_findings_are_those_that_the_spec_lists(name: str) -> None:
    result = reading(name).result
    assert {finding.name for finding in result.findings} <= set(SPEC.findings)
    assert not any(finding.probability for finding in result.findings)
    assert "pneumothorax and free abdominal gas" in " ".join(result.not_assessed)


def test_calcification_is_never_more_than_uncertain() -> None:
    found = {f.name: f.assertion for f in reading("bases").result.findings}
    assert found == {"dense focus outside bone": "present", "calcification": "uncertain"}
    plain = {f.name: f.assertion for f in result_of(Chest()).findings}
    assert plain == {"dense focus outside bone": "absent"}


def test_metal_is_said() -> None:
    result = reading("long").result
    assert any(finding.name == "metal-density material" for finding in result.findings)
    assert any("streaks" in warning for warning in result.warnings)


def test_a_cut_body_is_said() -> None:
    assert any("cuts the body off in 100 %" in w for w in reading("series").result.warnings)
    assert not any("cuts the body" in w for w in reading("bases").result.warnings)


def test_contrast_agent_is_said() -> None:
    assert any("contrast agent" in warning for warning in reading("series").result.warnings)
    assert not any("contrast agent" in warning for warning in reading("bases").result.warnings)


def test_a_single_slice_says_that_areas_are_given() -> None:
    result = reading("slice").result
    assert any(warning.startswith("A single slice") for warning in result.warnings)
    assert not any(measured.unit == "cm3" for measured in result.measurements)
    assert result.findings == ()


def test_no_lung_is_said_where_there_is_none() -> None:
    assert "No lung was found in view." in reading("series").result.summary
    assert not any(m.site == "lung" for m in reading("series").result.measurements)


def test_air_beside_the_lung_is_not_named_but_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("specialists.ct.phantom.LUNG_HU", -965.0)
    limits = result_of(Chest(noise_hu=25.0)).warnings
    assert any("pneumothorax) are not told apart" in warning for warning in limits)


def test_notes_of_the_reader_become_warnings() -> None:
    result = result_of(Chest(), ("2 slices are missing",))
    assert "2 slices are missing" in result.warnings
    assert result.narrative is not None
    assert "2 slices are missing." in result.narrative.text


@pytest.mark.parametrize("name", FILES)
def test_pictures_are_small_pngs(name: str) -> None:
    pictures = reading(name).pictures
    titles = [picture.title for picture in pictures]
    assert re.fullmatch(r"CT sections with body, .* and bone outlined", titles[0])
    assert ("left lung" in titles[0]) == (name in ("bases", "long"))
    assert titles[1:] == [
        "CT in lung, soft-tissue and bone windows",
        "CT slices with subcutaneous fat, visceral fat and muscle of wall and back coloured",
    ]
    for picture in pictures:
        image = Image.open(BytesIO(picture.png))
        assert image.format == "PNG"
        assert len(picture.png) <= 700_000
        assert min(image.size) > 150


def test_right_lung_is_on_the_left_of_the_picture() -> None:
    scan = scan_of(synthetic(Chest(left=None, windpipe=False)))
    image = np.asarray(Image.open(BytesIO(draw(scan)[0].png)).convert("RGB")).astype(int)
    # The upper-left tile of four columns, below the legend.
    red = (image[..., 0] - image[..., 2] > 100) & (image[..., 1] < 140)
    tile = red[60:, : image.shape[1] // 4]
    columns = np.flatnonzero(red[60:].any(axis=0)) % (image.shape[1] // 4)
    assert tile.any() or columns.size
    assert float(np.median(columns)) < image.shape[1] / 8


def test_pictures_are_left_out_when_not_wanted() -> None:
    manifest = Manifest(kind="volume", format="CT", modality="CT")
    source = Source((CT / FILES["slice"],), manifest)
    wanted = ReportCt(previews=False)
    assert Reference().read({"volume": [source]}, wanted, lambda *_: None).pictures == []


def test_progress_grows_to_the_end() -> None:
    shares: list[float] = []
    manifest = Manifest(kind="volume", format="CT", modality="CT")
    source = Source((CT / FILES["bases"],), manifest)
    Reference().read(
        {"volume": [source]}, ReportCt(previews=False), lambda share, _: shares.append(share)
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) >= 5


def test_same_scan_gives_the_same_result() -> None:
    one, other = (result_of(Chest(noise_hu=10.0)) for _ in range(2))
    assert one.measurements == other.measurements
    assert one.narrative == other.narrative


def test_provenance_cites_the_card() -> None:
    text = resources.files("specialists.ct").joinpath("reference.json").read_text("utf-8")
    lungs = next(c["dice"] for c in json.loads(text)["cases"] if "lungs" in c["dice"])
    provenance = reading("bases").result.provenance
    assert provenance.evaluated_on == evaluated_on()
    assert f"lungs {lungs['lungs']:.3f}" in provenance.evaluated_on
    assert provenance.weights_sha256 is None


def test_the_command_prints_the_figures_of_the_card(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    card = tmp_path / "card.json"
    scan, labels = CT / FILES["bases"], CT / "example_seg.nii.gz"
    main(["--ct", str(scan), "--seg", str(labels), "--description", "x", "--card", str(card)])
    printed = json.loads(capsys.readouterr().out)
    text = resources.files("specialists.ct").joinpath("reference.json").read_text("utf-8")
    shipped = next(c for c in json.loads(text)["cases"] if "lungs" in c["dice"])
    assert printed["dice"] == shipped["dice"]
    assert json.loads(card.read_text("utf-8"))["cases"] == [printed]


def test_spec_takes_ct_volumes_only() -> None:
    (role,) = SPEC.accepts
    assert refusal(role, Manifest(kind="volume", format="NIfTI", modality="CT")) is None
    assert refusal(role, Manifest(kind="volume", format="DICOM", modality="MR"))
    assert refusal(role, Manifest(kind="radiograph", format="DICOM", modality="CR"))


def test_spec_imports_nothing_heavy() -> None:
    code = (
        "import sys, specialists.ct.spec; "
        "print([m for m in ('numpy', 'scipy', 'PIL', 'pydicom', 'nibabel') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
