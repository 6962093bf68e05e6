import gzip
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from specialists.base import Reading, Source
from specialists.errors import (
    GenomeBuildMismatch,
    InvalidInput,
    LowOverlap,
    NotAccepted,
    UnsupportedScore,
)
from specialists.polygenic.catalogue import bundled, choose
from specialists.polygenic.picture import distribution, ticks
from specialists.polygenic.reference import LinearScore
from specialists.polygenic.spec import SPEC, PolygenicRequest
from specialists.schema import Manifest

pytest.importorskip("cyvcf2")

DATA = Path(__file__).parents[1] / "data" / "genomics"
TINY = DATA / "tiny1000G.vcf.gz"
HEIGHT = DATA / "PGS001229_hmPOS_GRCh38.txt.gz"
HEADER = """##fileformat=VCFv4.3
##contig=<ID=1,length=248956422>
##contig=<ID=2,length=242193529>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
"""


def read(genotypes: Path = TINY, file: Path | None = None, **options) -> Reading:
    inputs = {"genotypes": [Source((genotypes,), Manifest(kind="variants", format="VCF"))]}
    if file is not None:
        inputs["score"] = [Source((file,), Manifest(kind="scoring_file", format="PGS"))]
    return LinearScore().read(inputs, PolygenicRequest(**options), lambda share, doing: None)


def vcf(folder: Path, calls: list[list[str]], header: str = HEADER) -> Path:
    """One row a list of calls: 1:10, 1:20, … A>C."""
    samples = [f"person{n}" for n in range(1, len(calls[0]) + 1)]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    rows = [
        ["1", str(10 * n), ".", "A", "C", ".", ".", ".", "GT", *some]
        for n, some in enumerate(calls, 1)
    ]
    path = folder / "some.vcf"
    path.write_text(header + "".join("\t".join(row) + "\n" for row in [columns, *rows]))
    return path


def scoring(folder: Path, weights: list[float], build: str = "GRCh38", **header: str) -> Path:
    lines = [f"#genome_build={build}", *(f"#{key}={value}" for key, value in header.items())]
    lines.append("chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight")
    lines += [f"1\t{10 * n}\tC\tA\t{weight}" for n, weight in enumerate(weights, 1)]
    path = folder / "score.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def height() -> Reading:
    return read(file=HEIGHT, min_overlap=0.01, sample=1)


def test_variants_of_a_real_score_are_accounted_for(height):
    counts = height.result.counts
    assert counts.variants == 51209
    assert counts.positions_found == counts.alleles_matched == 986
    # Three lie where GRCh38 turned the strand around; 66 are A/T or C/G.
    assert (counts.strand_flipped, counts.ambiguous_dropped, counts.used) == (3, 66, 920)
    assert counts.absent + counts.positions_found + counts.without_position == counts.variants


def test_975_of_986_is_what_one_row_a_position_and_one_strand_would_find():
    rows = [line.split("\t")[:5] for line in lines_of(TINY)]
    last_row = {(chromosome, position): {a, b} for chromosome, position, _, a, b in rows}
    variants = [line.split("\t") for line in lines_of(HEIGHT)]
    found = [v for v in variants if (v[0], v[1]) in last_row]
    direct = [v for v in found if {v[2], v[3]} == last_row[v[0], v[1]]]
    assert (len(found), len(direct)) == (986, 975)
    # Of the other 11, 8 have their alleles in an earlier row, and 3 are on the other strand.
    assert sum(any(v[:2] == r[:2] and {v[2], v[3]} == {r[3], r[4]} for r in rows)
               for v in found if v not in direct) == 8  # fmt: skip


def lines_of(path: Path) -> list[str]:
    with gzip.open(path, "rt") as file:
        return [line.rstrip("\n") for line in file if not line.startswith("#")]


def test_sums_equal_a_plain_loop_over_the_text():
    complement = str.maketrans("ACGT", "TGCA")
    weights = {}
    for line in lines_of(HEIGHT)[1:]:
        chromosome, position, effect, other, weight = line.split("\t")[:5]
        weights[chromosome, position] = (effect, other, float(weight))
    totals = [0.0] * 5
    for line in lines_of(TINY):
        chromosome, position, _, reference, alternate, *rest = line.split("\t")
        effect, other, weight = weights.get((chromosome, position), ("", "", 0.0))
        for strand in (
            (effect, other),
            (effect.translate(complement), other.translate(complement)),
        ):
            if (
                set(strand) == {reference, alternate}
                and reference.translate(complement) != alternate
            ):
                for n, call in enumerate(rest[4:9]):
                    counted = "1" if strand[0] == alternate else "0"
                    copies = call.count(counted) * (2 if "|" not in call else 1)
                    totals[n] += weight * copies
                break
    ours = [read(file=HEIGHT, min_overlap=0, sample=n).result.risk_scores[0].value for n in (1, 5)]
    assert ours == pytest.approx([totals[0], totals[4]], abs=1e-9)


