import gzip
import hashlib
import math
from pathlib import Path

import numpy as np
import pytest

from specialists.errors import (
    EmptyFile,
    FileTooLarge,
    InvalidInput,
    MislabelledFile,
    TruncatedFile,
    UnreadableFile,
    UnsupportedScore,
    WardroundError,
)
from specialists.readers import limits
from specialists.readers.scoring_file import (
    ADDITIVE,
    DOMINANT,
    DOSAGE_SPECIFIC,
    RECESSIVE,
    ScoringFile,
    inspect_scoring_file,
    parse_scoring_file,
    read_scoring_file,
)

DATA = Path(__file__).parents[1] / "data" / "genomics"


def write(folder: Path, *lines: str, name: str = "score.txt") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def parse(folder: Path, *lines: str) -> ScoringFile:
    return parse_scoring_file([write(folder, *(line.replace("|", "\t") for line in lines))])


@pytest.mark.parametrize(
    ("file", "variants", "build", "harmonised"),
    [
        ("PGS000001_hmPOS_GRCh37.txt.gz", 77, "GRCh37", True),
        ("PGS000001_hmPOS_GRCh38.txt.gz", 77, "GRCh38", True),
        ("PGS000802_hmPOS_GRCh37.txt", 19, "GRCh37", True),
        ("PGS001229_hmPOS_GRCh38.txt.gz", 51209, None, False),
        ("PGS004255_hmPOS_GRCh38.txt.gz", 30, "GRCh38", True),
    ],
)
def test_catalog_file_is_read_whole(file, variants, build, harmonised):
    score = read_scoring_file([DATA / file])
    assert (score.variants, score.genome_build, score.harmonised) == (variants, build, harmonised)
    assert len(score.chromosome) == len(score.kind) == len(score.weights) == variants
    assert score.sha256 == hashlib.sha256((DATA / file).read_bytes()).hexdigest()
    assert score.header["pgs_id"] == file[:9]


def test_harmonised_positions_come_before_the_authors():
    score = parse_scoring_file([DATA / "PGS000802_hmPOS_GRCh37.txt"])
    assert (score.chromosome[0], score.position[0]) == (3, 169492101)


def test_builds_of_one_score_differ_in_position_only():
    first, second = (
        parse_scoring_file([DATA / f"PGS000001_hmPOS_{build}.txt.gz"])
        for build in ("GRCh37", "GRCh38")
    )
    assert (first.position != second.position).mean() > 0.9
    assert np.array_equal(first.weights, second.weights)
    assert first.position[0] == 69331418
    assert second.position[0] == 69516650


def test_authors_positions_are_used_where_nothing_is_harmonised(tmp_path):
    score = parse(
        tmp_path,
        "#genome_build=hg19",
        "chr_name|chr_position|effect_allele|other_allele|effect_weight",
        "chrX|100|a|G|0.5",
        "22_KI270879v1_alt|100|A|G|0.5",
        "1||A|G|0.5",
    )
    assert score.genome_build == "GRCh37"
    assert score.chromosome.tolist() == [23, 0, 0]
    assert score.position.tolist() == [100, 0, 0]
    assert score.alleles[score.effect_allele[0]] == "A"


def test_dominant_and_recessive_terms_of_a_real_score():
    score = parse_scoring_file([DATA / "PGS000802_hmPOS_GRCh37.txt"])
    assert score.kind[:2].tolist() == [DOMINANT, RECESSIVE]
    assert score.weights[0].tolist() == [0, 0.123, 0.123]
    assert score.weights[1].tolist() == [0, 0, 0.491]
    assert score.effect_frequency[0] == 0.377


def test_weights_by_dosage_of_a_real_score():
    score = parse_scoring_file([DATA / "PGS004255_hmPOS_GRCh38.txt.gz"])
    assert set(score.kind.tolist()) == {DOSAGE_SPECIFIC}
    assert score.weights[0].tolist() == pytest.approx([-0.0983381, 0.0893416, 0.4437184])


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("complex_variants_PGS000021.txt", ["33 terms", "3 haplotypes", "5 diplotypes"]),
        ("complex_variants_PGS004239.txt", ["3 haplotypes", "6 effects not of a nucleotide"]),
    ],
)
def test_complex_terms_are_refused_by_name(file, named):
    with pytest.raises(UnsupportedScore) as caught:
        read_scoring_file([DATA / file])
    assert all(words in caught.value.client_message for words in named)


@pytest.mark.parametrize(
    ("column", "cell", "named"),
    [
        ("is_interaction", "TRUE", "1 interactions"),
        ("is_haplotype", "1", "1 haplotypes"),
        ("is_dominant|is_recessive", "True|True", "both dominant and recessive"),
    ],
)
def test_flagged_term_is_never_summed(tmp_path, column, cell, named):
    with pytest.raises(UnsupportedScore, match=named):
        parse(
            tmp_path,
            f"chr_name|chr_position|effect_allele|effect_weight|{column}",
            f"1|10|A|0.5|{cell}",
        )


