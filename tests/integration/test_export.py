"""Answers about real files, in every form, opened by the readers that they are for."""

import asyncio
import gzip
import io
import json
import re
import shutil
import subprocess

import highdicom
import jsonschema
import numpy as np
import pydicom
import pytest
from click.testing import CliRunner

from agent.agent import Agent
from agent.answer import Answer, Call, Plan
from agent.commands.export import command
from agent.export.forms import export_all
from agent.settings import Settings
from specialists.base import Reading
from specialists.errors import InvalidInput, MixedPatients
from specialists.schema import Accepts, Box
from tests.conftest import DATA
from tests.exports import PATIENT, QUESTIONS, STUDY, stamped_series
from tests.integration.test_identifiers import UID, WORD, planted
from tests.toys import ScriptedPlanner, Toy, result_of, toy_spec

pytestmark = pytest.mark.xdist_group("export")

LEAKS = re.compile(rf"{WORD}|{re.escape(UID)}|19870613", re.IGNORECASE)


def _installed(program: str) -> str:
    """Where a reader is; without it, its test says which package would bring it."""
    found = shutil.which(program)
    packages = {"dsrdump": "dcmtk", "dcmpschk": "dcmtk", "dciodvfy": "dicom3tools"}
    if found is None:
        pytest.skip(f"{program} is not installed (Debian package {packages.get(program, program)})")
    return found


