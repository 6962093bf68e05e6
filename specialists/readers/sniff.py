"""What a file is, by its first bytes. A name is a claim that is checked, never a reason."""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from specialists.errors import (
    EncryptedFile,
    MislabelledFile,
    TruncatedFile,
    UnsupportedFormat,
    WardroundError,
)
from specialists.readers.archive import gunzip
from specialists.readers.dicom import is_dicom

__all__ = ["claimed_format", "identify"]

_HEAD_BYTES = 1 << 16
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"PK\x03\x04": "ZIP",
    b"PK\x05\x06": "ZIP",
    b"BCF\x02": "BCF",
    b"\x6c\x1b\x01": "PLINK",
    b"\x6c\x1b\x02": "PLINK",
    b"\x6c\x1b\x10": "PLINK",
    b"\x6c\x1b\x11": "PLINK",
    b"##fileformat=VCF": "VCF",
}
_GZIP = b"\x1f\x8b"
_CLAIMS = {
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".svs": "TIFF",
    ".ndpi": "TIFF",
    ".scn": "TIFF",
    ".bif": "TIFF",
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".vcf": "VCF",
    ".vcf.gz": "VCF",
    ".bcf": "BCF",
    ".bgen": "BGEN",
    ".bed": "PLINK",
    ".pgen": "PLINK",
    ".zip": "ZIP",
}
# Things that people do send, and which deserve to be called by their name.
_KNOWN_OTHERS = {
    b"%PDF": "a PDF document",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\xfd7zXZ": "an XZ archive",
    b"BZh": "a bzip2 archive",
    b"NRRD": "an NRRD volume",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000 picture",
    b"\xd0\xcf\x11\xe0": "an Office document",
}
_SPREAD = (".mrxs", ".vms", ".vmu")
_ENCRYPTED = (
    b"-----BEGIN PGP MESSAGE",
    b"-----BEGIN PKCS7",
    b"-----BEGIN CMS",
    b"Salted__",
    b"age-encryption.org/",
)
# ContentInfo of type envelopedData (RFC 5652 6.1), as a Secure DICOM File (PS3.10 7.4) starts.
_ENVELOPED = bytes.fromhex("06092a864886f70d010703")
_SCORE_COLUMNS = re.compile(rb"(?m)^(?!#)(?=[^\n]*\beffect_allele\b)(?=[^\n]*\beffect_weight\b)")
_CHAIN = re.compile(rb"(#[^\n]*\n)*chain \d+(\.\d+)? \S+ \d+ [+-] ")
_FASTA = re.compile(rb">\S[^\n]*\r?\n[ACGTUNRYKMSWBDHVacgtunrykmswbdhv]+\r?\n")
_FHIR = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{(?s:.{0,2000}?)"resourceType"\s*:\s*"Bundle"')
_ACCEPTED = (
    "Read here are DICOM (also in a folder or ZIP), NIfTI, PNG, JPEG, TIFF, SVS, NDPI, SCN, BIF, "
    "VCF, BCF, BGEN, PLINK, PGS scoring files, chain files, indexed FASTA and FHIR Bundles in JSON."
)


def identify(content: BinaryIO, name: str) -> str:
    """The format of a file's content.

    Args:
        content: Opened for reading; left at its start.
        name: The file's name: what it claims to be.

    Raises:
        MislabelledFile: If the name claims a format that is read here and the content is none.
        UnsupportedFormat: If the content is of no format that is read here.
        TruncatedFile: If it ends before its format can be told.
        EncryptedFile: If it is encrypted.
    """
    if name.lower().endswith(_SPREAD):
        raise UnsupportedFormat(
            "The slide is spread over several files, of which this one is only the first; "
            "save it as DICOM, SVS or tiled TIFF."
        )
    content.seek(0)
    head = content.read(_HEAD_BYTES)
    content.seek(0)
    found = _format(head, content)
    content.seek(0)
    if found is None:
        raise _why_not(head, claimed_format(name))
    return found


def claimed_format(name: str) -> str | None:
    """The format that a name's ending claims; None for other endings."""
    low = name.lower()
    return next((form for end, form in _CLAIMS.items() if low.endswith(end)), None)


def _format(head: bytes, content: BinaryIO) -> str | None:
    for magic, form in _MAGIC.items():
        if head.startswith(magic):
            return form
    if head.startswith(_GZIP):
        return _packed_format(content)
    if _is_bgen(head):
        return "BGEN"
    if _is_nifti(head):
        return "NIfTI"
    if _is_score(head):
        return "PGS scoring file"
    if _CHAIN.match(head):
        return "chain file"
    if _FASTA.match(head):
        return "FASTA"
    if _FHIR.match(head):
        return "FHIR"
    return "DICOM" if is_dicom(head) else None


def _packed_format(content: BinaryIO) -> str | None:
    start, _ = gunzip(content, _HEAD_BYTES)
    if start.startswith(b"BCF\x02"):
        return "BCF"
    if start.startswith(b"##fileformat=VCF"):
        return "VCF"
    if _is_nifti(start):
        return "NIfTI"
    if _CHAIN.match(start):
        return "chain file"
    return "PGS scoring file" if _is_score(start) else None


def _is_nifti(head: bytes) -> bool:
    return head[344:348] in {b"n+1\0", b"ni1\0"} or head[4:8] in {b"n+2\0", b"ni2\0"}


def _is_bgen(head: bytes) -> bool:
    return len(head) >= 20 and head[16:20] == b"bgen" and struct.unpack("<I", head[4:8])[0] >= 20


def _is_score(head: bytes) -> bool:
    if head.startswith((b"###PGS CATALOG", b"#pgs_id")) or b"\n#pgs_id=" in head[:2000]:
        return True
    return b"\0" not in head[:4096] and _SCORE_COLUMNS.search(head) is not None


def _why_not(head: bytes, claimed: str | None) -> WardroundError:
    if head.startswith(_ENCRYPTED) or (head[:1] == b"\x30" and _ENVELOPED in head[:64]):
        return EncryptedFile("The file is encrypted; send it decrypted.")
    if _is_cut_short(head):
        return TruncatedFile("The file ends before it can be told what it is.")
    really = next((text for magic, text in _KNOWN_OTHERS.items() if head.startswith(magic)), None)
    if claimed is not None:
        content = f"is {really}" if really else "is not"
        return MislabelledFile(f"The file's name says {claimed}, but its content {content}.")
    if really is not None:
        return UnsupportedFormat(f"The file is {really}, which is not read here. {_ACCEPTED}")
    return UnsupportedFormat(f"The file is of no known format. {_ACCEPTED}")


def _is_cut_short(head: bytes) -> bool:
    """Whether all there is could be the beginning of a file that is read here."""
    if len(head) <= 132 and not head.strip(b"\0"):
        return True
    return len(head) > 0 and any(
        len(head) < len(magic) and magic.startswith(head) for magic in _MAGIC
    )
