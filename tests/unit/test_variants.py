import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from specialists.errors import (
    BackendUnavailable,
    EmptyFile,
    FileMissing,
    GenomeBuildMismatch,
    InvalidInput,
    MislabelledFile,
    TruncatedFile,
    UnreadableFile,
)
from specialists.readers.variants import (
    Genotypes,
    find_sample,
    inspect_variants,
    parse_variants,
    read_variants,
)

cyvcf2 = pytest.importorskip("cyvcf2")

TINY = Path(__file__).parents[1] / "data" / "genomics" / "tiny1000G.vcf.gz"

HEADER = """##fileformat=VCFv4.3
##contig=<ID=chr1,length=248956422>
##contig=<ID=chrX,length=156040895>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DS,Number=A,Type=Float,Description="Dosage">
"""


def write(folder: Path, *rows: str, header: str = HEADER, samples: str = "ann bob") -> Path:
    columns = "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT " + samples
    lines = [columns, *rows]
    path = folder / "some.vcf"
    path.write_text(header + "".join("\t".join(line.split()) + "\n" for line in lines))
    return path


def row(*calls: str, alt: str = "C", fields: str = "GT", chromosome: str = "chr1") -> str:
    return f"{chromosome} 10 . A {alt} . . . {fields} {' '.join(calls)}"


def same(first: Genotypes, second: Genotypes) -> bool:
    return (
        np.array_equal(first.dosage, second.dosage, equal_nan=True)
        and np.array_equal(first.copies, second.copies)
        and np.array_equal(first.position, second.position)
        and [first.alleles[code] for code in first.reference]
        == [second.alleles[code] for code in second.reference]
    )


def by_allele(genotypes: Genotypes, entries) -> dict[tuple[int, str], list[float]]:
    return {
        (int(genotypes.position[n]), genotypes.alleles[genotypes.alternate[n]]): genotypes.dosage[
            n
        ].tolist()
        for n in entries
    }


@pytest.fixture(scope="module")
def whole() -> Genotypes:
    return read_variants([TINY])


def test_whole_file_is_read(whole):
    assert whole.dosage.shape == (1004, 3202)
    assert whole.dosage.dtype == np.float32
    assert not np.isnan(whole.dosage).any()
    assert whole.genome_build is None


def test_first_row_is_as_in_the_file(whole):
    # 10:418379 G>A; HG00096 to HG00103: 0|1 0|1 0|1 1|0 0|0 0|0 0|0.
    assert (whole.chromosome[0], whole.position[0]) == (10, 418379)
    assert whole.alleles[whole.reference[0]] == "G"
    assert whole.alleles[whole.alternate[0]] == "A"
    assert whole.dosage[0, :7].tolist() == [1, 1, 1, 1, 0, 0, 0]


def test_haploid_calls_are_on_x_alone(whole):
    haploid = (whole.copies == 1).any(axis=1)
    assert set(whole.chromosome[haploid].tolist()) == {23}
    assert haploid.sum() == 36
    assert whole.dosage[whole.copies == 1].max() == 1


def test_sample_names_stay_in_the_worker_unless_asked_for(whole):
    assert whole.labels is None
    named = read_variants([TINY], samples=[2], sample_labels=True, regions=[("21", 1, 10**8)])
    assert named.labels == ("HG00097",)


def test_samples_by_label_and_position(whole):
    some = read_variants([TINY], samples=["HG00099", 1])
    assert some.sample_positions.tolist() == [1, 3]
    assert np.array_equal(some.dosage, whole.dosage[:, [0, 2]])


def test_unknown_sample_is_an_error_that_does_not_repeat_it():
    with pytest.raises(InvalidInput) as caught:
        find_sample([TINY], "Jane Doe")
    assert "Jane" not in caught.value.client_message
    assert find_sample([TINY], "HG00099") == find_sample([TINY], 3) == find_sample([TINY], "3") == 3


