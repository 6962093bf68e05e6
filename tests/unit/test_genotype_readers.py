"""PLINK 1 and BGEN files that are written here byte by byte."""

import gzip
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from specialists.errors import (
    FileMissing,
    TruncatedFile,
    UnreadableFile,
    UnsupportedFormat,
    WardroundError,
)
from specialists.readers import inspect
from specialists.readers.variants import Genotypes, parse_variants
from tools.files import FileStore

pytest.importorskip("cyvcf2")

BIM = "1 rs1 0 100 C A\n1 rs2 0 200 G T\nX rs3 0 300 T C\n"
FAM = "f ann 0 0 2 -9\nf bob 0 0 1 -9\nf cy 0 0 1 -9\nf di 0 0 2 -9\nf eve 0 0 2 -9\n"
# Two bits a call, the first sample lowest: 0 two copies of A1, 1 missing, 2 one, 3 none.
BED = bytes([0x6C, 0x1B, 1, 0b11_10_01_00, 0b10, 0b00_00_00_00, 0b00, 0b11_11_11_11, 0b11])


def plink1(folder: Path, bed: bytes = BED, bim: str = BIM, fam: str = FAM) -> Path:
    (folder / "a.bed").write_bytes(bed)
    (folder / "a.bim").write_text(bim.replace(" ", "\t"))
    (folder / "a.fam").write_text(fam)
    return folder / "a.bed"


def rows(genotypes: Genotypes) -> list[list[float | None]]:
    return [[None if np.isnan(d) else float(d) for d in row] for row in genotypes.dosage]


def test_bed_is_copies_of_the_first_allele_of_the_bim(tmp_path):
    got = parse_variants([plink1(tmp_path)])
    assert rows(got) == [[2, None, 1, 0, 1], [2] * 5, [0] * 5]
    assert got.alleles[got.alternate[0]] + got.alleles[got.reference[0]] == "CA"
    assert got.chromosome.tolist() == [1, 1, 23]


def test_places_and_samples_of_a_bed_can_be_chosen(tmp_path):
    places = {"1": np.array([100]), "X": np.array([300])}
    got = parse_variants([plink1(tmp_path)], positions=places, samples=["di", 1])
    assert (got.position.tolist(), rows(got)) == ([100, 300], [[2, 0], [0, 0]])


@pytest.mark.parametrize("named", [["."], ["a.bed"], ["a.bim"], ["a.fam", "a.bim", "a.bed"]])
def test_fileset_is_one_entry_however_it_is_named(tmp_path, named):
    plink1(tmp_path)
    (found,) = inspect([tmp_path / name for name in named])
    assert found.error is None
    assert [path.name for path in found.paths] == ["a.bed", "a.bim", "a.fam"]
    assert (found.manifest.format, found.manifest.samples) == ("PLINK 1", 5)
    assert found.manifest.variants == 3
    assert "ann" not in found.manifest.model_dump_json()


def test_fileset_named_on_the_command_line_may_be_read_whole(tmp_path):
    path = plink1(tmp_path)
    store = FileStore()
    store.allow(path)
    (held,) = store.find([str(path)])
    assert held.manifest.format == "PLINK 1"


def test_part_of_a_fileset_outside_the_roots_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    path = plink1(tmp_path / "in")
    (tmp_path / "in" / "a.fam").rename(tmp_path / "a.fam")
    (tmp_path / "in" / "a.fam").symlink_to(tmp_path / "a.fam")
    (held,) = FileStore([tmp_path / "in"]).find([str(path)])
    with pytest.raises(WardroundError, match="outside"):
        _ = held.manifest


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"bed": BED[:-1]}, UnreadableFile),
        ({"bed": BED[:2]}, TruncatedFile),
        ({"bed": b"\x6c\x1b\x00" + BED[3:]}, UnsupportedFormat),
        ({"bim": BIM + "2 rs4 0 1 A C\n"}, UnreadableFile),
        ({"bim": BIM.replace("100", "ten")}, UnreadableFile),
        ({"bim": "1 rs1 0\n" + BIM}, TruncatedFile),
        ({"fam": ""}, TruncatedFile),
    ],
)
def test_fileset_that_does_not_fit_together_is_an_error(tmp_path, changed, error):
    with pytest.raises(error):
        parse_variants([plink1(tmp_path, **changed)])