def test_one_sample_has_a_percentile_within_the_file(height):
    (score,) = height.result.risk_scores
    assert (score.name, score.trait, score.sample) == ("PGS001229", "Standing height", "sample 1")
    assert score.percentile == pytest.approx(83.43, abs=0.01)
    assert score.reference == "the 3,202 samples of the same file, ancestry not considered"
    assert score.average == pytest.approx(score.value / 1840)
    assert score.overlap == pytest.approx(920 / 51209)


def test_numbers_of_a_result_stand_in_its_sentences(height):
    (score,) = height.result.risk_scores
    assert f"{score.value:.6g}" in score.text
    assert f"{score.percentile:.1f}" in score.text
    assert "ancestry not considered" in score.text
    assert score.text in height.result.summary
    assert "risk" not in height.result.summary.lower()


def test_result_says_what_it_did_not_look_at_and_where_it_is_from(height):
    result = height.result
    assert any("Ancestry" in text for text in result.not_assessed)
    assert any("probability" in text for text in result.not_assessed)
    assert any("single genes" in text for text in result.not_assessed)
    whole = (HEIGHT).read_bytes()
    assert result.provenance.weights_sha256 == hashlib.sha256(whole).hexdigest()
    assert "PGP000244" in result.provenance.evaluated_on
    assert "not evaluated again here" in result.provenance.evaluated_on


def test_person_is_drawn_into_the_distribution(height):
    (picture,) = height.pictures
    with Image.open(io.BytesIO(picture.png)) as image:
        assert image.size == (1200, 720)
        colours = {colour for _, colour in image.getcolors(1 << 20)}
    assert (0xB3, 0x26, 0x1E) in colours


def test_many_samples_are_summed_up():
    reading = read(file=HEIGHT, min_overlap=0)
    result = reading.result
    assert result.risk_scores == ()
    values = {m.name.partition(", ")[2]: m.value for m in result.measurements}
    assert values["minimum"] < values["mean"] < values["maximum"]
    assert result.samples == 3202
    assert "3,202 samples" in result.summary
    assert len(reading.pictures) == 1


def test_bundled_score_is_found_by_id_and_by_trait(height):
    for wanted in ("pgs001229", "standing HEIGHT"):
        found = read(score=wanted, min_overlap=0, sample=1)
        assert found.result.risk_scores == height.result.risk_scores


