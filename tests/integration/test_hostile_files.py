"""Files that are damaged, mean or mislabelled: each is an error with a code, and harms no other."""

import gzip
import io
import os
import shutil
import struct
import time
import zipfile
import zlib
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.sequence import Sequence as DicomSequence

from specialists.errors import WardroundError
from specialists.readers import Limits, configure, inspect, read_photograph, read_radiograph

DATA = Path(__file__).parents[1] / "data"
CHEST, DOG = DATA / "cxr" / "RG1_J2KI.dcm", DATA / "cxr" / "dx_image.dcm"
PNG, JPEG = DATA / "cxr" / "nih_00000001_000.png", DATA / "retina" / "IDRiD_100_reduced.jpg"
NIFTI, VCF = DATA / "ct" / "example_ct_sm.nii.gz", DATA / "genomics" / "tiny1000G.vcf.gz"
SERIES = DATA / "ct" / "series"


def code(path: Path) -> str:
    """The error that a path gives, from inspection and from every picture reader."""
    (found,) = inspect([path])
    assert found.manifest is None
    for read in (read_radiograph, read_photograph):
        with pytest.raises(WardroundError):
            read([path])
    return found.error.code


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def changed(path: Path, source: Path = DOG, **elements) -> Path:
    dataset = pydicom.dcmread(source)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def test_missing_file_is_said(tmp_path):
    assert code(tmp_path / "none.dcm") == "file_not_found"


@pytest.mark.parametrize("name", ["a.dcm", "a.png", "a.vcf", "a"])
def test_empty_file_is_said(name, tmp_path):
    assert code(written(tmp_path / name, b"")) == "empty_file"


def test_empty_folder_and_archive_are_said(tmp_path):
    (tmp_path / "folder").mkdir()
    zipfile.ZipFile(tmp_path / "a.zip", "w").close()
    assert code(tmp_path / "folder") == "empty_file"
    assert code(tmp_path / "a.zip") == "empty_file"


@pytest.mark.parametrize("source", [CHEST, DOG, PNG, JPEG], ids=lambda path: path.name)
@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 0.9, 0.999])
def test_truncated_picture_is_said(source, share, tmp_path):
    content = source.read_bytes()
    path = written(tmp_path / source.name, content[: max(4, int(len(content) * share))])
    assert code(path) == "truncated_file"


@pytest.mark.parametrize("source", [NIFTI, VCF], ids=lambda path: path.name)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_truncated_gzip_is_said(source, share, tmp_path):
    content = source.read_bytes()
    path = written(tmp_path / source.name, content[: int(len(content) * share)])
    assert code(path) == "truncated_file"


def test_truncated_tiff_is_said(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    content = (tmp_path / "a.tif").read_bytes()
    assert code(written(tmp_path / "b.tif", content[:-500])) == "truncated_file"


def test_every_cut_of_a_small_dicom_is_an_error(tmp_path):
    stored = changed(tmp_path / "a.dcm").read_bytes()
    cuts = [written(tmp_path / f"{n}.dcm", stored[:n]) for n in range(1, len(stored) - 2, 2411)]
    found = inspect(cuts)
    assert {entry.error.code for entry in found if entry.error} <= {
        "truncated_file",
        "unreadable_file",
        "unsupported_format",
        "mislabelled_file",
    }
    assert all(entry.error for entry in found)


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_never_escape_the_error_tree(seed, tmp_path):
    random = np.random.default_rng(seed)
    paths = []
    for number, source in enumerate((DOG, PNG, JPEG, NIFTI, CHEST)):
        content = np.frombuffer(source.read_bytes(), np.uint8).copy()
        places = random.integers(0, min(len(content), 4000), 12)
        content[places] = random.integers(0, 256, 12)
        paths.append(written(tmp_path / f"{number}{source.name}", content.tobytes()))
    assert len(inspect(paths)) == len(paths)
    for path in paths[:3]:
        for read in (read_radiograph, read_photograph):
            try:
                pixels = read([path]).pixels
            except WardroundError:
                continue
            assert pixels.size > 0


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pdf", b"%PDF-1.7 ...", "unsupported_format"),
        ("a.dcm", b"%PDF-1.7 ...", "mislabelled_file"),
        ("a.png", b"just some text", "mislabelled_file"),
        ("a.nii.gz", gzip.compress(b"just some text" * 50, mtime=0), "mislabelled_file"),
        ("a.vcf", b"chrom,pos\n1,2\n", "mislabelled_file"),
        ("a.txt", b"just some text", "unsupported_format"),
        ("a.gz", gzip.compress(b"text", mtime=0), "unsupported_format"),
        ("a", b"\x7fELF\x02\x01\x01" + bytes(200), "unsupported_format"),
        ("a", bytes(range(256)) * 4, "unsupported_format"),
        ("a.dcm", bytes(100), "truncated_file"),
        ("a", b"-----BEGIN PGP MESSAGE-----\n\nhQ", "encrypted_file"),
        ("a.dcm", b"Salted__" + bytes(64), "encrypted_file"),
        (
            "a.dcm",
            bytes.fromhex("3082010006092a864886f70d010703a0820100") + bytes(99),
            "encrypted_file",
        ),
    ],
)
def test_what_is_not_read_is_called_by_its_name(name, content, expected, tmp_path):
    assert code(written(tmp_path / name, content)) == expected