def test_missing_part_of_a_fileset_is_named(tmp_path):
    plink1(tmp_path)
    (tmp_path / "a.bim").unlink()
    with pytest.raises(FileMissing, match=r"\.bim"):
        parse_variants([tmp_path / "a.bed"])


def bgen(folder: Path, *variants: bytes, samples: int = 2, packing: int = 1) -> Path:
    header = struct.pack("<III4sI", 20, len(variants), samples, b"bgen", packing | 2 << 2)
    (folder / "a.bgen").write_bytes(struct.pack("<I", len(header)) + header + b"".join(variants))
    return folder / "a.bgen"


def variant(
    stored: list[int],
    ploidy: list[int],
    *,
    alleles: str = "A,C",
    phased: bool = False,
    bits: int = 8,
    packing: int = 1,
) -> bytes:
    """One variant; a ploidy above 127 is that of a missing call."""
    names = alleles.split(",")
    texts = b"".join(struct.pack("<I", len(a)) + a.encode() for a in names)
    called = [mark & 63 for mark in ploidy]
    ones = "".join(f"{number:0{bits}b}"[::-1] for number in stored)
    numbers = int(ones[::-1] or "0", 2).to_bytes((len(ones) + 7) // 8, "little")
    content = struct.pack("<IHBB", len(ploidy), len(names), min(called), max(called))
    content += bytes(ploidy) + struct.pack("<BB", phased, bits) + numbers
    packed = zlib.compress(content) if packing == 1 else content
    body = struct.pack("<I", len(content)) + packed if packing else packed
    start = b"\0\0" + b"\0\0" + struct.pack("<H", 2) + b"01" + struct.pack("<IH", 7, len(names))
    return start + texts + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # AA for certain; AC and CC as likely as each other.
        (variant([255, 0, 0, 127], [2, 2]), [[0, 2 - 127 / 255]]),
        (variant([255, 0, 0, 255], [2, 0x82]), [[0, None]]),
        (variant([0, 255, 255, 255], [2, 2], phased=True), [[1, 0]]),
        (variant([0, 0, 255], [1, 2]), [[1, 1]]),
        (variant([7, 0, 3, 4], [2, 2], bits=3), [[0, 2 - 2 * 3 / 7 - 4 / 7]]),
        (variant([0, 65535, 0, 0], [2, 2], bits=16), [[1, 2]]),
        # Genotypes AA AC CC AG CG (GG).
        (variant([0, 0, 0, 0, 255, 0, 0, 0, 0, 0], [2, 2], alleles="A,C,G"), [[1, 0], [1, 2]]),
        (variant([255, 0, 0, 0, 0, 255, 0, 0], [2, 2], alleles="A,C,G", phased=True),
         [[0, 1], [1, 1]]),
        (variant([0] * 3 + [0] * 2, [3, 2]), [[None, 2]]),
    ],
)  # fmt: skip
def test_probabilities_of_a_bgen_become_dosages(tmp_path, written, expected):
    got = parse_variants([bgen(tmp_path, written)])
    for row, wanted in zip(rows(got), expected, strict=True):
        assert row == [None if w is None else pytest.approx(w) for w in wanted]
    assert (got.chromosome[0], got.position[0]) == (1, 7)


def test_bgen_of_stored_numbers(tmp_path):
    path = bgen(tmp_path, variant([0, 255, 0, 0], [2, 2], packing=0), packing=0)
    assert rows(parse_variants([path])) == [[1, 2]]


def test_sample_file_of_a_bgen_names_its_samples(tmp_path):
    path = bgen(tmp_path, variant([255, 0, 0, 0], [2, 2]))
    (tmp_path / "a.sample").write_text("ID_1 ID_2 missing sex\n0 0 0 D\nx ann 0 2\nx bob 0 1\n")
    assert parse_variants([path], samples=["bob"]).sample_positions.tolist() == [2]
    (found,) = inspect([tmp_path])
    assert [file.name for file in found.paths] == ["a.bgen", "a.sample"]
    (tmp_path / "a.sample").write_text("ID_1 ID_2 missing sex\n0 0 0 D\nx ann 0 2\n")
    with pytest.raises(UnreadableFile, match="as many samples"):
        parse_variants([path])