def test_score_of_a_trait_is_on_the_build_of_the_genotypes():
    assert choose("breast cancer", "GRCh37").name == "PGS000001_hmPOS_GRCh37.txt.gz"
    assert choose("breast cancer", "GRCh38").name == "PGS000001_hmPOS_GRCh38.txt.gz"
    assert choose("breast cancer", None).name == "PGS000001_hmPOS_GRCh38.txt.gz"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (None, "Say which score"),
        ("PGS999999", "neither in a scoring file of this call nor among"),
        ("gout", "neither in a scoring file of this call nor among"),
        ("cancer", "Several scores fit"),
    ],
)
def test_score_that_is_not_there_names_those_that_are(wanted, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        read(score=wanted)
    assert "PGS000001 (Breast cancer)" in caught.value.client_message


def test_bundled_scores_are_what_their_index_says():
    for score in bundled():
        assert hashlib.sha256(score.path.read_bytes()).hexdigest() == score.sha256


def test_file_that_is_not_the_score_named_is_refused():
    with pytest.raises(InvalidInput, match="not the score that was named"):
        read(file=HEIGHT, score="PGS000001", min_overlap=0)


@pytest.mark.parametrize(
    "score", ["PGS000001", "PGS000002", "PGS000802", "PGS004255", "PGS001229", "rheumatoid"]
)
def test_low_overlap_is_an_error_with_counts(score):
    with pytest.raises(LowOverlap) as caught:
        read(score=score)
    assert "positions were found" in caught.value.client_message


def test_low_overlap_says_what_overrides_it_and_the_result_says_that_it_was():
    with pytest.raises(LowOverlap, match=r"Only 920 of .* 51,209 variants \(1.8%\).*min_overlap"):
        read(file=HEIGHT)
    lowered = read(file=HEIGHT, min_overlap=0.01, sample=1).result
    assert any("min_overlap was lowered" in text for text in lowered.warnings)


@pytest.mark.parametrize("least", [0.0, 0.5])
def test_nothing_matched_is_an_error_at_any_overlap(least):
    with pytest.raises(LowOverlap, match="None of the score's 77 variants"):
        read(score="PGS000001", min_overlap=least)


def test_complex_score_is_refused():
    with pytest.raises(UnsupportedScore, match="5 diplotypes"):
        read(file=DATA / "complex_variants_PGS000021.txt")


def test_other_build_is_refused(tmp_path):
    with pytest.raises(GenomeBuildMismatch, match=r"GRCh38 .* GRCh37"):
        read(vcf(tmp_path, [["0|1"]]), scoring(tmp_path, [1], build="hg19"))


def test_alleles_betray_another_build_where_none_is_stated(tmp_path):
    genotypes = vcf(tmp_path, [["0|1"]] * 12, HEADER.replace(",length=", ",was="))
    file = scoring(tmp_path, [1] * 12)
    assert read(genotypes, file).result.risk_scores[0].value == 12
    file.write_text(file.read_text().replace("\tC\tA\t", "\tC\tT\t"))
    with pytest.raises(GenomeBuildMismatch, match="12 positions"):
        read(genotypes, file)


def test_few_samples_are_listed_by_position(tmp_path):
    result = read(
        vcf(tmp_path, [["0|1", "1|1"], ["0|0", "0|1"]]), scoring(tmp_path, [1, 10])
    ).result
    assert [(score.sample, score.value) for score in result.risk_scores] == [
        ("sample 1", 1),
        ("sample 2", 12),
    ]
    assert "person" not in result.model_dump_json()
    assert result.risk_scores[0].percentile is None


def test_callers_own_label_is_used_for_the_sample_it_names(tmp_path):
    genotypes = vcf(tmp_path, [["0|1", "1|1"]])
    (score,) = read(genotypes, scoring(tmp_path, [1]), sample="person2").result.risk_scores
    assert (score.sample, score.value) == ("sample person2", 2)


@pytest.mark.parametrize("sample", [0, 3, "person9"])
def test_sample_that_is_not_there_is_an_error(tmp_path, sample):
    with pytest.raises(InvalidInput, match="holds 2"):
        read(vcf(tmp_path, [["0|1", "1|1"]]), scoring(tmp_path, [1]), sample=sample)


def test_missing_calls_of_the_sample_count_against_its_overlap(tmp_path):
    genotypes = vcf(tmp_path, [["0|1", "./."], ["0|1", "./."], ["0|1", "0|1"]])
    file = scoring(tmp_path, [1, 1, 1])
    assert read(genotypes, file, sample=1).result.risk_scores[0].overlap == 1
    with pytest.raises(LowOverlap, match="Only 1 of the score's 3"):
        read(genotypes, file, sample=2)
    both = read(genotypes, file).result
    assert both.counts.calls_left_out == 2
    assert "Samples with too many missing calls for min_overlap: 1." in both.warnings


def test_absent_variants_count_as_not_carried_only_when_asked(tmp_path):
    genotypes = vcf(tmp_path, [["0|1"], ["1|1"]])
    file = scoring(tmp_path, [1, 1, 1, 1])
    with pytest.raises(LowOverlap):
        read(genotypes, file)
    result = read(genotypes, file, absent_means_reference=True).result
    (score,) = result.risk_scores
    assert (score.value, score.average, score.overlap) == (3, 3 / 8, 0.5)
    assert "2 that the file does not list, counted as not carried" in score.text
    assert result.counts.absent_as_reference == 2


def test_absent_cannot_mean_reference_where_effect_alleles_are_references(tmp_path):
    file = scoring(tmp_path, [1, 1, 1, 1])
    file.write_text(file.read_text().replace("\tC\tA\t", "\tA\tC\t"))
    with pytest.raises(InvalidInput, match="absent_means_reference"):
        read(vcf(tmp_path, [["0|1"], ["1|1"]]), file, absent_means_reference=True)


def test_sites_without_samples_are_refused(tmp_path):
    path = tmp_path / "sites.vcf"
    path.write_text(
        "##fileformat=VCFv4.3\n##contig=<ID=1,length=248956422>\n"
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t10\t.\tA\tC\t.\t.\t.\n"
    )
    with pytest.raises(NotAccepted):
        read(path, scoring(tmp_path, [1]))


def test_licence_and_source_are_those_of_the_file(tmp_path):
    file = scoring(tmp_path, [1], pgs_name="own", license="CC BY-NC-ND 4.0", citation="Doe 2020")
    result = read(vcf(tmp_path, [["0|1"]]), file).result
    assert result.provenance.terms == "CC BY-NC-ND 4.0"
    assert result.provenance.evaluated_on.startswith("Published in Doe 2020;")
    assert result.risk_scores[0].name == "own"


def test_result_goes_through_json(height):
    text = height.result.model_dump_json()
    assert SPEC.result.model_validate_json(text) == height.result
    assert "HG00" not in text
    assert json.loads(text)["counts"]["used"] == 920


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (-1.4, 1.5, [-1, 0, 1]), (3, 3, [3])],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert ticks(low, high, 5 if low >= 0 else 3) == expected