def _faults(path) -> list[str]:
    """What dciodvfy finds wrong with a DICOM object; nothing where it is not installed."""
    if shutil.which("dciodvfy") is None:
        return []
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    settings = Settings(state_dir=tmp_path_factory.mktemp("state"), gemma_embedded=False)
    with Agent(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def answers(agent):
    """Answers by the name of their question."""
    return {
        name: agent.ask(question, [DATA / file for file in files])
        for name, (question, files) in QUESTIONS.items()
    }


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return stamped_series(DATA / "ct" / "series", tmp_path_factory.mktemp("ct") / "series")


@pytest.fixture(scope="module")
def scan(agent, series):
    return agent.ask("What does this CT show?", [series])


@pytest.fixture(scope="module")
def scan_files(scan, series, tmp_path_factory):
    """Every form of the answer about the CT."""
    folder = tmp_path_factory.mktemp("scan")
    return {path.name: path for path in asyncio.run(export_all(scan, folder, [series]))}


@pytest.fixture(scope="module")
def schema():
    return json.loads(gzip.decompress((DATA / "fhir" / "r4.schema.json.gz").read_bytes()))


def _files(name: str) -> list:
    return [DATA / file for file in QUESTIONS[name][1]]


def _resources(bundle: dict, kind: str) -> list[dict]:
    found = [entry["resource"] for entry in bundle["entry"]]
    return [one for one in found if one["resourceType"] == kind]


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_kind_of_answer_is_valid_fhir(name, answers, schema):
    bundle = json.loads(answers[name].export("fhir", _files(name)))
    for one in [bundle, *[entry["resource"] for entry in bundle["entry"]]]:
        kind = {"$ref": f"#/definitions/{one['resourceType']}"}
        jsonschema.Draft6Validator({**kind, "definitions": schema["definitions"]}).validate(one)
    assert len(_resources(bundle, "Observation")) == len(answers[name].evidence)
    assert bool(_resources(bundle, "RiskAssessment")) == (name == "genome")
    assert bool(_resources(bundle, "ImagingStudy")) == (name == "film")


def test_a_polygenic_score_is_a_risk_assessment_without_probability(answers):
    bundle = json.loads(answers["genome"].export("fhir"))
    (risk,) = _resources(bundle, "RiskAssessment")
    assert risk["prediction"][0]["outcome"]["text"] == "Standing height"
    assert "probabilityDecimal" not in risk["prediction"][0]
    assert "percentile" in risk["prediction"][0]["rationale"]
    assert "display" in risk["subject"]


def test_the_patient_of_a_film_is_in_fhir_only_with_the_film(answers):
    with_film = json.loads(answers["film"].export("fhir", _files("film")))
    (patient,) = _resources(with_film, "Patient")
    assert patient["name"][0]["family"] == "CompressedSamples"
    assert patient["birthDate"] == "1940-03-05"
    (study,) = _resources(with_film, "ImagingStudy")
    assert study["series"][0]["modality"]["code"] == "CR"
    assert not _resources(json.loads(answers["film"].export("fhir")), "Patient")


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_kind_of_answer_is_a_page_with_its_pictures(name, agent, answers):
    page = agent.export(answers[name], "html").decode()
    assert page.count('src="data:image/png;base64,') == len(answers[name].pictures) > 0
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


def test_pictures_of_another_process_are_made_again_from_the_files(answers):
    saved = Answer.model_validate_json(answers["film"].export("json"))
    assert "Not in this file" in saved.export("html").decode()
    assert "data:image/png" in saved.export("html", _files("film")).decode()


def test_a_structured_report_is_read_back_by_highdicom_and_pydicom(answers):
    content = answers["film"].export("dicom-sr", _files("film"))
    report = highdicom.sr.srread(io.BytesIO(content))
    groups = report.content.get_image_measurement_groups()
    assert [one.tracking_identifier for one in groups] == [
        one.id for one in answers["film"].evidence
    ]
    plain = pydicom.dcmread(io.BytesIO(content))
    film = pydicom.dcmread(_files("film")[0], stop_before_pixels=True)
    assert plain.VerificationFlag == "UNVERIFIED"
    assert (plain.PreliminaryFlag, plain.CompletionFlag) == ("PRELIMINARY", "PARTIAL")
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber"):
        assert plain[keyword].value == film[keyword].value
    assert film.SOPInstanceUID in str(plain.CurrentRequestedProcedureEvidenceSequence)


def test_measurements_keep_value_and_unit_in_a_structured_report(scan, scan_files):
    report = highdicom.sr.srread(scan_files["report.dcm"])
    told = {}
    for group in report.content.get_image_measurement_groups():
        for one in group.get_measurements():
            told[group.tracking_identifier] = (one.value, one.unit.value)
    stated = [one for one in scan.evidence if one.value is not None and one.finding is None]
    assert {one.id: (pytest.approx(one.value), one.unit) for one in stated} == told
    texts = [item.TextValue for item in report.ContentSequence if item.ValueType == "TEXT"]
    assert any("[E1]" in text for text in texts) and any("not reviewed" in text for text in texts)


def test_a_structured_report_of_a_slide_refers_to_its_images(agent):
    slide = DATA / "pathology" / "dicom_wsi_lung.dcm"
    answer = agent.ask("Which tissue does this slide of the colon show?", [slide])
    assert answer.evidence
    report = pydicom.dcmread(io.BytesIO(answer.export("dicom-sr", [slide])))
    source = pydicom.dcmread(slide, stop_before_pixels=True)
    assert report.StudyInstanceUID == source.StudyInstanceUID


def test_dcmtk_reads_a_structured_report(answers, scan_files, tmp_path):
    program = _installed("dsrdump")
    (tmp_path / "film.dcm").write_bytes(answers["film"].export("dicom-sr", _files("film")))
    for path in (tmp_path / "film.dcm", scan_files["report.dcm"]):
        done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert not [line for line in done.stderr.splitlines() if line.startswith(("E:", "F:"))]
        assert "Imaging Measurement Report" in done.stdout
        assert "UNVERIFIED" in done.stdout and "PRELIMINARY" in done.stdout


def test_masks_lie_on_the_images_that_they_refer_to(scan_files, series):
    masks = highdicom.seg.segread(scan_files["masks.dcm"])
    labels = {one.segment_label: one.segment_number for one in masks.SegmentSequence}
    values = {"bone": [], "subcutaneous fat": [], "gas outside lungs and airways": []}
    for path in sorted(series.iterdir())[::6]:
        image = pydicom.dcmread(path)
        pixels = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        for name, found in values.items():
            mask = masks.get_pixels_by_source_instance(
                [image.SOPInstanceUID], segment_numbers=[labels[name]]
            )[0, ..., 0]
            found.append(pixels[mask > 0])
    medians = {name: float(np.median(np.concatenate(found))) for name, found in values.items()}
    assert medians["bone"] > 150
    assert -190 <= medians["subcutaneous fat"] <= -30
    assert medians["gas outside lungs and airways"] < -400
    assert masks.StudyInstanceUID == STUDY
    assert str(masks.PatientName) == PATIENT


def test_dicom_objects_follow_their_definitions(answers, scan_files, tmp_path):
    _installed("dciodvfy")
    (tmp_path / "film.dcm").write_bytes(answers["film"].export("dicom-sr", _files("film")))
    for path in (tmp_path / "film.dcm", scan_files["report.dcm"], scan_files["masks.dcm"]):
        assert not _faults(path)


def test_a_ct_gives_every_form_that_applies(scan_files):
    assert set(scan_files) == {
        *("answer.json", "answer.md", "answer.html", "answer.page.html", "answer.fhir.json"),
        *("report.dcm", "masks.dcm"),
    }


class BoxToy(Toy):
    """Finds something in a rectangle."""

    def read(self, inputs, request, progress):
        result = result_of("toy")
        boxed = result.findings[0].model_copy(
            update={"box": Box(left=10, top=20, right=300, bottom=5000)}
        )
        return Reading(result.model_copy(update={"findings": (boxed,)}))


async def test_boxes_become_a_presentation_state(serve, settings, tmp_path, anyio_backend):
    film = DATA / "cxr" / "RG1_J2KI.dcm"
    accepts = (Accepts(role="film", description="a film", kinds=("radiograph",)),)
    server = serve(toy_spec("report_boxes", BoxToy, accepts=accepts))
    plan = Plan(action="call", calls=(Call(tool="report_boxes", attachments=("A1",)),))
    async with Agent(settings, servers={"toys": server}, planner=ScriptedPlanner(plan)) as agent:
        answer = await agent.ask_async("Is there pneumonia?", [film])
        await export_all(answer, tmp_path, [film], agent=agent)
    state = pydicom.dcmread(tmp_path / "boxes.dcm")
    (annotation,) = state.GraphicAnnotationSequence
    corners = np.reshape(annotation.GraphicObjectSequence[0].GraphicData, (-1, 2))
    assert corners.min(axis=0).tolist() == [10, 20]
    assert corners.max(axis=0).tolist() == [300, 1955]
    assert annotation.TextObjectSequence[0].UnformattedTextValue == "pneumonia or opacity"
    assert not _faults(tmp_path / "boxes.dcm")
    image = state.ReferencedSeriesSequence[0].ReferencedImageSequence[0]
    assert image.ReferencedSOPInstanceUID == pydicom.dcmread(film).SOPInstanceUID


def test_no_patient_data_is_in_an_export_unless_it_is_asked_for(agent, tmp_path, caplog):
    caplog.set_level("DEBUG")
    human = {"PatientSpeciesDescription": "", "PatientBreedDescription": ""}
    film = planted(tmp_path / "film.dcm", DATA / "cxr" / "RG1_J2KI.dcm", **human)
    answer = agent.ask("Is there pneumonia?", [film])
    assert answer.evidence
    for form in ("json", "markdown", "html"):
        content = re.sub(r"data:[^\"]+", "", agent.export(answer, form, [film]).decode())
        assert not LEAKS.search(content), form
    assert not LEAKS.search(answer.export("fhir").decode())
    assert not LEAKS.search(caplog.text)
    for form in ("markdown", "html"):
        assert WORD in agent.export(answer, form, [film], identified=True).decode()
    assert WORD in answer.export("fhir", [film]).decode()
    assert UID.encode() in answer.export("dicom-sr", [film])
    assert not LEAKS.search(caplog.text)


def test_odd_values_of_a_header_are_repeated_and_told_nowhere(agent, tmp_path, caplog, recwarn):
    caplog.set_level("DEBUG")
    film = pydicom.dcmread(DATA / "cxr" / "RG1_J2KI.dcm")
    with pydicom.config.disable_value_validation():
        film.PatientID, film.AccessionNumber = WORD * 20, WORD * 4
        film.PatientName, film.PatientSex = f"{WORD}^^^^^^^{WORD}", WORD
        film.StudyDate, film.StudyTime = f"{WORD}", "99:99"
        film.save_as(tmp_path / "film.dcm")
    files = [tmp_path / "film.dcm"]
    answer = agent.ask("Is there pneumonia?", files)
    assert WORD * 20 in answer.export("fhir", files).decode()
    assert WORD.encode() * 20 in answer.export("dicom-sr", files)
    assert not LEAKS.search(" ".join([*(str(one.message) for one in recwarn), caplog.text]))


def test_another_file_is_refused_without_a_word_about_it(answers, tmp_path, caplog):
    caplog.set_level("DEBUG")
    other = planted(tmp_path / f"{WORD}.dcm", DATA / "cxr" / "dx_image.dcm")
    with pytest.raises(InvalidInput) as caught:
        answers["film"].export("fhir", [other], same_files=True)
    assert not LEAKS.search(f"{caught.value!r} {caught.value.client_message} {caplog.text}")


def test_a_copy_is_taken_only_where_the_caller_says_that_it_is_one(answers, tmp_path):
    copy = shutil.copy(_files("film")[0], tmp_path / "copy.dcm")
    with pytest.raises(InvalidInput, match="same-files"):
        answers["film"].export("fhir", [copy])
    assert b"CompressedSamples" in answers["film"].export("fhir", [copy], same_files=True)


def test_another_patients_film_of_the_same_size_is_no_copy(answers, tmp_path):
    film = pydicom.dcmread(_files("film")[0])
    film.decompress()
    film.PixelData = film.pixel_array[::-1, ::-1].tobytes()
    film.PatientName = WORD
    film.save_as(tmp_path / "film.dcm")
    with pytest.raises(InvalidInput, match="another result"):
        answers["film"].export("fhir", [tmp_path / "film.dcm"], same_files=True)


def test_files_of_two_patients_are_refused(answers):
    other = DATA / "cxr" / "dx_image.dcm"
    with pytest.raises(MixedPatients):
        answers["film"].export("fhir", [*_files("film"), other])


def test_files_that_give_another_result_are_refused(answers, tmp_path):
    answer = answers["skin"]
    evidence = tuple(one.model_copy(update={"text": "Something else."}) for one in answer.evidence)
    with pytest.raises(InvalidInput, match="another result"):
        answer.model_copy(update={"evidence": evidence}).export("html", _files("skin"))


def test_picture_that_is_stored_otherwise_now_is_found_by_its_title(answers):
    answer = answers["skin"]
    (picture,) = answer.pictures
    other = picture.model_copy(update={"uri": "wardround://pictures/0123456789abcdef"})
    page = answer.model_copy(update={"pictures": (other,)}).export("page", _files("skin"))
    assert b'"wardround://pictures/0123456789abcdef": {"mimeType": "image/png"' in page


def test_a_series_without_uids_gets_no_dicom_object(agent, tmp_path):
    sample = DATA / "ct" / "series"
    answer = agent.ask("What does this CT show?", [sample])
    written = asyncio.run(export_all(answer, tmp_path, [sample]))
    assert {path.suffix for path in written} == {".json", ".md", ".html"}
    with pytest.raises(InvalidInput, match="UIDs"):
        answer.export("dicom-sr", [sample])


def test_the_command_writes_a_saved_answer(answers, tmp_path):
    saved = tmp_path / "saved.json"
    saved.write_bytes(answers["retina"].export("json"))
    done = CliRunner().invoke(
        command, [str(saved), "--to", "fhir", "--out", str(tmp_path / "a.json")]
    )
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "a.json").read_text())["resourceType"] == "Bundle"
    saved.write_text("{}")
    done = CliRunner().invoke(command, [str(saved), "--out", str(tmp_path / "b")])
    assert isinstance(done.exception, InvalidInput)


def test_chromium_shows_and_prints_a_page_that_it_may_load_nothing_for(scan_files, tmp_path):
    program = _installed("chromium")
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    page = f"file://{scan_files['answer.html']}#E3"
    for work in (
        [f"--print-to-pdf={tmp_path / 'page.pdf'}", "--no-pdf-header-footer"],
        [f"--screenshot={tmp_path / 'page.png'}", "--window-size=1000,1400"],
    ):
        done = subprocess.run(
            [program, *quiet, f"--user-data-dir={tmp_path / 'profile'}", *work, page],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0
        assert "Refused" not in done.stderr and "CONSOLE" not in done.stderr
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "page.png").stat().st_size > 20_000