@pytest.mark.parametrize("name", ["ct/mr_single.dcm", "cxr/RG1_J2KI.dcm"])
def test_modality_against_storage_class_is_mislabelled(name, tmp_path):
    ct_image = "1.2.840.10008.5.1.4.1.1.2"
    path = changed(tmp_path / "a.dcm", DATA / name, SOPClassUID=ct_image)
    assert inspect([path])[0].error.code == "mislabelled_file"


def test_dicom_without_a_picture_is_not_read(tmp_path):
    dataset = pydicom.dcmread(DOG)
    for keyword in ("PixelData", "Rows", "Columns"):
        del dataset[keyword]
    dataset.Modality, dataset.SOPClassUID = "SR", "1.2.840.10008.5.1.4.1.1.88.11"
    dataset.save_as(tmp_path / "a.dcm")
    assert code(tmp_path / "a.dcm") == "unsupported_format"


def test_dicom_video_is_not_read(tmp_path):
    dataset = pydicom.dcmread(CHEST)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    dataset.save_as(tmp_path / "a.dcm")
    assert code(tmp_path / "a.dcm") == "unsupported_format"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"Rows": 65_535, "Columns": 65_535}, "file_too_large"),
        ({"NumberOfFrames": 10_000_000}, "file_too_large"),
        ({"Rows": 0}, "unreadable_file"),
        ({"NumberOfFrames": -4}, "unreadable_file"),
        ({"Rows": 400}, "truncated_file"),
    ],
)
def test_size_in_the_header_is_checked_before_decoding(elements, expected, tmp_path):
    started = time.monotonic()
    assert code(changed(tmp_path / "a.dcm", **elements)) == expected
    assert time.monotonic() - started < 2


@pytest.fixture
def small():
    """Limits that a bomb of 70 MiB goes beyond."""
    configure(Limits(unpacked_mib=64))
    yield
    configure(Limits())


def test_deflated_dicom_bomb_is_not_inflated(small, tmp_path):
    header = pydicom.dcmread(DOG)
    header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    head = io.BytesIO()
    header.save_as(head)
    (meta_bytes,) = struct.unpack("<I", head.getvalue()[140:144])
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    megabyte = bytes(2**20)
    bomb = b"".join(squeeze.compress(megabyte) for _ in range(70)) + squeeze.flush()
    path = written(tmp_path / "a.dcm", head.getvalue()[: 144 + meta_bytes] + bomb)
    assert path.stat().st_size < 2**20
    assert code(path) == "file_too_large"


def test_nested_sequences_do_not_exhaust_the_stack(tmp_path):
    content = DOG.read_bytes()
    at = content.index(b"\x08\x00\x60\x00CS")
    nested = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path = written(tmp_path / "a.dcm", content[:at] + nested * 20_000 + content[at:])
    assert code(path) in {"unreadable_file", "truncated_file"}


