"""Scores of the Catalog that are no plain sums, from the file to the score, against hand sums."""

import gzip
from pathlib import Path

import pytest

from specialists.base import Source
from specialists.polygenic.reference import LinearScore
from specialists.polygenic.spec import PolygenicRequest
from specialists.schema import Manifest

pytest.importorskip("cyvcf2")

DATA = Path(__file__).parents[1] / "data" / "genomics"
COLORECTAL = DATA / "PGS000802_hmPOS_GRCh37.txt"
ARTHRITIS = DATA / "PGS004255_hmPOS_GRCh38.txt.gz"
LENGTH_OF_1 = {"GRCh37": 249250621, "GRCh38": 248956422}
OTHER_STRAND = str.maketrans("ACGT", "TGCA")


def rows_of(path: Path) -> list[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    names = lines[0].split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:]]


def call(copies: int, counted: str) -> str:
    other = "1" if counted == "0" else "0"
    return "/".join([counted] * copies + [other] * (2 - copies))


def genotypes(folder: Path, score: Path, build: str, carried: list[list[int]]) -> Path:
    """A VCF of people who carry so many effect alleles at the score's variants, in its order.

    Effect alleles are references and alternates in turn; every third variant is on the other
    strand.
    """
    people = [f"person{n}" for n in range(1, len(carried) + 1)]
    variants = []
    for n, row in enumerate(rows_of(score)):
        effect, other = row["effect_allele"], row["other_allele"]
        if n % 3 == 2:
            effect, other = effect.translate(OTHER_STRAND), other.translate(OTHER_STRAND)
        reference, alternate, counted = (effect, other, "0") if n % 2 else (other, effect, "1")
        calls = [call(person[n], counted) for person in carried]
        place = (int(row["hm_chr"]), int(row["hm_pos"]))
        variants.append((place, [reference, alternate, ".", ".", ".", "GT", *calls]))
    lines = ["##fileformat=VCFv4.3", f"##contig=<ID=1,length={LENGTH_OF_1[build]}>"]
    lines += [f"##contig=<ID={n}>" for n in range(2, 23)]
    lines.append('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">')
    head = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *people]
    lines.append("\t".join(head))
    for (chromosome, position), cells in sorted(variants):
        lines.append("\t".join([str(chromosome), str(position), ".", *cells]))
    path = folder / "people.vcf"
    path.write_text("\n".join(lines) + "\n")
    return path


def scored(folder: Path, score: Path, build: str, carried: list[list[int]]) -> list[float]:
    people = genotypes(folder, score, build, carried)
    inputs = {
        "genotypes": [Source((people,), Manifest(kind="variants", format="VCF"))],
        "score": [Source((score,), Manifest(kind="scoring_file", format="PGS"))],
    }
    result = LinearScore().read(inputs, PolygenicRequest(), lambda share, doing: None).result
    assert result.counts.used == len(carried[0])
    return [one.value for one in result.risk_scores]


def test_dominant_recessive_and_additive_terms_are_as_by_hand(tmp_path):
    # Dominant: 0.123 + 0.122 + 0.147 + 0.135 + 0.177 + 0.123 + 0.146 = 0.973, for 1 copy as for 2.
    # Recessive: 0.491 + 0.185 + 0.142 + 0.193 + 0.189 + 0.204 + 0.277 = 1.681, for two copies.
    # Additive: 0.232 + 0.157 + 0.175 + 0.160 + 0.217 = 0.941, for each copy.
    carried = [[copies] * 19 for copies in (0, 1, 2)]
    # Two copies of rs10936599 (dominant), one of rs6061231 (recessive) and one of rs6983267.
    carried.append([2, 1, *[0] * 16, 1])
    values = scored(tmp_path, COLORECTAL, "GRCh37", carried)
    assert values == pytest.approx([0, 1.914, 4.536, 0.123 + 0.217], abs=1e-9)


def test_weights_of_each_dosage_are_as_by_hand(tmp_path):
    # The columns dosage_0_weight, dosage_1_weight and dosage_2_weight add up to these.
    carried = [[copies] * 30 for copies in (0, 1, 2)]
    # The three weights in turn, from the first variant on: -0.0983381 + 0.0273949 + 0.1002938 …
    carried.append([0, 1, 2] * 10)
    values = scored(tmp_path, ARTHRITIS, "GRCh38", carried)
    assert values == pytest.approx([-0.1302368, 0.1961997, 0.8775154, 0.1409118], abs=1e-9)
