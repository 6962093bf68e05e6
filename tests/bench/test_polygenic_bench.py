"""Polygenic scores against PLINK 2 and pgscatalog-utils, on cohorts that are made here.

PLINK 2 must be installed (Debian package plink2). pgscatalog-utils is installed from PyPI into an
environment of its own, below ~/.cache/wardround-bench; without a network that comparison is left
out. Every ratio is of the best of a few runs, taken in turns.
"""

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from specialists.polygenic.scoring import Options, score_genotypes
from specialists.readers import worker

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not installed"),
]

PEOPLE, VARIANTS, SCORED = 5_000, 200_000, 100_000
VCF_PEOPLE, VCF_VARIANTS = 3_000, 30_000
GENOME_ROWS, GENOME_SCORED = 3_000_000, 1_000_000
TURNS = 3
LIMITS = worker.Limits(cpu_s=600, wall_s=900)
KEEP = Options(ambiguous="keep")


def run(folder: Path, *command: str) -> float:
    """Run a command; gives the largest memory of any command so far, in MiB."""
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def memory_of_workers() -> float:
    """The most that any reader process has held, in MiB."""
    most = 0.0
    for process in worker._pool._idle:
        status = Path(f"/proc/{process._process.pid}/status").read_text()
        most = max(most, float(status.split("VmHWM:")[1].split()[0]) / 1024)
    return most


def compared(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """In turns, so that what else the machine does falls on both."""
    ours()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(TURNS)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{text}\n")


def write_score(folder: Path, name: str, rows: list[list[str]], seed: int) -> Path:
    """A score of these rows of a .pvar, for us (with a header) and for PLINK 2."""
    chance = np.random.default_rng(seed)
    swap, weight = chance.random(len(rows)) < 0.5, chance.normal(0, 0.01, len(rows))
    ours = ["#genome_build=GRCh38",
            "rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight"]  # fmt: skip
    theirs = []
    for number, (chromosome, position, identifier, reference, alternate, *_) in enumerate(rows):
        effect, other = (reference, alternate) if swap[number] else (alternate, reference)
        w = f"{weight[number]:.6f}"
        ours.append(f"{identifier}\t{chromosome}\t{position}\t{effect}\t{other}\t{w}")
        theirs.append(f"{identifier}\t{effect}\t{w}")
    (folder / f"{name}.txt").write_text("\n".join(ours) + "\n")
    (folder / f"{name}.weights").write_text("\n".join(theirs) + "\n")
    return folder / f"{name}.txt"


def dummy(folder: Path, people: int, variants: int) -> list[list[str]]:
    """A fileset `cohort` that PLINK 2 makes up; gives the rows of its .pvar."""
    made = ["--dummy", str(people), str(variants), "0.005", "acgt", "--seed", "3"]
    run(folder, "plink2", *made, "--out", "cohort")
    text = (folder / "cohort.pvar").read_text()
    # Positions start at 0 there, which is none.
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    rows = [[row[0], str(int(row[1]) + 1), *row[2:]] for row in lines]
    body = "".join("\t".join(row) + "\n" for row in rows)
    (folder / "cohort.pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\n" + body)
    return rows


@pytest.fixture(scope="module")
def readers():
    worker.configure(LIMITS)
    yield
    worker.configure(worker.Limits())


@pytest.fixture(scope="module")
def biobank(tmp_path_factory, readers) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("biobank")
    rows = dummy(folder, PEOPLE, VARIANTS)
    scores = []
    for number in range(10):
        chosen = np.sort(np.random.default_rng(number).permutation(VARIANTS)[:SCORED])
        some = [rows[at] for at in chosen.tolist()]
        scores.append(write_score(folder, f"score{number}", some, number))
    return folder, scores


def test_a_score_of_a_pgen_keeps_up_with_plink2(capsys, biobank):
    folder, scores = biobank
    command = ["plink2", "--pfile", "cohort", "--score", "score0.weights", "1", "2", "3"]
    memory: list[float] = []
    ours, theirs = compared(
        lambda: score_genotypes([folder / "cohort.pgen"], scores[:1], KEEP),
        lambda: memory.append(run(folder, *command, "cols=scoresums", "--out", "out")),
    )
    sums = score_genotypes([folder / "cohort.pgen"], scores[:1], KEEP).tallies[0].sums.total
    told = (folder / "out.sscore").read_text().splitlines()[1:]
    gap = np.abs(sums - [float(row.split("\t")[-1]) for row in told]).max()
    held = memory_of_workers()
    tell(
        capsys,
        f"{PEOPLE:,} people x {VARIANTS:,} variants in a .pgen, {SCORED:,} weights:"
        f" {ours:.2f} s and {held:.0f} MiB, plink2 {theirs:.2f} s and {memory[-1]:.0f} MiB:"
        f" ratios {ours / theirs:.2f} (target 2) and {held / memory[-1]:.2f} (target 2);"
        f" sums differ by at most {gap:.1e} (plink2 prints six digits)",
    )
    assert gap < 1e-5
    assert ours <= 2 * theirs
    assert held <= 2 * memory[-1]


def test_ten_scores_at_once_take_at_most_three_times_one(capsys, biobank):
    folder, scores = biobank
    ten, one = compared(
        lambda: score_genotypes([folder / "cohort.pgen"], scores, KEEP),
        lambda: score_genotypes([folder / "cohort.pgen"], scores[:1], KEEP),
    )
    tell(
        capsys,
        f"ten scores at once: {ten:.2f} s, one {one:.2f} s: ratio {ten / one:.2f} (target 3)",
    )
    assert ten <= 3 * one


def test_a_vcf_of_a_cohort_keeps_up_with_plink2(capsys, tmp_path, readers):
    rows = dummy(tmp_path, VCF_PEOPLE, VCF_VARIANTS)
    run(tmp_path, "plink2", "--pfile", "cohort", "--export", "vcf", "bgz", "--out", "cohort")
    score = write_score(tmp_path, "score", rows, 1)
    command = ["plink2", "--vcf", "cohort.vcf.gz", "--score", "score.weights", "1", "2", "3"]
    ours, theirs = compared(
        lambda: score_genotypes([tmp_path / "cohort.vcf.gz"], [score], KEEP),
        lambda: run(tmp_path, *command, "cols=scoresums", "--out", "out"),
    )
    tell(
        capsys,
        f"VCF of {VCF_PEOPLE:,} people x {VCF_VARIANTS:,} variants, as many weights: {ours:.2f} s,"
        f" plink2's import and score {theirs:.2f} s: ratio {ours / theirs:.2f} (target 1)",
    )
    assert ours <= theirs