@pytest.mark.parametrize("ratio", ["OR", "HR"])
def test_ratio_becomes_logarithm_where_there_is_no_weight(tmp_path, ratio):
    score = parse(tmp_path, f"chr_name|chr_position|effect_allele|{ratio}", "1|10|A|1.5")
    assert score.weights[0].tolist() == pytest.approx([0, math.log(1.5), 2 * math.log(1.5)])
    assert "logarithms" in score.notes[0]


def test_ratio_beside_a_weight_is_not_used(tmp_path):
    score = parse(tmp_path, "chr_name|chr_position|effect_allele|effect_weight|OR", "1|10|A|2|1.5")
    assert score.weights[0].tolist() == [0, 2, 4]
    assert score.notes == ()


@pytest.mark.parametrize(
    ("other", "inferred", "expected"),
    [("G", "T", "G"), ("", "T", "T"), ("", "C/T", None), ("", "", None)],
)
def test_other_allele_is_inferred_only_where_it_is_one(tmp_path, other, inferred, expected):
    score = parse(
        tmp_path,
        "chr_name|chr_position|effect_allele|other_allele|effect_weight|hm_inferOtherAllele",
        f"1|10|A|{other}|1|{inferred}",
    )
    code = score.other_allele[0]
    assert (None if code < 0 else score.alleles[code]) == expected


def test_effect_type_column_is_understood(tmp_path):
    score = parse(
        tmp_path,
        "chr_name|chr_position|effect_allele|effect_weight|effect_type",
        *(f"1|{n}|A|1|{kind}" for n, kind in enumerate(["additive", "dominant", "recessive"], 1)),
    )
    assert score.kind.tolist() == [ADDITIVE, DOMINANT, RECESSIVE]


def test_row_count_unlike_the_header_is_noted(tmp_path):
    score = parse(
        tmp_path,
        "#variants_number=3",
        "chr_name|chr_position|effect_allele|effect_weight",
        "1|10|A|1",
    )
    assert "announces 3" in score.notes[0]


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["nothing of the kind"], MislabelledFile),
        (["#pgs_id=PGS000001"], MislabelledFile),
        (["rsID|effect_allele", "rs1|A"], MislabelledFile),
        (["chr_name|chr_position|effect_allele|effect_weight"], EmptyFile),
        (["chr_name|chr_position|effect_allele|effect_weight", "1|10|A"], TruncatedFile),
        (["chr_name|chr_position|effect_allele|effect_weight", "1|10|A|heavy"], UnreadableFile),
        (["chr_name|chr_position|effect_allele|effect_weight", "1|10|A|inf"], UnreadableFile),
        (["chr_name|chr_position|effect_allele|effect_weight", "1|10|A|"], UnreadableFile),
        (["chr_name|chr_position|effect_allele|OR", "1|10|A|-1"], UnreadableFile),
        (["rsID|effect_allele|effect_weight", "rs1|A|1"], UnsupportedScore),
    ],
)
def test_bad_file_is_its_own_error_without_a_path(tmp_path, lines, error):
    with pytest.raises(error) as caught:
        parse(tmp_path, *lines)
    assert isinstance(caught.value, WardroundError)
    assert str(tmp_path) not in caught.value.client_message


def test_empty_file_is_an_error(tmp_path):
    path = tmp_path / "score.txt.gz"
    path.touch()
    with pytest.raises(EmptyFile):
        parse_scoring_file([path])


def test_cut_gzip_is_truncated(tmp_path):
    whole = (DATA / "PGS001229_hmPOS_GRCh38.txt.gz").read_bytes()
    path = tmp_path / "score.txt.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TruncatedFile):
        parse_scoring_file([path])


def test_file_that_unpacks_to_too_much_is_refused(tmp_path):
    path = tmp_path / "score.txt.gz"
    with gzip.open(path, "wt") as file:
        file.write("chr_name\tchr_position\teffect_allele\teffect_weight\n")
        file.writelines("1\t10\tA\t1\n" for _ in range(300_000))
    before = limits.active()
    limits.use(limits.Limits(unpacked_mib=1))
    try:
        with pytest.raises(FileTooLarge):
            parse_scoring_file([path])
    finally:
        limits.use(before)


def test_endless_line_is_no_scoring_file(tmp_path):
    path = tmp_path / "score.txt"
    path.write_bytes(b"A" * 2_000_000)
    with pytest.raises(MislabelledFile):
        parse_scoring_file([path])


def test_two_files_are_refused():
    with pytest.raises(InvalidInput):
        parse_scoring_file([DATA / "PGS000802_hmPOS_GRCh37.txt"] * 2)


def test_inspection_says_kind_build_and_size():
    manifest = inspect_scoring_file([DATA / "PGS000001_hmPOS_GRCh37.txt.gz"])
    assert manifest.kind == "scoring_file"
    assert (manifest.genome_build, manifest.variants) == ("GRCh37", 77)
