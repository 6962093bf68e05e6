from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent import Agent, Settings
from agent.evaluate.labels import Labelled, read_cases, read_labels
from agent.evaluate.specialists import Predictions, evaluate_specialist, measured
from specialists.errors import BackendUnavailable, InvalidInput

LABELS = {"benign": ("nv",), "malignant": ("mel", "bcc")}
SCHEMA: dict[str, dict[str, Any]] = {
    "age_years": {"anyOf": [{"type": "number"}, {"type": "null"}]},
    "sex": {"anyOf": [{"enum": ["female", "male"]}, {"type": "null"}]},
    "site": {"anyOf": [{"enum": ["chest", "back"], "type": "string"}, {"type": "null"}]},
    "tiles": {"type": "integer"},
}


def folder(path: Path, header: Sequence[str], *rows: Sequence[str]) -> Path:
    (path / "images").mkdir()
    for row in rows:
        name = row[0] if "." in row[0] else f"{row[0]}.jpg"
        Image.new("RGB", (8, 8)).save(path / "images" / name)
    with (path / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def test_columns_become_class_group_and_options(tmp_path: Path) -> None:
    header = ["image_id", "lesion_id", "dx", "dx_type", "age", "sex", "localization"]
    first = ["ISIC_1", "HAM_1", "nv", "histo", "50.0", "male", "back"]
    second = ["ISIC_2", "HAM_2", "mel", "histo", "", "unknown", "toe"]
    one, two = read_labels(folder(tmp_path, header, first, second), LABELS, SCHEMA)
    assert one == Labelled(
        tmp_path / "images" / "ISIC_1.jpg",
        "benign",
        "HAM_1",
        {"age_years": 50.0, "sex": "male", "site": "back"},
    )
    assert (two.label, two.group, two.options) == ("malignant", "HAM_2", {})


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("person1000_bacteria_2931.jpeg", "person1000"),
        ("NORMAL2-IM-0135-0001.jpeg", "NORMAL2-IM-0135"),
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("Non-Tumor___Case-3-A15-2939-11262_112.jpg", "Case-3"),
        ("Non-Tumor___P9-B12-15791-34183_103.jpg", "P9"),
        ("IDRiD_001.jpg", "IDRiD_001.jpg"),
    ],
)
def test_group_is_found_in_the_names_of_known_sets(tmp_path: Path, name: str, group: str) -> None:
    (case,) = read_labels(folder(tmp_path, ["image_id", "label"], [name, "nv"]), LABELS)
    assert case.group == group


def test_whole_number_is_passed_as_one(tmp_path: Path) -> None:
    data = folder(tmp_path, ["image_id", "label", "tiles"], ["a", "nv", "7.0"])
    assert read_labels(data, LABELS, SCHEMA)[0].options == {"tiles": 7}


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        (["image_id", "label"], ["a", "wart"], "not one of"),
        (["picture", "label"], ["a", "nv"], "image_id"),
        (["image_id", "colour"], ["a", "nv"], "label or dx"),
    ],
)
def test_table_that_does_not_fit_is_told(
    tmp_path: Path, header: list[str], row: list[str], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        read_labels(folder(tmp_path, header, row), LABELS)


def test_image_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels.csv").write_text("image_id,label\n../../etc/passwd,nv\n")
    with pytest.raises(InvalidInput, match="not in images"):
        read_labels(tmp_path, LABELS)


def test_folder_of_no_known_layout_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"labels\.csv"):
        read_cases(tmp_path, LABELS, SCHEMA)


def test_refused_images_are_listed_by_code() -> None:
    found = Predictions(("benign", "malignant"))
    said = {
        "prediction_sets": [
            {"probabilities": {"high": 1.0}, "labels": ["high"]},
            {"probabilities": {"benign": 0.9, "malignant": 0.1}, "labels": ["benign"]},
        ],
        "provenance": {"backend": "toy"},
    }
    for number in range(4):
        found.add(Labelled(Path(f"{number}.png"), "benign", str(number // 2)), said)
    found.add(Labelled(Path("b.png"), "benign"), {"prediction_sets": []})
    found.refuse(Labelled(Path("a.png"), "benign"), "not_accepted")
    report = measured("toy", found, ["malignant"])
    assert (report["n"], report["groups"], report["refused"]) == (4, 2, 2)
    assert report["refused_images"] == {"no_prediction": ["b.png"], "not_accepted": ["a.png"]}
    assert report["metrics"]["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    json.dumps(report)


def test_nothing_accepted_says_why() -> None:
    found = Predictions(("benign",))
    found.refuse(Labelled(Path("a.png"), "benign"), "not_accepted")
    with pytest.raises(InvalidInput, match="not_accepted 1 times"):
        measured("toy", found, [])


@pytest.fixture
def films(tmp_path: Path, data: Path) -> Path:
    """Two healthy films, two with pneumonia, and an ankle."""
    (tmp_path / "images").mkdir()
    rows = [["image_id", "label"]]
    for name in ("adult_normal_1", "adult_normal_2", "adult_pneumonia_1", "adult_pneumonia_2"):
        shutil.copy(data / "chest" / f"{name}.jpg", tmp_path / "images")
        rows.append([name, name.split("_")[1]])
    shutil.copy(data / "cxr" / "ankle_RG3_J2KI.dcm", tmp_path / "images")
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([*rows, ["ankle_RG3_J2KI.dcm", "normal"]])
    return tmp_path


@pytest.mark.anyio
async def test_specialist_is_measured_on_a_folder(films: Path, settings: Settings) -> None:
    pytest.importorskip("torch")
    plots, told = films / "plots", []
    async with Agent(settings, only=["report_chest_xray"]) as agent:
        report = await evaluate_specialist(
            agent, "report_chest_xray", films, told.append, plots=plots
        )
    assert (report["specialist"], report["backend"]) == ("report_chest_xray", "reference")
    assert (report["n"], report["refused_images"]) == (4, {"not_accepted": ["ankle_RG3_J2KI.dcm"]})
    assert report["images_per_second"] > 0
    wanted = {"accuracy", "balanced_accuracy", "auc", "auc_binary", "coverage", "set_size"}
    wanted |= {"worst_class_coverage", "ece", "brier", "sensitivity_at_90_specificity"}
    assert wanted | {"sensitivity", "specificity", "inconclusive"} <= set(report["metrics"])
    assert sorted(told) == [f"{number}/5" for number in range(1, 6)]
    with Image.open(BytesIO(Path(report["plot"]).read_bytes())) as picture:
        assert picture.format == "PNG"


@pytest.mark.anyio
async def test_limit_takes_images_from_all_over_the_table(films: Path, settings: Settings) -> None:
    pytest.importorskip("torch")
    async with Agent(settings, only=["report_chest_xray"]) as agent:
        report = await evaluate_specialist(agent, "report_chest_xray", films, limit=2)
    assert report["n"] == 2
    assert report["metrics"]["auc"]["value"] is not None


@pytest.mark.anyio
async def test_specialist_without_a_model_is_told_at_once(films: Path, settings: Settings) -> None:
    from dataclasses import replace

    from specialists.registry import spec_of
    from tools.server import Workshop, build_server

    bare = replace(spec_of("report_chest_xray"), backends=())
    server = build_server(specs={bare.name: bare}, workshop=Workshop.create([films]))
    async with Agent(settings, servers={"bare": server}) as agent:
        with pytest.raises(BackendUnavailable, match="no model"):
            await evaluate_specialist(agent, bare.name, films)