def test_element_that_claims_four_gigabytes_takes_none(tmp_path):
    content = DOG.read_bytes()
    at = content.index(b"\x08\x00\x60\x00CS")
    claim = b"\x08\x00\x19\x00UN\0\0" + struct.pack("<I", 0xFFFFFFF0)
    path = written(tmp_path / "a.dcm", content[:at] + claim + content[at:])
    assert code(path) == "truncated_file"


def test_fragment_lengths_that_lead_nowhere_are_said(tmp_path):
    content = bytearray(CHEST.read_bytes())
    at = content.index(b"\xe0\x7f\x10\x00OB") + 12
    content[at + 4 : at + 8] = struct.pack("<I", 0x7FFFFFFF)
    assert code(written(tmp_path / "a.dcm", bytes(content))) == "truncated_file"


def test_pixels_that_no_decoder_reads_are_said(tmp_path):
    content = CHEST.read_bytes().replace(b"\xff\x4f\xff\x51", b"\0\0\0\0", 1)
    path = written(tmp_path / "a.dcm", content)
    with pytest.raises(WardroundError) as caught:
        read_radiograph([path])
    assert caught.value.code == "unreadable_file"


def test_png_bomb_is_refused_by_its_header(tmp_path):
    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(2**20)))
    assert code(written(tmp_path / "a.png", content + chunk(b"IEND", b""))) == "file_too_large"


def test_jpeg_bomb_is_refused_by_its_header(tmp_path):
    content = bytearray(JPEG.read_bytes())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    assert code(written(tmp_path / "a.jpg", bytes(content))) == "file_too_large"


def test_nifti_bomb_is_refused_by_its_header(tmp_path):
    header = nibabel.Nifti1Header()
    header.set_data_shape((2000, 2000, 2000))
    header.set_data_dtype(np.float64)
    header["magic"] = b"n+1"
    header["vox_offset"] = 352
    packed = gzip.compress(header.binaryblock + bytes(4) + bytes(2**22))
    assert code(written(tmp_path / "a.nii.gz", packed)) == "file_too_large"


