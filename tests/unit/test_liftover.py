import numpy as np
import pytest

from specialists.errors import GenomeBuildMismatch, InvalidInput, UnreadableFile
from specialists.polygenic.scoring import parse_and_score
from specialists.readers import inspect
from specialists.readers.chain_file import Chains, lifted
from specialists.readers.reference_genome import ReferenceGenome
from tests.genomes import score_of

pytest.importorskip("cyvcf2")

# GRCh37 positions 101-110 are 201-210 on GRCh38, 114-118 are 211-215; 501-510 lie on the other
# strand, on chromosome 2, as 242193529-30 … in the order of that strand.
CHAINS = """chain 1000 chr1 249250621 + 100 118 chr1 248956422 + 200 215 1
10 3 0
5

chain 500 chr1 249250621 + 500 510 chr2 242193529 - 1000 1010 2
10

chain 5 chr1 249250621 + 100 105 chr2 242193529 + 900 905 3
5
"""
HEADER = """##fileformat=VCFv4.3
##contig=<ID=1,length=248956422>
##contig=<ID=2,length=242193529>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	ann
"""


@pytest.fixture
def chain(tmp_path):
    path = tmp_path / "a.over.chain"
    path.write_text(CHAINS)
    return path


def test_positions_go_by_the_best_chain(chain):
    chains = Chains.read(chain)
    assert (chains.from_build, chains.to_build) == ("GRCh37", "GRCh38")
    position = np.array([100, 101, 110, 111, 114, 118, 119, 501, 510])
    code, place, turned = chains.lift(np.ones(9, np.uint8), position)
    last = 242193529 - 1000
    assert place.tolist() == [0, 201, 210, 0, 211, 215, 0, last, last - 9]
    assert code.tolist() == [0, 1, 1, 0, 1, 1, 0, 2, 2]
    assert turned.tolist() == [False] * 7 + [True] * 2


def test_alleles_are_read_from_the_strand_they_come_to_lie_on(chain):
    variants = [("1", 101, "A", "G", 1.0), ("1", 501, "A", "G", 1.0), ("1", 502, "C", "", 1.0),
                ("1", 503, "AT", "A", 1.0), ("1", 111, "A", "G", 1.0)]  # fmt: skip
    score = lifted(score_of(variants, build="GRCh37"), Chains.read(chain), "GRCh38")
    effect = [score.alleles[code] for code in score.effect_allele]
    other = [score.alleles[code] if code >= 0 else "" for code in score.other_allele]
    assert (effect[:3], other[:3]) == (["A", "T", "G"], ["G", "C", ""])
    assert score.position.tolist()[3:] == [0, 0]
    assert "3 of 5; 2 have no place there; 2 lie on the other strand" in score.notes[-1]
    assert score.genome_build == "GRCh38"


@pytest.mark.parametrize(("score", "genotypes"), [("GRCh38", "GRCh38"), ("GRCh37", "GRCh37")])
def test_chain_between_other_builds_is_refused(chain, score, genotypes):
    with pytest.raises(GenomeBuildMismatch, match="leads from GRCh37 to GRCh38"):
        lifted(score_of([("1", 101, "A", "G", 1.0)], build=score), Chains.read(chain), genotypes)


@pytest.mark.parametrize("cut", ["10 3 0\n5\n", "5\n\nchain 500", "chain 1000 chr1 249250621 +"])
def test_damaged_chain_is_an_error(tmp_path, cut):
    path = tmp_path / "a.chain"
    path.write_text(CHAINS[: CHAINS.index(cut) + len(cut) // 2])
    with pytest.raises(UnreadableFile):
        Chains.read(path)


def scoring(folder, *rows, build="GRCh37"):
    path = folder / "score.txt"
    head = "chr_name chr_position effect_allele other_allele effect_weight"
    lines = [f"#genome_build={build}", *(line.replace(" ", "\t") for line in (head, *rows))]
    path.write_text("\n".join(lines) + "\n")
    return path


def genotypes(folder, *rows, header=HEADER):
    path = folder / "a.vcf"
    path.write_text(header + "".join(line.replace(" ", "\t") + "\n" for line in rows))
    return path


def test_score_of_another_build_is_lifted_over_only_where_a_chain_is_named(tmp_path, chain):
    file = genotypes(tmp_path, f"1 201 . G A . . . GT 1/1\n2 {242193529 - 1000} . C T . . . GT 0/1")
    score = scoring(tmp_path, "1 101 A G 1", "1 501 A G 10")
    with pytest.raises(GenomeBuildMismatch, match="chain"):
        parse_and_score([file], [score])
    (tally,) = parse_and_score([file], [score], chain=chain).tallies
    assert tally.sums.total.tolist() == [12]
    assert "2 of 2" in tally.score.notes[-1]


@pytest.fixture
def genome(tmp_path):
    """Chromosome 1: ACGT again and again, in lines of 10."""
    text = "ACGT" * 20
    lines = "\n".join(text[n : n + 10] for n in range(0, 80, 10))
    (tmp_path / "g.fa").write_text(f">chr1\n{lines}\n")
    (tmp_path / "g.fa.fai").write_text("chr1\t80\t6\t10\t11\n")
    return tmp_path / "g.fa"


def test_base_of_a_reference_genome(genome):
    at = np.array([1, 10, 11, 80, 81, 0])
    bases = ReferenceGenome.open(genome).bases(np.ones(6, np.uint8), at)
    assert bases.tobytes() == b"ACGTNN"


def test_absent_variants_count_by_the_reference_genome(tmp_path, genome):
    file = genotypes(tmp_path, "1 1 . A G . . . GT 0/1")
    # Of the absent: effect is the reference (C at 2), is not (G at 3), is neither (T at 4), an
    # insertion, no other allele named.
    rows = ["1 1 A G 1", "1 2 C T 10", "1 3 T G 100", "1 5 C G 1000", "1 6 CA C 5", "1 8 T  7"]
    score = scoring(tmp_path, *rows, build="GRCh38")
    with pytest.raises(InvalidInput, match="reference_genome"):
        parse_and_score([file], [score], absent_means_reference=True)
    options = {"absent_means_reference": True, "reference_genome": genome}
    (tally,) = parse_and_score([file], [score], **options).tallies
    assert tally.counts["absent_as_reference"] == 3
    assert tally.sums.total.tolist() == [1 + 2 * 10 + 0 + 2 * 7]


def test_in_a_gvcf_only_what_a_stretch_covers_is_as_the_reference(tmp_path, genome):
    stretch = HEADER.replace("##FORMAT", '##ALT=<ID=NON_REF,Description="Any">\n##FORMAT', 1)
    row = "1 1 . A <NON_REF> . . END=3 GT {}"
    score = scoring(tmp_path, "1 2 T C 1", "1 3 G A 10", "1 7 A G 100", build="GRCh38")
    options = {"absent_means_reference": True, "reference_genome": genome}
    file = genotypes(tmp_path, row.format("0/0"), header=stretch)
    (tally,) = parse_and_score([file], [score], **options).tallies
    assert (tally.counts["used"], tally.counts["absent_as_reference"]) == (2, 0)
    assert tally.sums.total.tolist() == [20]
    file = genotypes(tmp_path, row.format("./."), header=stretch)
    (tally,) = parse_and_score([file], [score], **options).tallies
    assert (tally.counts["used"], tally.counts["uncalled"]) == (0, 2)


def test_chain_and_reference_genome_are_called_by_name(tmp_path, chain, genome):
    kinds = {found.manifest.kind for found in inspect([chain, genome])}
    assert kinds == {"chain_file", "reference_genome"}