@pytest.mark.parametrize("cut", [3, 20, 40, 60, 75])
def test_bgen_cut_short_is_an_error(tmp_path, cut):
    path = bgen(tmp_path, variant([255, 0, 0, 0], [2, 2]))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UnreadableFile):
        parse_variants([path])


VCF = """##fileformat=VCFv4.3
##contig=<ID=1,length=248956422>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	ann	bob
"""


@pytest.mark.parametrize("packed", ["plain", "gzip", "two members"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_text_is_read_however_it_is_packed_and_ends(tmp_path, packed, end):
    mark = end or "\n"
    lines = [f"1\t{n}\t.\tA\tC\t.\t.\t.\tGT:DP\t0/1:7\t1|1:9" for n in range(1, 2001)]
    text = (VCF.replace("\n", mark) + mark.join(lines) + end).encode()
    path = tmp_path / "a.vcf"
    half = text.index(b"1\t900\t") + 3
    path.write_bytes({
        "plain": text,
        "gzip": gzip.compress(text),
        "two members": gzip.compress(text[:half]) + gzip.compress(text[half:]),
    }[packed])  # fmt: skip
    got = parse_variants([path], positions={"1": np.array([5, 1999])})
    assert (got.position.tolist(), rows(got)) == ([5, 1999], [[1, 2], [1, 2]])


def test_alleles_above_nine_and_three_copies_are_read(tmp_path):
    alternates = ",".join("A" + "C" * n for n in range(1, 13))
    path = tmp_path / "a.vcf"
    path.write_text(VCF + f"1\t5\t.\tA\t{alternates}\t.\t.\t.\tGT\t11/12\t0/1/1\n")
    got = parse_variants([path])
    assert got.dosage[10:, 0].tolist() == [1, 1]
    assert np.isnan(got.dosage[:, 1]).all()


def test_rows_at_one_place_are_one_block_whatever_the_chunks(tmp_path, monkeypatch):
    from specialists.readers import unpacking
    from specialists.readers.genome import Alleles
    from specialists.readers.variant_file import VariantFile
    from specialists.readers.wanted import Wanted

    monkeypatch.setattr(unpacking, "_CHUNK", 64)
    path = tmp_path / "a.vcf"
    at = [1, 1, 2, 3, 3, 3, 4]
    path.write_text(VCF + "".join(f"1\t{n}\t.\tA\tC\t.\t.\t.\tGT\t0/1\t1/1\n" for n in at))
    with VariantFile(path) as file:
        blocks = [block.sites.position.tolist()
                  for block in file.blocks(Wanted.everything(), Alleles())]  # fmt: skip
    assert [n for block in blocks for n in block] == at
    assert all(set(a).isdisjoint(b) for a, b in pairwise(blocks))


GVCF = VCF.replace("##FORMAT", '##ALT=<ID=NON_REF,Description="Any">\n##FORMAT', 1)


def test_stretches_of_a_gvcf_reach_the_places_inside_them(tmp_path):
    path = tmp_path / "a.g.vcf"
    path.write_text(
        GVCF
        + "1\t100\t.\tA\t<NON_REF>\t.\t.\tEND=199\tGT:DP\t0/0:30\t0/0:30\n"
        + "1\t200\t.\tC\tT,<NON_REF>\t.\t.\t.\tGT:DP\t0/1:30\t0/0:30\n"
        + "1\t201\t.\tA\t<NON_REF>\t.\t.\tEND=300\tGT:DP\t0/0:30\t./.:0\n"
    )
    wanted = {"1": np.array([100, 150, 200, 250, 400])}
    got = parse_variants([path], positions=wanted)
    assert got.position.tolist() == [100, 150, 200, 250]
    assert got.reference[[1, 3]].tolist() == [-2, -2]
    assert rows(got) == [[0, 0], [0, 0], [1, 0], [0, None]]
