from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastmcp import Client

from specialists.chest_xray.picture import place
from tools.adapter import ERROR_KEY
from tools.server import Workshop, build_server

pytestmark = pytest.mark.anyio
DATA = Path(__file__).parents[1] / "data"


async def call(*files: str, **options: Any) -> Any:
    server = build_server(only=["report_chest_xray"], workshop=Workshop.create([DATA]))
    async with Client(server) as client:
        return await client.call_tool_mcp("report_chest_xray", {"files": list(files), **options})


async def test_film_gives_one_finding_its_set_and_a_picture() -> None:
    said = (await call("cxr/RG1_J2KI.dcm")).structured_content
    (finding,), (predicted,) = said["findings"], said["prediction_sets"]
    assert finding["name"] == "pneumonia or opacity"
    assert f"{finding['probability']:.2f}" in finding["text"]
    assert set(predicted["probabilities"]) == {"pneumonia or opacity", "no pneumonia or opacity"}
    assert sum(predicted["probabilities"].values()) == pytest.approx(1, abs=0.002)
    assert predicted["conclusive"] == (len(predicted["labels"]) == 1)
    assert (finding["assertion"] == "uncertain") == (not predicted["conclusive"])
    assert len(said["pictures"]) == 1
    assert len(said["provenance"]["weights_sha256"]) == 64
    assert "AUC" in said["provenance"]["evaluated_on"]


async def test_film_of_unknown_age_is_warned_about_and_said_no_more_surely() -> None:
    unknown = (await call("cxr/nih_00027426_000.png")).structured_content
    adult = (await call("cxr/nih_00027426_000.png", population="adult")).structured_content
    assert any("age is unknown" in warning for warning in unknown["warnings"])
    assert not any("age is unknown" in warning for warning in adult["warnings"])
    labels = [set(said["prediction_sets"][0]["labels"]) for said in (unknown, adult)]
    assert labels[0] >= labels[1]


async def test_picture_says_in_words_what_it_shows() -> None:
    said = (await call("cxr/RG1_J2KI.dcm")).structured_content
    (picture,) = said["pictures"]
    assert "where the evidence lies" in picture["title"]


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(5, 5, "upper third, on the left"), (95, 50, "lower third, in the middle")],
)
def test_place_names_the_third_and_the_side(row: int, column: int, words: str) -> None:
    evidence = np.zeros((100, 60), np.float32)
    evidence[row, column * 60 // 100] = 1
    assert words in place(evidence)


def test_place_of_an_even_map_is_none() -> None:
    assert place(np.full((40, 40), 0.1, np.float32)) == "No place stands out."


async def test_prior_film_is_read_and_not_compared() -> None:
    said = (await call("cxr/RG1_J2KI.dcm", "cxr/nih_00027426_000.png")).structured_content
    (earlier,) = said["measurements"]
    assert "earlier film" in earlier["text"]
    assert f"{earlier['value']:.2f}" in earlier["text"]
    assert "Change since earlier films." in said["not_assessed"]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("cxr/ankle_RG3_J2KI.dcm", "reads only: chest"),
        ("cxr/dx_image.dcm", "an animal"),
        ("ct/series", "a frontal chest radiograph"),
        ("retina/IDRiD_100_reduced.jpg", "a frontal chest radiograph"),
        ("genomics/tiny1000G.vcf.gz", "a frontal chest radiograph"),
    ],
)
async def test_other_files_are_refused(file: str, words: str) -> None:
    told = (await call(file)).meta[ERROR_KEY]
    assert told["code"] == "not_accepted"
    assert words in told["message"]


async def test_population_that_is_not_known_is_refused() -> None:
    told = (await call("cxr/RG1_J2KI.dcm", population="canine")).meta[ERROR_KEY]
    assert told["code"] == "invalid_input"
    assert "population" in told["message"]


async def test_film_whose_header_lies_is_doubted(tmp_path: Path) -> None:
    import pydicom

    ankle = pydicom.dcmread(DATA / "cxr" / "ankle_RG3_J2KI.dcm")
    ankle.BodyPartExamined = "CHEST"
    del ankle.StudyDescription, ankle.AcquisitionDeviceProcessingDescription
    ankle.save_as(tmp_path / "lie.dcm")
    server = build_server(only=["report_chest_xray"], workshop=Workshop.create([tmp_path]))
    async with Client(server) as client:
        result = await client.call_tool_mcp("report_chest_xray", {"files": ["lie.dcm"]})
    if result.is_error:
        assert result.meta[ERROR_KEY]["code"] == "not_accepted"
    else:
        assert "not recognised as a chest film" in result.structured_content["warnings"][0]
