"""Thirds of the lungs, trachea, dense volume where vessels lie, fat and muscle in slices."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.composition import compose
from agent.evidence import evidence_from
from agent.grounding import check
from specialists.ct.airway import trachea, trachea_measured
from specialists.ct.calcium import calcium, calcium_measured, why_no_calcium
from specialists.ct.composition import composition, composition_measured, muscle_at, tissues_at
from specialists.ct.labels import BITS, Label, label_of
from specialists.ct.measure import measurements
from specialists.ct.phantom import Abdomen, Chest, Ellipsoid, Tube
from specialists.ct.reference import report, scan_of
from specialists.ct.scan import Scan
from specialists.ct.stated import card, errors_in_words, with_error
from specialists.ct.thirds import thirds_of, thirds_of_lungs, why_no_thirds
from specialists.ct.truth import ABDOMEN_PLAQUES, CHEST_PLAQUES, EMPHYSEMA, scanned
from specialists.readers import read_volume
from specialists.readers.volume import Volume
from specialists.schema import SpecialistResult

CT = Path(__file__).parents[1] / "data" / "ct"
STEP = (2.0, 2.0, 2.0)
CHEST = Chest(tube=Tube((8.0, 10.0), 0.3, 0.3), plaques=CHEST_PLAQUES, emphysema=EMPHYSEMA)


@cache
def chest() -> Scan:
    return scanned(replace(CHEST, noise_hu=10.0), STEP)


@cache
def abdomen() -> Scan:
    return scanned(Abdomen(plaques=ABDOMEN_PLAQUES, noise_hu=10.0), STEP)


@cache
def sample(name: str) -> Scan:
    return scan_of(read_volume([CT / name]))


@cache
def result(name: str) -> SpecialistResult:
    scans = {"chest": chest, "abdomen": abdomen}
    return report(scans[name]() if name in scans else sample(name), (), "not at all", 0.0)


def part(scan: Scan, slices: slice) -> Scan:
    array = np.ascontiguousarray(scan.hu[:, :, slices])
    return scan_of(Volume(array, np.eye(4), scan.spacing_mm, "CT", "HU"))


def test_thirds_add_up_to_the_lung() -> None:
    scan = chest()
    for label in (Label.RIGHT_LUNG, Label.LEFT_LUNG):
        whole = float((scan.masks.labels == label).sum()) * scan.voxel_mm3 / 1000.0
        assert sum(third.cm3 for third in thirds_of(scan, label)) == pytest.approx(whole)


def test_emphysema_shows_in_its_third_only() -> None:
    lower, middle, upper = thirds_of(chest(), Label.RIGHT_LUNG)
    assert upper.low_percent > 8.0
    assert max(lower.low_percent, middle.low_percent) < 0.5
    names = {(m.name, m.laterality): m for m in thirds_of_lungs(chest())}
    measured = names["upper third of the lung, share below -950 HU", "right"]
    assert measured.unit == "%"
    assert measured.site == "upper third of the lung"


def test_a_cut_lung_has_no_thirds_and_the_reason_is_said() -> None:
    scan = part(chest(), slice(0, 50))
    assert thirds_of_lungs(scan) == []
    assert why_no_thirds(scan, "left") == "the scan cuts the lung at its top"
    found = report(scan, (), "", 0.0)
    assert any(
        "thirds of the lungs (the scan cuts the lung at its top)" in w for w in found.warnings
    )


@pytest.mark.parametrize("lean", [-0.4, 0.0, 0.4])
def test_trachea_is_measured_at_right_angles_to_its_course(lean: float) -> None:
    tube = Tube((8.0, 9.5), lean, 0.25)
    found = {m.name.split(", ")[1]: m for m in trachea_measured(scanned(Chest(tube=tube), STEP))}
    for name, true in tube.sizes().items():
        if name != "median cross-section area":
            assert found[name].value == pytest.approx(true, rel=0.06)
    assert found["least diameter"].unit == "mm"
    assert found["least diameter"].site == "trachea"


def test_the_narrow_place_is_named() -> None:
    text = {m.name: m.text for m in trachea_measured(chest())}["trachea, least diameter"]
    place = chest().hu.shape[2] // 2 + round(40.0 / 2.0)
    named = int(text.split("in slice ")[1].split(" ")[0])
    assert abs(named - place) <= 2


def test_no_trachea_is_measured_where_none_is_in_view() -> None:
    assert trachea(part(chest(), slice(0, 30))) == []
    assert trachea(sample("series")) == []
    assert any("trachea (not in view" in warning for warning in result("series").warnings)


def test_bowel_gas_is_no_trachea() -> None:
    assert trachea(scanned(Chest(windpipe=False, bowel_gas=True), STEP)) == []


def test_dense_volume_is_near_that_of_the_plaques() -> None:
    for scan, plaques in ((chest(), CHEST_PLAQUES), (abdomen(), ABDOMEN_PLAQUES)):
        (found,) = calcium(scan)
        assert found.mm3 == pytest.approx(1000.0 * sum(p.cm3 for p in plaques), rel=0.8)
    assert calcium(scanned(Abdomen(), STEP))[0].mm3 == 0.0


def test_bone_and_stones_aside_are_no_vessel_calcium() -> None:
    aside = Abdomen(plaques=(Ellipsoid((60.0, 15.0, 0.0), (5.0, 5.0, 5.0)),))
    assert calcium(scanned(aside, STEP))[0].mm3 == 0.0


def test_dense_volume_is_not_measured_with_contrast_agent() -> None:
    assert calcium_measured(sample("series")) == []
    assert "contrast agent" in why_no_calcium(sample("series"))
    assert any("vessel calcium (contrast agent" in w for w in result("series").warnings)


def test_dense_volume_is_said_to_be_no_agatston_score() -> None:
    for measured in calcium_measured(sample("example_ct.nii.gz")):
        assert "no Agatston score" in measured.text
        assert measured.unit == "mm3"


def test_areas_of_a_slice_are_those_of_the_phantom() -> None:
    true = Abdomen().areas_cm2()
    for each in composition(abdomen()):
        assert each.subcutaneous_fat == pytest.approx(true["subcutaneous fat"], rel=0.08)
        assert each.visceral_fat == pytest.approx(true["visceral fat"], rel=0.08)
        assert each.muscle == pytest.approx(true["muscle of wall and back"], rel=0.08)


def test_tissues_of_a_slice_do_not_overlap() -> None:
    masks = tissues_at(sample("series"), 9)
    assert masks is not None
    assert int(np.sum([mask.astype(int) for mask in masks], axis=0).max()) == 1


def test_arms_are_no_part_of_a_slice() -> None:
    scan = sample("series")
    trunk = np.ones(scan.hu.shape[:2], bool)
    with_arms = int(muscle_at(scan, 9, trunk).sum())
    assert int(tissues_at(scan, 9)[2].sum()) < with_arms  # type: ignore[index]


def test_a_slice_that_the_field_cuts_is_not_measured() -> None:
    array = np.ascontiguousarray(abdomen().hu[20:])
    scan = scan_of(Volume(array, np.eye(4), STEP, "CT", "HU"))
    assert composition_measured(scan) == []
    found = report(scan, (), "", 0.0).warnings
    assert any("muscle and visceral fat in slices (the field of view" in each for each in found)


def test_slices_name_their_place_and_no_vertebra() -> None:
    texts = [m.text for m in composition_measured(abdomen())]
    assert texts[0].startswith("Body composition in slice ")
    assert "mm above the lowest" in texts[0]
    assert not any("L3" in text for text in texts)


@pytest.mark.parametrize("name", ["chest", "abdomen", "series", "example_ct.nii.gz"])
def test_every_statement_of_an_answer_is_supported(name: str) -> None:
    structured = result(name).model_dump(mode="json")
    evidence = evidence_from("report_ct", ["A1"], structured, 1)
    by_id = {each.id: each for each in evidence}
    said = compose("Measure body composition and the trachea; how are the lungs?", evidence)
    cited = [one for one in said if one.citations]
    for one in cited:
        verdict = check(one.text, [by_id[each] for each in one.citations])
        assert verdict.supported, f"{one.text}: {verdict.reason}"
    assert any(by_id[each].value is not None for one in cited for each in one.citations)


@pytest.mark.parametrize("name", ["chest", "abdomen", "series", "example_ct.nii.gz"])
def test_every_measurement_supports_its_own_words(name: str) -> None:
    structured = result(name).model_dump(mode="json")
    for one in evidence_from("report_ct", ["A1"], structured, 1):
        if one.value is not None or one.finding:
            verdict = check(one.text, [one])
            assert verdict.supported, f"{one.text}: {verdict.reason}"


def test_what_was_asked_comes_first() -> None:
    evidence = evidence_from("report_ct", ["A1"], result("abdomen").model_dump(mode="json"), 1)
    first = compose("What is the body composition?", evidence)[0]
    assert first.text.startswith("Body composition in slice")


def test_the_report_says_a_note_once() -> None:
    narrative = result("chest").narrative
    assert narrative is not None
    assert narrative.text.count("the emphysema index, valid") == 1
    assert "Upper, middle and lower third of the right lung: " in narrative.text
    assert "not lobes" in narrative.text
    sections = [line for line in narrative.text.splitlines() if line.isupper()]
    assert sections[:4] == ["TECHNIQUE", "FIELD OF VIEW AND QUALITY", "LUNGS", "AIRWAY"]


def test_measures_state_their_error_from_the_card() -> None:
    named = {m.name: m for m in (*measurements(chest()), *measurements(abdomen()))}
    for name in ("lung volume", "trachea, least diameter", "dense volume between the lungs"):
        assert "; off by up to " in str(named[name].based_on)
    stated = set(card()["phantom"]["largest_errors"])
    assert {"dense volume", "visceral fat area", "trachea, diameter"} <= stated
    assert "lung thirds, volume" in errors_in_words()
    assert with_error("4 voxels", "nothing that is on the card") == "4 voxels"


def test_the_card_says_what_was_left_out_and_why() -> None:
    shown: dict[str, Any] = card()
    left_out = shown["learned_reading_left_out"]
    assert left_out["holds"] is False
    results = left_out["results"]
    widest = results["blocks of 40, 20 neighbours left out"]["logistic regression"]
    random = results["slices at random"]["logistic regression"]
    assert widest["balanced_accuracy"]["high"] < random["balanced_accuracy"]["low"]
    for case in shown["cases"]:
        assert case["left_out"]["free_gas"]["outside_labelled_bowel_cm3"] > 1.0
        assert case["left_out"]["free_fluid"]["outside_all_labels_cm3"] > 100.0


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_labels_follow_density_and_masks(dtype: Any) -> None:
    body = np.uint16(1 << BITS.index("body core"))
    wall = np.uint16(1 << BITS.index("wall"))
    hu: NDArray[Any] = np.array([-900, -100, -100, 50, 200, -350, 50], dtype)
    bits = np.array([body, body, body | wall, body, body, body, 0], np.uint16)
    expected = [
        *(Label.GAS, Label.SUBCUTANEOUS_FAT, Label.INTERNAL_FAT, Label.SOFT_TISSUE),
        *(Label.DENSE, Label.OTHER, Label.OUTSIDE),
    ]
    assert label_of(hu, bits).tolist() == expected


def test_lungs_behind_a_thin_chest_wall_are_found() -> None:
    right, left = (Ellipsoid((side * 60.0, 8.0, 0.0), (42.0, 54.0, 56.0)) for side in (1, -1))
    thin = Chest(right=right, left=left, body=(115.0, 88.0), table=True, noise_hu=10.0)
    scan = scanned(thin, (3.0, 3.0, 3.0))
    for label in (Label.RIGHT_LUNG, Label.LEFT_LUNG):
        cm3 = float((scan.masks.labels == label).sum()) * scan.voxel_mm3 / 1000.0
        assert cm3 == pytest.approx(right.cm3, rel=0.03)
