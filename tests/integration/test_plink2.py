"""The same sums as PLINK 2, where it is installed (Debian package plink2)."""

import gzip
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from specialists.polygenic.matching import match
from specialists.readers.scoring_file import parse_scoring_file
from specialists.readers.variants import Genotypes, parse_variants
from tests.genomes import sums_of

pytest.importorskip("cyvcf2")
pytestmark = pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")

DATA = Path(__file__).parents[1] / "data" / "genomics"
TINY = DATA / "tiny1000G.vcf.gz"

DIGITS = 8
UNIT = 1e-14

Terms = list[tuple[str, str, float]]


def plink_sums(vcf: Path, terms: Terms, weights: np.ndarray, folder: Path) -> np.ndarray:
    """Sums by sample and column of weights, shape (samples, columns)."""
    lines = [
        "\t".join([identifier, allele, *map(repr, row)])
        for (identifier, allele, _), row in zip(terms, weights.tolist(), strict=True)
    ]
    (folder / "weights.txt").write_text("\n".join(lines) + "\n")
    command = ["plink2", "--vcf", str(vcf), "--out", str(folder / "out")]
    command += ["--score", str(folder / "weights.txt"), "1", "2", "cols=scoresums"]
    command += ["--score-col-nums", f"3-{2 + weights.shape[1]}"]
    command += ["--threads", "1", "--memory", "1000"]
    subprocess.run(command, check=True, capture_output=True)
    rows = (folder / "out.sscore").read_text().splitlines()[1:]
    return np.array([[float(cell) for cell in row.split("\t")[1:]] for row in rows])


def digits_of(terms: Terms) -> np.ndarray:
    """Weights in base 100, shape (terms, digits), lowest first, from -50 to 50.

    PLINK 2 prints six digits of a sum. Sums of such digits are whole numbers below a million,
    which it therefore prints as they are.
    """
    left = np.array([round(weight / UNIT) for _, _, weight in terms])
    digits = []
    for _ in range(DIGITS):
        digit = (left + 50) % 100 - 50
        digits.append(digit)
        left = (left - digit) // 100
    assert not left.any()
    return np.stack(digits, axis=1)


def terms_of(score, genotypes: Genotypes, matching) -> Terms:
    """The pairs that were matched, as PLINK wants them: row id, allele of the row, weight."""
    named = {24: "Y", 26: "MT", 23: "X"}
    terms = []
    for variant, entry, is_reference in zip(
        matching.variant, matching.entry, matching.effect_is_reference, strict=True
    ):
        place = genotypes.chromosome[entry]
        reference = genotypes.alleles[genotypes.reference[entry]]
        alternate = genotypes.alleles[genotypes.alternate[entry]]
        identifier = (
            f"{named.get(place, place)}:{genotypes.position[entry]}:{reference}:{alternate}"
        )
        counted = reference if is_reference else alternate
        terms.append((identifier, counted, float(score.weights[variant, 1])))
    return terms


@pytest.mark.parametrize("keep_ambiguous", [False, True])
def test_sums_of_every_sample_equal_those_of_plink2(tmp_path, keep_ambiguous):
    score = parse_scoring_file([DATA / "PGS001229_hmPOS_GRCh38.txt.gz"])
    genotypes = parse_variants([TINY])
    matching = match(score, genotypes, keep_ambiguous)
    terms = terms_of(score, genotypes, matching)
    printed = plink_sums(TINY, terms, digits_of(terms), tmp_path)
    expected = printed @ (UNIT * 100.0 ** np.arange(DIGITS))
    ours = sums_of(score, genotypes, ambiguous="keep" if keep_ambiguous else "drop").total
    assert len(expected) == 3202
    assert np.abs(ours - expected).max() < 1e-9


def test_missing_calls_are_imputed_as_plink2_does(tmp_path):
    with gzip.open(TINY, "rt") as file:
        lines = [line for line in file if line.startswith(("#", "10\t", "18\t"))]
    cut = [
        line if line.startswith("#") else line.replace("0|1", "./.", number % 90 + 1)
        for number, line in enumerate(lines)
    ]
    vcf = tmp_path / "missing.vcf"
    vcf.write_text("".join(cut))
    score = parse_scoring_file([DATA / "PGS001229_hmPOS_GRCh38.txt.gz"])
    genotypes = parse_variants([vcf])
    matching = match(score, genotypes)
    sums = sums_of(score, genotypes)
    terms = terms_of(score, genotypes, matching)
    # A column a variant: means are not whole numbers, but one variant's part is printed closely.
    expected = plink_sums(vcf, terms, np.diag([weight for _, _, weight in terms]), tmp_path)
    assert sums.imputed_from_samples == sums.missing_calls > 1000
    assert np.abs(sums.total - expected.sum(axis=1)).max() < 1e-6
