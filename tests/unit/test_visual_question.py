from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from fastmcp import Client

import specialists
from specialists.visual_question.predict import QuestionNet
from specialists.visual_question.questions import aim, learn_vocabulary, wording
from tools.server import Workshop, build_server

DATA = Path(__file__).parents[1] / "data"
HOME = Path(specialists.__file__).parent / "visual_question"


async def ask(file: str, question: str) -> Any:
    server = build_server(only=["answer_image_question"], workshop=Workshop.create([DATA]))
    async with Client(server) as client:
        result = await client.call_tool_mcp(
            "answer_image_question", {"files": [file], "question": question}
        )
    return result.structured_content


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What type of image is this?", "modality"),
        ("Which imaging modality was used?", "modality"),
        ("What type of imaging does this not represent?", "other"),
        ("What organ system is pictured?", "organ"),
        ("Which organ system is abnormal in this image?", "other"),
        ("In what plane is this image oriented?", "plane"),
        ("Is there pneumonia?", "opacity"),
        ("Is there no consolidation?", "yes or no"),
        ("Is the lesion on the left or the right?", "other"),
        ("Are the lungs normal appearing?", "yes or no"),
        ("Where is the lesion?", "other"),
    ],
)
def test_aim_of_a_question_is_understood(question, expected):
    assert aim(question) == expected


def test_vocabulary_keeps_what_is_asked_twice_and_gives_unit_rows():
    known = learn_vocabulary(["Is there a mass?", "Is there a cyst?"])
    assert "is there" in known.terms
    assert "mass" not in known.terms
    rows = known.vectors(["is there a mass", "nothing known"])
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 0])


def test_changed_weights_are_refused(tmp_path):
    for file in ("reference.json", "reference.safetensors"):
        shutil.copyfile(HOME / file, tmp_path / file)
    with (tmp_path / "reference.safetensors").open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(ValueError, match="SHA-256"):
        QuestionNet(tmp_path)


def test_card_states_the_gain_over_the_question_alone():
    card = json.loads((HOME / "reference.json").read_text("utf-8"))
    measured = card["metrics"]
    gain = measured["closed, gain over the question alone"]
    alone = measured["closed, from the question alone"]["accuracy"]["value"]
    assert measured["closed"]["accuracy"]["value"] == pytest.approx(alone + gain["value"], abs=1e-4)
    assert gain["low"] < gain["value"] < gain["high"]
    assert measured["closed"]["accuracy"]["value"] >= 0.62
    assert card["split"]["grouped_by"] == "image"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("cxr/RG1_J2KI.dcm", "By its header the image is a radiograph"),
        ("ct/mr_single.dcm", "By its header the image is magnetic resonance"),
        ("recogniser/CT_slice_1.jpg", "computed tomography (CT), as the recogniser sees it"),
    ],
)
async def test_modality_is_told_from_header_or_recogniser(file, told):
    said = await ask(file, "What imaging modality is this?")
    assert told in said["summary"]
    assert said["prediction_sets"] == []


@pytest.mark.anyio
async def test_chest_and_abdomen_are_left_open_on_a_slice_of_the_trunk():
    said = await ask("recogniser/CT_slice_1.jpg", "What body part is shown?")
    (predicted,) = said["prediction_sets"]
    assert predicted["labels"] == ["chest", "abdomen"]
    assert said["summary"].startswith("Can't tell for sure")


@pytest.mark.anyio
async def test_pneumonia_is_asked_of_the_chest_film_model():
    said = await ask("cxr/RG1_J2KI.dcm", "Is there pneumonia?")
    (predicted,) = said["prediction_sets"]
    assert set(predicted["probabilities"]) == {"no", "yes"}
    assert "report_chest_xray" in said["warnings"][0]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("file", "question"),
    [
        ("retina/IDRiD_100_reduced.jpg", "Is there a haemorrhage?"),
        ("cxr/RG1_J2KI.dcm", "Where is the lesion?"),
        ("pathology/CMU-1-Small-Region.svs", "Is there a tumour?"),
    ],
)
async def test_what_no_model_knows_is_not_answered(file, question):
    said = await ask(file, question)
    assert said["summary"].startswith("Can't tell")
    assert said["prediction_sets"] == []


@pytest.mark.anyio
async def test_closed_question_is_answered_only_where_one_answer_is_left():
    said = await ask("ct/single_slice_pancreas.dcm", "Is the liver enlarged?")
    (predicted,) = said["prediction_sets"]
    assert predicted["conclusive"] == (len(predicted["labels"]) == 1)
    assert said["summary"].startswith("Can't tell") == (not predicted["conclusive"])
    assert any("words of the question" in warning for warning in said["warnings"])
    assert "from the question alone" in said["provenance"]["evaluated_on"]


def test_pieces_of_words_are_their_neighbouring_letters():
    known = learn_vocabulary(["Is it enlarged?", "An enlargement?"], "pieces")
    assert {" enla", "large", "nlarg"} <= set(known.terms)
    assert not any(" " in term.strip() for term in known.terms)
    rows = wording([known, learn_vocabulary(["Is it?", "Is it so?"])], ["is the heart large"])
    assert rows.shape[1] > len(known.terms)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("file", "question", "tool"),
    [
        ("retina/IDRiD_100_reduced.jpg", "Is this retinopathy referable?", "classify_retina"),
        ("ct/example_ct_sm.nii.gz", "What is the volume of the lungs?", "report_ct"),
    ],
)
async def test_what_another_specialist_measures_is_asked_of_it(file, question, tool):
    said = await ask(file, question)
    assert said["summary"].startswith(f"As the model of {tool} finds: ")
    assert tool in said["warnings"][0]
    assert said["provenance"]["specialist"] == tool


@pytest.mark.anyio
async def test_plane_of_a_volume_without_a_view_is_told_from_its_slices():
    said = await ask("ct/example_ct_sm.nii.gz", "In what plane is this scan?")
    assert said["summary"] == "By its geometry the scan is of axial slices."


@pytest.mark.anyio
async def test_part_of_the_body_that_no_question_was_about_is_not_answered():
    said = await ask("cxr/ankle_RG3_J2KI.dcm", "Is there a fracture?")
    assert said["summary"].startswith("Can't tell")
    assert said["prediction_sets"] == []


@pytest.mark.anyio
async def test_single_sagittal_slice_is_seen_from_the_side() -> None:
    said = await ask("ct/mr_single.dcm", "In what plane is this slice?")
    assert "sagittal" in said["summary"]
    said = await ask("ct/mr_single.dcm", "Is there a fracture?")
    assert said["prediction_sets"] or said["summary"].startswith("Can't tell")
