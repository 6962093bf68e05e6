"""One cohort in every format: the sums are those of PLINK 2 (Debian package plink2)."""

import gzip
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from specialists.polygenic.run import Options
from specialists.polygenic.scoring import parse_and_score
from specialists.readers.variants import inspect_variants

for library in ("cyvcf2", "pgenlib", "zstandard"):
    pytest.importorskip(library)
pytestmark = pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed")

DATA = Path(__file__).parents[1] / "data" / "genomics"
EXPORTS = {
    "pgen": ["--make-pgen"],
    "pgen, zstd": ["--make-pgen", "vzs"],
    "bed": ["--make-bed"],
    "bgen 1.1": ["--export", "bgen-1.1"],
    "bgen 1.2, phased": ["--export", "bgen-1.2", "bits=8"],
    "bgen 1.3": ["--export", "bgen-1.3", "bits=16"],
    "bgen 1.2, 11 bits": ["--export", "bgen-1.2", "bits=11"],
    "bcf": ["--export", "bcf"],
    "vcf": ["--export", "vcf", "bgz"],
    "vcf, plain": ["--export", "vcf"],
}
COLUMNS = 10
ENDINGS = {"pgen": ".pgen", "bed": ".bed", "bgen": ".bgen", "bcf": ".bcf"}


def plink2(folder: Path, *arguments: str) -> None:
    subprocess.run(["plink2", *arguments], cwd=folder, check=True, capture_output=True)


def made(folder: Path, missing: bool) -> Path:
    """3,202 people with sexes; chromosome 21 stands for MT and 22 for Y."""
    named = {"21": "MT", "22": "Y"}
    people = [line.split("\t") for line in (DATA / "ref.psam").read_text().splitlines()]
    sex_of = {row[0]: row[people[0].index("SEX")] for row in people[1:]}
    with gzip.open(DATA / "tiny1000G.vcf.gz", "rt") as file:
        lines = file.readlines()
    with (folder / "raw.vcf").open("w") as file:
        for number, line in enumerate(lines):
            name, tab, rest = line.partition("\t")
            if line.startswith("#CHROM"):
                women = [n for n, label in enumerate(line.split()) if sex_of.get(label) == "2"]
            if name == "22":
                rest = without(rest, [n - 1 for n in women])
            if missing and not line.startswith("#") and number % 3 == 0:
                rest = rest.replace("\t0|1", "\t.|.", number % 40)
            file.write(named.get(name, name) + tab + rest)
    sexes = ["#IID\tSEX", *(f"{label}\t{sex}" for label, sex in sex_of.items())]
    (folder / "sex.txt").write_text("\n".join(sexes) + "\n")
    plink2(folder, "--vcf", "raw.vcf", "--update-sex", "sex.txt", "--make-pgen", "--out", "all")
    write_scores(folder)
    return folder


def without(rest: str, women: list[int]) -> str:
    cells = rest.rstrip("\n").split("\t")
    for number in women:
        cells[number] = ".|."
    return "\t".join(cells) + "\n"


def write_scores(folder: Path) -> None:
    """Scores of neighbouring variants, small enough for PLINK 2 to print them to a millionth."""
    rows = [line.split() for line in (folder / "all.pvar").read_text().splitlines()]
    chance = np.random.default_rng(7)
    columns = "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight"
    ours = [["#genome_build=GRCh38", columns] for _ in range(COLUMNS)]
    theirs = []
    for number, (chromosome, position, identifier, reference, alternate, *_) in enumerate(rows):
        pair = sorted((reference, alternate))
        if chromosome.startswith("#") or pair in (["A", "T"], ["C", "G"]):
            continue
        effect, other = chance.permutation([reference, alternate])
        weight = int(chance.integers(-9, 10)) / 5000
        of = number * COLUMNS // len(rows)
        ours[of].append(f"{chromosome}\t{position}\t{effect}\t{other}\t{weight}")
        weights = [str(weight if of == column else 0) for column in range(COLUMNS)]
        theirs.append("\t".join([identifier, effect, *weights]))
    (folder / "theirs.txt").write_text("\n".join(theirs) + "\n")
    for number, lines in enumerate(ours):
        (folder / f"ours{number}.txt").write_text("\n".join(lines) + "\n")


def sums_of_plink2(folder: Path) -> np.ndarray:
    """Shape (people, columns)."""
    command = ["--pfile", "all", "--score", "theirs.txt", "1", "2", "cols=scoresums"]
    plink2(folder, *command, "--score-col-nums", f"3-{COLUMNS + 2}", "--out", "sums")
    rows = (folder / "sums.sscore").read_text().splitlines()[1:]
    return np.array([[float(cell) for cell in row.split("\t")[1:]] for row in rows])


def our_sums(path: Path, scores: Path) -> np.ndarray:
    files = [scores / f"ours{number}.txt" for number in range(COLUMNS)]
    found = parse_and_score([path], files, **asdict(Options()))
    for tally in found.tallies:
        assert tally.counts["used"] > 50
    return np.stack([tally.sums.total for tally in found.tallies], axis=1)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> tuple[Path, np.ndarray]:
    folder = made(tmp_path_factory.mktemp("cohort"), missing=False)
    return folder, sums_of_plink2(folder)


@pytest.mark.parametrize("export", EXPORTS)
def test_sums_are_those_of_plink2_in_every_format(cohort, export):
    folder, expected = cohort
    word = export.split(",")[0].split(" ")[0]
    out = folder / export.replace(",", "").replace(" ", "_").replace(".", "_")
    plink2(folder, "--pfile", "all", *EXPORTS[export], "--out", out.name)
    ending = ENDINGS.get(word) or (".vcf" if export.endswith("plain") else ".vcf.gz")
    path = out.with_name(out.name + ending)
    assert (inspect_variants([path]).samples, inspect_variants([path]).variants) == (3202, 1004)
    assert np.abs(our_sums(path, folder) - expected).max() < 1e-6


@pytest.mark.parametrize("ending", [".pgen", ".bed"])
def test_missing_calls_are_filled_as_plink2_does(tmp_path, ending):
    folder = made(tmp_path, missing=True)
    plink2(folder, "--pfile", "all", "--make-bed", "--out", "all")
    sums = our_sums(folder / f"all{ending}", folder)
    assert np.abs(sums - sums_of_plink2(folder)).max() < 1e-6


def test_dosages_of_a_pgen_are_those_that_plink2_sums(tmp_path):
    made(tmp_path, missing=False)
    dosages = ["--dummy", "2000", "1004", "0.02", "acgt", "dosage-freq=0.5", "--seed", "5"]
    plink2(tmp_path, *dosages, "--make-pgen", "--out", "dummy")
    # The dummy's calls under the names of the cohort's variants.
    for ending in (".pgen", ".psam"):
        shutil.copy(tmp_path / f"dummy{ending}", tmp_path / f"all{ending}")
    assert np.abs(our_sums(tmp_path / "all.pgen", tmp_path) - sums_of_plink2(tmp_path)).max() < 1e-5
