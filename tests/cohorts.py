"""A small cohort of two populations, written as files: VCF, labels, a score."""

from __future__ import annotations

from pathlib import Path

import numpy as np

PEOPLE, SITES, X_SITES = 60, 400, 60
HEADER = """##fileformat=VCFv4.3
##contig=<ID=1,length=248956422>
##contig=<ID=X,length=156040895>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
"""


class Cohort:
    """Half of the people are of population N, half of S; the last of S is of both.

    The first is a child of the third and fifth; odd ones are men. Two extra samples, 'father' and
    'mixed', are not in the table of labels.
    """

    def __init__(self, folder: Path, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        old = rng.uniform(0.2, 0.8, SITES + X_SITES)
        self.frequency = rng.beta(old * 4, (1 - old) * 4, (2, len(old))).clip(0.05, 0.95)
        self.population = np.repeat([0, 1], PEOPLE // 2)
        first = rng.random((PEOPLE, len(old))) < self.frequency[self.population]
        second = rng.random((PEOPLE, len(old))) < self.frequency[self.population]
        first[0], second[0] = first[2], first[4]
        second[-1] = rng.random(len(old)) < self.frequency[0]
        self.haplotypes = first, second
        self.male = np.arange(PEOPLE) % 2 == 0
        self.names = [f"Secret{number}" for number in range(PEOPLE)]
        self.vcf = folder / "cohort.vcf"
        self.labels = folder / "labels.tsv"
        self.score = folder / "score.txt"
        self.weights = rng.normal(0, 0.1, SITES)
        self._write()

    def _write(self) -> None:
        columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
        lines = ["\t".join([*columns, *self.names])]
        for site in range(SITES + X_SITES):
            chromosome = "1" if site < SITES else "X"
            position = 5_000_000 + 1000 * site
            calls = [self.call(person, site) for person in range(PEOPLE)]
            fixed = [chromosome, str(position), ".", "A", "C", ".", ".", ".", "GT"]
            lines.append("\t".join([*fixed, *calls]))
        self.vcf.write_text(HEADER + "\n".join(lines) + "\n")
        rows = ["#IID\tPAT\tMAT\tSEX\tgroup"]
        for person, name in enumerate(self.names[:-1]):
            parents = "Secret2\tSecret4" if person == 0 else "0\t0"
            rows.append(f"{name}\t{parents}\t1\t{'NS'[self.population[person]]}")
        self.labels.write_text("\n".join(rows) + "\n")
        head = "#pgs_id=PGS999999\n#trait_reported=A trait\n#genome_build=GRCh38\n"
        head += "chr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"
        self.score.write_text(
            head
            + "".join(
                f"1\t{5_000_000 + 1000 * site}\tC\tA\t{weight}\n"
                for site, weight in enumerate(self.weights.tolist())
            )
        )

    def call(self, person: int, site: int) -> str:
        one, two = (int(side[person, site]) for side in self.haplotypes)
        if site >= SITES and self.male[person]:
            return f"{one}|{one}"
        return f"{one}|{two}"

    def dosage(self) -> np.ndarray:
        """Copies of the alternate allele at autosomal sites: (people, sites)."""
        return sum(side[:, :SITES].astype(int) for side in self.haplotypes)