def test_region_gives_the_rows_that_start_in_it(whole):
    part = read_variants([TINY], regions=[("chr4", 20_000_000, 30_000_000)])
    expected = whole.position[(whole.chromosome == 4) & (abs(whole.position - 25e6) <= 5e6)]
    assert sorted(part.position) == sorted(expected)
    assert len(expected) > 1


@pytest.mark.parametrize("index", [True, False])
def test_positions_give_the_same_with_and_without_index(tmp_path, whole, index):
    path = tmp_path / "copy.vcf.gz"
    shutil.copy(TINY, path)
    if index:
        shutil.copy(f"{TINY}.tbi", f"{path}.tbi")
    wanted = {"4": np.array([23949958, 1]), "21": np.array([38708273]), "7": np.array([5])}
    part = parse_variants([path], positions=wanted)
    assert sorted(part.position.tolist()) == [23949958, 23949958, 38708273, 38708273]
    at = np.flatnonzero(np.isin(whole.position, part.position))
    assert by_allele(part, range(4)) == by_allele(whole, at)


def test_index_older_than_its_file_is_not_trusted(tmp_path):
    path = tmp_path / "copy.vcf.gz"
    shutil.copy(TINY, path)
    Path(f"{path}.tbi").write_bytes(b"not an index")
    os.utime(f"{path}.tbi", (1, 1))
    part = parse_variants([path], positions={"21": np.array([38708273])})
    assert part.position.tolist() == [38708273, 38708273]


def test_bcf_gives_the_same_as_vcf(tmp_path, whole):
    path = tmp_path / "tiny.bcf"
    source = cyvcf2.VCF(str(TINY))
    target = cyvcf2.Writer(str(path), source, "wb")
    for record in source:
        target.write_record(record)
    target.close()
    source.close()
    assert inspect_variants([path]).format == "BCF"
    assert same(read_variants([path]), whole)


def test_multi_allelic_row_makes_an_entry_an_allele(tmp_path):
    got = parse_variants([write(tmp_path, row("0|1", "1/2", alt="C,T"))])
    assert [got.alleles[code] for code in got.alternate] == ["C", "T"]
    assert got.row.tolist() == [0, 0]
    assert got.dosage.tolist() == [[1, 1], [0, 1]]
    assert got.copies.tolist() == [[2, 2], [2, 2]]


def test_row_without_alternate_is_kept(tmp_path):
    got = parse_variants([write(tmp_path, row("0/0", "0/.", alt="."))])
    assert got.alternate.tolist() == [-1]
    assert got.dosage[0, 0] == 0
    assert np.isnan(got.dosage[0, 1])


@pytest.mark.parametrize(
    ("call", "dosage", "copies"),
    [("0|1", 1, 2), ("1/1", 2, 2), ("1", 1, 1), ("0", 0, 1), ("./.", None, 0), ("0/.", None, 0)],
)
def test_call_becomes_dosage(tmp_path, call, dosage, copies):
    got = parse_variants([write(tmp_path, row(call, "0/0"))])
    assert got.copies[0, 0] == copies
    assert got.dosage[0, 0] == dosage if dosage is not None else np.isnan(got.dosage[0, 0])


def test_imputed_dosage_is_used_when_asked_for(tmp_path):
    path = write(tmp_path, row("0|1:0.9", "1|1:.", fields="GT:DS"))
    assert parse_variants([path]).dosage.tolist() == [[1, 2]]
    imputed = parse_variants([path], genotype_field="DS")
    assert imputed.dosage[0].tolist() == pytest.approx([0.9, 2])


def test_row_with_dosages_alone_is_used_and_noted(tmp_path):
    got = parse_variants([write(tmp_path, row("0.5", ".", fields="DS"))])
    assert got.dosage[0, 0] == 0.5
    assert np.isnan(got.dosage[0, 1])
    assert got.copies.tolist() == [[2, 0]]
    assert "DS" in got.notes[0]


