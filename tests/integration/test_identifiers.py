"""No identifier of a header reaches a manifest, a result or an error.

Every element of the DICOM dictionary that can hold text, a name, a date or a UID gets a marker:
that is all of PS3.15 table E.1-1, and more.
"""

import dataclasses
import re
import shutil
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image, PngImagePlugin
from pydicom.datadict import DicomDictionary
from pydicom.sequence import Sequence as DicomSequence

from specialists.errors import WardroundError
from specialists.readers import (
    Found,
    inspect,
    read_photograph,
    read_radiograph,
    read_variants,
    read_volume,
)

DATA = Path(__file__).parents[1] / "data"
WORD, UID, DATE, TIME = "ZQXMARK", "1.2.826.0.1.777.5551", "19870613", "031415"
LEAKS = re.compile(rf"{WORD}|{re.escape(UID)}|1987|{TIME}|0613", re.IGNORECASE)

VALUES = {
    **dict.fromkeys(("LO", "SH", "ST", "LT", "UT", "UC", "AE"), WORD),
    "PN": f"{WORD}^{WORD}",
    "UR": f"http://{WORD}/",
    "UI": UID,
    "DA": DATE,
    "DT": f"{DATE}{TIME}",
    "TM": TIME,
}
# Without these a file is no picture any more, and its pixels are not found.
STRUCTURE = {"SOPClassUID", "TransferSyntaxUID"}
# Of the table's elements, some of each type: none may be missing from what is planted.
TABLE = re.findall(
    r"\w+",
    """
    AccessionNumber AcquisitionComments AcquisitionDate AcquisitionDateTime AcquisitionTime
    AdmissionID AdmittingDate AdmittingDiagnosesDescription AdmittingTime
    Allergies BranchOfService CassetteID CommentsOnThePerformedProcedureStep ConcatenationUID
    ConfidentialityConstraintOnPatientDataDescription ContentCreatorName ContentDate ContentTime
    ContrastBolusAgent CountryOfResidence CurrentPatientLocation DateOfSecondaryCapture
    DerivationDescription DetectorID DeviceDescription DeviceSerialNumber DeviceUID
    DimensionOrganizationUID DischargeDiagnosisDescription EthnicGroup
    FillerOrderNumberImagingServiceRequest
    FrameComments FrameOfReferenceUID GantryID GeneratorID HumanPerformerName
    HumanPerformerOrganization IdentifyingComments ImageComments ImagingServiceRequestComments
    InstanceCreationDate InstanceCreatorUID InstitutionAddress InstitutionName
    InstitutionalDepartmentName InsurancePlanIdentification InterpretationAuthor
    InterpretationRecorder InterpretationText InterpretationTranscriber IssuerOfPatientID
    LastMenstrualDate MedicalAlerts MedicalRecordLocator MilitaryRank NameOfPhysiciansReadingStudy
    NamesOfIntendedRecipientsOfResults Occupation OperatorsName OrderCallbackPhoneNumber
    OrderEnteredBy OtherPatientNames PatientAddress PatientBirthDate PatientBirthName
    PatientBirthTime PatientComments PatientID PatientInstitutionResidence PatientMotherBirthName
    PatientName PatientReligiousPreference PatientState PatientTelephoneNumbers
    PerformedProcedureStepDescription PerformedProcedureStepID PerformedProcedureStepStartDate
    PerformingPhysicianName PersonAddress PersonName PersonTelephoneNumbers
    PhysiciansOfRecord PlateID PreMedication
    ProtocolName ReasonForTheImagingServiceRequest ReasonForStudy ReferencedFrameOfReferenceUID
    ReferringPhysicianAddress ReferringPhysicianName ReferringPhysicianTelephoneNumbers
    RegionOfResidence RequestedProcedureComments RequestedProcedureDescription
    RequestedProcedureID RequestedProcedureLocation RequestingPhysician RequestingService
    ResponsibleOrganization ResponsiblePerson ResultsComments ResultsID ReviewerName
    ScheduledPerformingPhysicianName
    ScheduledProcedureStepDescription ScheduledProcedureStepLocation ScheduledStationAETitle
    ScheduledStationName SeriesDate SeriesDescription SeriesInstanceUID SeriesTime ServiceEpisodeID
    ServiceEpisodeDescription SOPInstanceUID SpecialNeeds StationName
    StorageMediaFileSetUID StudyComments StudyDate StudyDescription StudyID StudyInstanceUID
    StudyTime SynchronizationFrameOfReferenceUID TargetUID TextComments TextString
    TimezoneOffsetFromUTC TopicAuthor TopicKeywords TopicSubject TopicTitle TransactionUID
    VerifyingObserverName VerifyingOrganization VisitComments UID XRaySourceID
    AdditionalPatientHistory PatientSpeciesDescription
""",
)