def test_distribution_of_equal_scores_can_be_drawn():
    png = distribution(np.zeros(30), "A title " * 20, "below it", 0.0, "sample 1")
    assert Image.open(io.BytesIO(png)).size == (1200, 720)


def test_match_report_says_what_became_of_each_variant(tmp_path):
    file = scoring(tmp_path, [1, 2, 3])
    file.write_text(file.read_text() + "1\t20\tG\tT\t4\n1\t30\tC\tT\t5\n1\t\tC\tT\t6\n")
    genotypes = vcf(tmp_path, [["0|1", "1|1"], ["0|0", "0|1"], ["./.", "./."]])
    reading = read(genotypes, file, min_overlap=0, match_report=True)
    (table,) = reading.tables
    rows = [line.split("\t") for line in gzip.decompress(table.tsv_gz).decode().splitlines()]
    assert [row[6] for row in rows[1:]] == [
        "used",
        "used",
        "no call, left out",
        "same row as another variant, left out",
        "other alleles",
        "no position",
    ]
    assert rows[1] == ["1", "1", "10", "C", "A", "1", "used", "altref", "", "A", "C"]
    assert rows[4][7] == "altref, flipped"
    assert not read(genotypes, file, min_overlap=0).tables


def test_several_scores_are_one_result(tmp_path):
    genotypes = vcf(tmp_path, [["0|1", "1|1"], ["0|0", "0|1"]])
    (tmp_path / "x").mkdir()
    files = [scoring(tmp_path, [1, 10], pgs_name="one"),
             scoring(tmp_path / "x", [3], pgs_name="two")]  # fmt: skip
    inputs = {
        "genotypes": [Source((genotypes,), Manifest(kind="variants", format="VCF"))],
        "score": [Source((f,), Manifest(kind="scoring_file", format="PGS")) for f in files],
    }
    request = PolygenicRequest(min_overlap=0.5)
    result = LinearScore().read(inputs, request, lambda share, doing: None).result
    assert [(s.name, s.sample, s.value) for s in result.risk_scores] == [
        ("one", "sample 1", 1), ("one", "sample 2", 12), ("two", "sample 1", 3),
        ("two", "sample 2", 6),
    ]  # fmt: skip
    assert [(one.name, one.counts.used) for one in result.scores] == [("one", 2), ("two", 1)]
    assert SPEC.result.model_validate_json(result.model_dump_json()) == result


def test_frequencies_settle_the_strand_of_ambiguous_variants(tmp_path):
    # A>T at frequency 0.2 in the samples: T counted where the score's frequency agrees.
    samples = ["0|0"] * 80 + ["1|1"] * 20
    genotypes = vcf(tmp_path, [samples] * 4)
    genotypes.write_text(genotypes.read_text().replace("\tA\tC\t", "\tA\tT\t"))
    lines = ["chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\t"
             "allelefrequency_effect"]  # fmt: skip
    # Agrees; is the other strand's; is near one half; is not told.
    told = {10: ("T", "A", 0.25), 20: ("T", "A", 0.75), 30: ("T", "A", 0.52), 40: ("T", "A", "")}
    lines += [f"1\t{at}\t{e}\t{o}\t{at}\t{f}" for at, (e, o, f) in told.items()]
    (tmp_path / "score.txt").write_text("#genome_build=GRCh38\n" + "\n".join(lines) + "\n")
    result = read(genotypes, tmp_path / "score.txt", min_overlap=0, sample=100).result
    assert (result.counts.ambiguous, result.counts.ambiguous_by_frequency) == (4, 2)
    assert (result.counts.used, result.counts.ambiguous_dropped) == (2, 2)
    # Sample 100 has two T: 10 x 2 of the first; of the second A is counted, which it has none of.
    assert result.risk_scores[0].value == 20