def test_impossible_dosage_is_an_error(tmp_path):
    with pytest.raises(UnreadableFile, match="between 0 and 2"):
        parse_variants([write(tmp_path, row("7.5", "0", fields="DS"))])


@pytest.mark.parametrize(
    ("header", "build"),
    [
        ("##contig=<ID=chr1,length=248956422>", "GRCh38"),
        ("##contig=<ID=1,length=249250621,assembly=b37>", "GRCh37"),
        ("##contig=<ID=22,length=51304566>", "GRCh37"),
        ("##contig=<ID=1,assembly=GRCh38>", "GRCh38"),
        ("##contig=<ID=1>\n##reference=file:///data/hg19.fa", "GRCh37"),
        ("##contig=<ID=1>\n##reference=unknown.fa", None),
        ("##contig=<ID=1,length=249250621>\n##contig=<ID=2,length=242193529>", None),
    ],
)
def test_build_is_told_from_the_header(tmp_path, header, build):
    text = (
        f'##fileformat=VCFv4.3\n{header}\n##FORMAT=<ID=GT,Number=1,Type=String,Description="G">\n'
    )
    assert parse_variants([write(tmp_path, header=text)]).genome_build == build


def test_several_files_are_joined(tmp_path):
    (tmp_path / "x").mkdir()
    first = write(tmp_path, row("0|1", "0|0"))
    second = write(tmp_path / "x", row("1", "1|1", chromosome="chrX"))
    joined = parse_variants([first, second])
    assert joined.chromosome.tolist() == [1, 23]
    assert joined.row.tolist() == [0, 1]


def test_files_of_other_people_are_not_joined(tmp_path):
    (tmp_path / "x").mkdir()
    first = write(tmp_path, row("0|1", "0|0"))
    second = write(tmp_path / "x", row("0|1", "0|0"), samples="ann carl")
    with pytest.raises(InvalidInput, match="same samples"):
        parse_variants([first, second])


def test_files_of_other_builds_are_not_joined(tmp_path):
    (tmp_path / "x").mkdir()
    old = HEADER.replace("248956422", "249250621").replace("156040895", "155270560")
    first = write(tmp_path, row("0|1", "0|0"))
    second = write(tmp_path / "x", row("0|1", "0|0"), header=old)
    with pytest.raises(GenomeBuildMismatch):
        parse_variants([first, second])


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyFile),
        (b"hello\n", MislabelledFile),
        (b"\x6c\x1b\x01" + bytes(50), FileMissing),
        (bytes(16) + b"bgen" + bytes(50), MislabelledFile),
        (b"\x1f\x8b\x08\x00garbage", UnreadableFile),
        (TINY.read_bytes()[:300_000], TruncatedFile),
        (TINY.read_bytes()[:-28], TruncatedFile),
    ],
)
def test_bad_file_is_its_own_error_without_a_path(tmp_path, content, error):
    path = tmp_path / "some.vcf.gz"
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read_variants([path])
    assert str(tmp_path) not in caught.value.client_message


def test_row_cut_short_is_truncated(tmp_path):
    path = write(tmp_path, row("0|1", "0|0"), row("0|1"))
    with pytest.raises(TruncatedFile):
        parse_variants([path])


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cyvcf2", None)
    with pytest.raises(BackendUnavailable, match=r"wardround\[genomics\]"):
        parse_variants([TINY])


def test_inspection_says_samples_variants_and_build(tmp_path):
    tiny = inspect_variants([TINY])
    assert (tiny.kind, tiny.format, tiny.samples, tiny.variants) == ("variants", "VCF", 3202, 1004)
    own = inspect_variants([write(tmp_path, row("0|1", "0|0"))])
    assert (own.genome_build, own.samples, own.variants) == ("GRCh38", 2, 1)
    assert "ann" not in own.model_dump_json()