PLANTABLE = {
    keyword: vr
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items()
    if vr in VALUES and 0x0008 <= tag >> 16 < 0x6000 and keyword and keyword not in STRUCTURE
}


def planted(path: Path, source: Path, **elements) -> Path:
    """A copy of a real file with a marker in everything that could identify."""
    with pydicom.config.disable_value_validation():
        return _planted(path, source, elements)


def _planted(path: Path, source: Path, elements: dict[str, object]) -> Path:
    dataset = pydicom.dcmread(source)
    for keyword, vr in PLANTABLE.items():
        setattr(dataset, keyword, VALUES[vr])
    for keyword in ("RequestAttributesSequence", "OtherPatientIDsSequence", "ViewCodeSequence"):
        setattr(dataset, keyword, DicomSequence([_item()]))
    dataset.AnatomicRegionSequence = DicomSequence([_item()])
    block = dataset.private_block(0x0099, WORD, create=True)
    block.add_new(1, "LO", WORD)
    block.add_new(2, "DA", DATE)
    for keyword in ("Modality", "PatientSex", "BodyPartExamined"):
        if keyword not in dataset:
            setattr(dataset, keyword, WORD)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID
    dataset.file_meta.SourceApplicationEntityTitle = WORD
    dataset.save_as(path)
    return path


def _item() -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.CodeValue, item.CodeMeaning, item.PatientID = WORD, WORD, WORD
    item.ReferencedSOPInstanceUID, item.StudyDate = UID, DATE
    return item


def _everything(found: list[Found]) -> str:
    told = [entry.manifest.model_dump_json() for entry in found if entry.manifest]
    return " ".join([*told, *(_error_text(entry.error) for entry in found if entry.error)])


def _error_text(error: BaseException) -> str:
    """All that a log of the error would show."""
    parts = [str(error), repr(error), getattr(error, "client_message", ""), *map(str, error.args)]
    for behind in (error.__cause__, error.__context__):
        parts += [_error_text(behind)] if behind else []
    return " ".join(parts)


def _result_text(result: object) -> str:
    return " ".join(
        str(getattr(result, field.name))
        for field in dataclasses.fields(result)
        if not isinstance(getattr(result, field.name), np.ndarray)
    )


def test_markers_are_in_everything_that_could_identify(tmp_path):
    assert set(TABLE) <= set(PLANTABLE)
    assert len(PLANTABLE) > 1000
    path = planted(tmp_path / "a.dcm", DATA / "cxr" / "dx_image.dcm")
    content = path.read_bytes()
    assert content.count(WORD.encode()) > 700
    assert content.count(UID.encode()) > 80


@pytest.mark.parametrize(
    "name",
    [
        "cxr/RG1_J2KI.dcm",
        "cxr/dx_image.dcm",
        "cxr/ankle_RG3_J2KI.dcm",
        "ct/mr_single.dcm",
        "ct/single_slice_pancreas.dcm",
        "pathology/dicom_wsi_lung.dcm",
    ],
)
def test_no_identifier_leaves_a_readable_file(name, tmp_path, caplog):
    caplog.set_level("DEBUG", logger="specialists")
    path = planted(tmp_path / "a.dcm", DATA / name)
    found = inspect([path])
    assert found[0].manifest is not None
    told = [_everything(found)]
    for read in (read_radiograph, read_photograph, read_volume):
        try:
            told.append(_result_text(read([path])))
        except WardroundError as error:
            told.append(_error_text(error))
    assert not LEAKS.search(" ".join([*told, caplog.text]))