def test_zip_bomb_is_refused_by_its_directory(small, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            with archive.open(f"{number}.dcm", "w") as entry:
                for _ in range(7):
                    entry.write(bytes(2**20))
    assert code(tmp_path / "a.zip") == "file_too_large"


def test_zip_entry_larger_than_its_directory_says_is_damaged(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(8 * 2**20))
    content = (tmp_path / "a.zip").read_bytes()
    lying = content.replace(struct.pack("<I", 8 * 2**20), struct.pack("<I", 1000))
    (found,) = inspect([written(tmp_path / "b.zip", lying)])
    assert found.error.code in {"truncated_file", "file_too_large"}


def test_zip_with_a_password_is_encrypted(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(DOG, "a.dcm")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    assert code(written(tmp_path / "b.zip", bytes(content))) == "encrypted_file"


def test_cut_zip_is_truncated(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(DOG, "a.dcm")
    content = (tmp_path / "a.zip").read_bytes()
    assert code(written(tmp_path / "b.zip", content[: len(content) // 2])) == "truncated_file"


def test_zip_entry_names_lead_nowhere(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(DOG, "../../outside.dcm")
    (found,) = inspect([tmp_path / "a.zip"])
    assert found.manifest.modality == "DX"
    assert not (tmp_path.parent / "outside.dcm").exists()


def test_zip_of_other_things_is_not_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    assert code(tmp_path / "a.zip") == "unsupported_format"


@pytest.mark.parametrize(
    "other",
    [{"PatientID": "2"}, {"PatientName": "Roe^Ann"}, {"PatientBirthDate": "19500101"}],
)
@pytest.mark.parametrize("packed", [False, True])
def test_folder_of_several_patients_is_refused(other, packed, tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    first = {"PatientID": "1", "PatientName": "Doe^Jane", "PatientBirthDate": "19400101"}
    slices = sorted(SERIES.iterdir())[:2]
    changed(folder / "1", slices[0], **first)
    changed(folder / "2", slices[1], **{**first, **other})
    path = folder
    if packed:
        path = Path(shutil.make_archive(str(tmp_path / "study"), "zip", folder))
    assert code(path) == "mixed_patients"


def test_one_patient_written_in_two_ways_is_one(tmp_path):
    slices = sorted(SERIES.iterdir())[:3]
    for number, name in enumerate(("DOE^JANE", "Doe^Jane", "")):
        changed(tmp_path / str(number), slices[number], PatientID="1", PatientName=name)
    (found,) = inspect([tmp_path])
    assert found.manifest.frames == 3


def test_bad_files_leave_the_others_unharmed(tmp_path):
    bad = [
        written(tmp_path / "empty.dcm", b""),
        written(tmp_path / "cut.dcm", CHEST.read_bytes()[:5000]),
        written(tmp_path / "text.png", b"text"),
        tmp_path / "missing",
    ]
    found = inspect([bad[0], CHEST, bad[1], PNG, bad[2], bad[3], DOG])
    codes = [entry.error.code if entry.error else None for entry in found]
    assert codes == [
        "empty_file",
        None,
        "truncated_file",
        None,
        "mislabelled_file",
        "file_not_found",
        None,
    ]


def test_bad_slice_of_a_folder_is_an_entry_beside_its_series(tmp_path):
    for path in sorted(SERIES.iterdir())[:4]:
        shutil.copy(path, tmp_path)
    cut = sorted(tmp_path.iterdir())[0]
    written(cut, cut.read_bytes()[:-2000])
    found = inspect([tmp_path])
    assert [entry.manifest.frames for entry in found if entry.manifest] == [3]
    assert [entry.error.code for entry in found if entry.error] == ["truncated_file"]


def test_file_that_ends_its_reader_harms_no_other(tmp_path):
    slow = (
        gzip.compress(b"##fileformat=VCFv4.2\n" + b"#" * 2**20) + gzip.compress(bytes(2**24)) * 400
    )
    mean = written(tmp_path / "a.vcf.gz", slow)
    slices = sorted(SERIES.iterdir())[:3]
    configure(Limits(cpu_s=1, wall_s=2, workers=1))
    try:
        found = inspect([DOG, mean, *slices])
    finally:
        configure(Limits())
    assert [entry.manifest.frames for entry in found if entry.manifest] == [1, 3]
    assert [entry.paths for entry in found if entry.error] == [(mean,)]


@pytest.mark.parametrize("kind", ["pipe", "device", "loop"])
def test_what_is_no_regular_file_is_not_opened(kind, tmp_path):
    path = tmp_path / "a.dcm"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    assert code(path) in {"unsupported_format", "file_not_found"}


def test_link_that_leads_out_of_a_folder_is_not_followed(tmp_path):
    (tmp_path / "outside").mkdir()
    shutil.copy(DOG, tmp_path / "outside" / "dog.dcm")
    (tmp_path / "inside").mkdir()
    shutil.copy(CHEST, tmp_path / "inside" / "chest.dcm")
    (tmp_path / "inside" / "link.dcm").symlink_to(tmp_path / "outside" / "dog.dcm")
    (tmp_path / "inside" / "way").symlink_to(tmp_path / "outside")
    (found,) = inspect([tmp_path / "inside"])
    assert found.manifest.modality == "CR"


def test_encrypted_attributes_beside_pixels_are_no_encryption(tmp_path):
    item = pydicom.Dataset()
    item.EncryptedContentTransferSyntaxUID = "1.2.840.10008.1.2"
    item.EncryptedContent = bytes(64)
    path = changed(tmp_path / "a.dcm", EncryptedAttributesSequence=DicomSequence([item]))
    assert inspect([path])[0].manifest.modality == "DX"


@pytest.mark.parametrize("comment", [b"x" * 2**20, b""])
def test_png_with_a_huge_comment_is_read_within_limits(comment, tmp_path):
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", comment.decode(), zip=True)
    Image.new("L", (8, 8), 51).save(tmp_path / "a.png", pnginfo=info)
    (found,) = inspect([tmp_path / "a.png"])
    assert found.manifest.rows == 8