@pytest.mark.parametrize(
    ("name", "elements"),
    [
        ("cxr/dx_image.dcm", {"Rows": 0}),
        ("cxr/dx_image.dcm", {"Rows": 60_000, "Columns": 60_000}),
        ("cxr/dx_image.dcm", {"Rows": 400}),
        ("cxr/dx_image.dcm", {"Modality": "CT"}),
        ("cxr/dx_image.dcm", {"Modality": WORD}),
        ("cxr/dx_image.dcm", {"BodyPartExamined": WORD, "PatientAge": WORD, "PatientSex": WORD}),
        ("cxr/dx_image.dcm", {"ViewPosition": WORD, "ImageLaterality": WORD}),
        ("cxr/dx_image.dcm", {"PhotometricInterpretation": WORD}),
        ("cxr/dx_image.dcm", {"PresentationLUTShape": WORD, "BurnedInAnnotation": WORD}),
        ("cxr/dx_image.dcm", {"BitsStored": 3, "SamplesPerPixel": 2}),
        ("ct/single_slice_pancreas.dcm", {"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}),
        ("ct/single_slice_pancreas.dcm", {"ImageType": [WORD, "LOCALIZER"]}),
    ],
)
def test_no_identifier_leaves_a_faulty_file(name, elements, tmp_path, caplog):
    caplog.set_level("DEBUG", logger="specialists")
    path = planted(tmp_path / "a.dcm", DATA / name)
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        with pydicom.config.disable_value_validation():
            setattr(dataset, keyword, value)
    dataset.save_as(path)
    told = [_everything(inspect([path]))]
    for read in (read_radiograph, read_photograph, read_volume):
        try:
            told.append(_result_text(read([path])))
        except WardroundError as error:
            told.append(_error_text(error))
    assert not LEAKS.search(" ".join([*told, caplog.text]))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_no_identifier_leaves_a_cut_file(share, tmp_path, caplog):
    caplog.set_level("DEBUG", logger="specialists")
    content = planted(tmp_path / "a.dcm", DATA / "cxr" / "dx_image.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(content[: int(len(content) * share)])
    told = _everything(inspect([tmp_path / "a.dcm"]))
    assert told
    assert not LEAKS.search(told + caplog.text)


def test_no_identifier_leaves_a_folder_or_archive(tmp_path, caplog):
    caplog.set_level("DEBUG", logger="specialists")
    slices = sorted((DATA / "ct" / "series").iterdir())[:6]
    folder = tmp_path / "study"
    folder.mkdir()
    for number, path in enumerate(slices):
        planted(folder / str(number), path)
    archive = Path(shutil.make_archive(str(tmp_path / "study"), "zip", folder))
    told = [_everything(inspect([folder, archive])), _result_text(read_volume([archive]))]
    assert all(not entry.error for entry in inspect([folder, archive]))
    planted(folder / "0", slices[0], PatientID=f"other{WORD}")
    mixed = inspect([folder])
    assert mixed[0].error.code == "mixed_patients"
    planted(folder / "0", slices[0], SeriesInstanceUID=f"{UID}.9")
    for read in (read_volume, read_radiograph):
        with pytest.raises(WardroundError) as caught:
            read([folder])
        told.append(_error_text(caught.value))
    assert not LEAKS.search(" ".join([*told, _everything(mixed), caplog.text]))


def test_no_entry_name_of_an_archive_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(DATA / "cxr" / "dx_image.dcm", f"{WORD}/{WORD}.dcm")
        archive.writestr(f"{WORD}/cut.dcm", (DATA / "cxr" / "RG1_J2KI.dcm").read_bytes()[:3000])
    found = inspect([tmp_path / "a.zip"])
    assert len(found) == 2
    assert WORD not in _everything(found)
    assert not any(WORD in str(entry.series) for entry in found)


def test_no_text_of_a_picture_is_told(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", WORD)
    Image.new("L", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    exif = Image.Exif()
    exif[0x010E] = WORD
    Image.new("L", (8, 8)).save(tmp_path / "a.jpg", exif=exif, comment=WORD)
    Image.new("L", (8, 8)).save(tmp_path / "a.tif", description=WORD)
    paths = [tmp_path / name for name in ("a.png", "a.jpg", "a.tif")]
    told = _everything(inspect(paths))
    told += " ".join(_result_text(read([p])) for p in paths for read in (read_radiograph,))
    assert WORD not in told


def test_no_text_of_a_volume_is_told(tmp_path):
    volume = nibabel.Nifti1Image(np.zeros((8, 8, 8), np.int16), np.eye(4))
    volume.header["descrip"], volume.header["db_name"] = WORD, WORD
    volume.header["aux_file"], volume.header["intent_name"] = WORD, WORD
    nibabel.save(volume, tmp_path / "a.nii")
    told = _everything(inspect([tmp_path / "a.nii"])) + _result_text(
        read_volume([tmp_path / "a.nii"])
    )
    assert WORD not in told


def test_no_sample_label_is_told(tmp_path):
    lines = [
        "##fileformat=VCFv4.2",
        f"##source={WORD}",
        "##contig=<ID=1,length=248956422>",
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{WORD}",
        f"1\t1000\t{WORD}\tA\tG\t.\t.\t.\tGT\t0/1",
    ]
    (tmp_path / "a.vcf").write_text("\n".join(lines) + "\n")
    found = inspect([tmp_path / "a.vcf"])
    assert found[0].manifest.samples == 1
    assert WORD not in _everything(found)
    (tmp_path / "b.vcf").write_text("\n".join([*lines, f"1\t{WORD}\n"]))
    try:
        told = _everything(inspect([tmp_path / "b.vcf"]))
        read_variants([tmp_path / "b.vcf"])
    except WardroundError as error:
        told = _error_text(error)
    assert WORD not in told
