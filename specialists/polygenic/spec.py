"""What `score_polygenic_risk` takes and gives."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from specialists.base import BackendSpec, Request, SpecialistSpec
from specialists.polygenic.meaning import AbsoluteRisk, JointRisk, QualityCheck, Standing
from specialists.polygenic.trait_words import TRAIT_WORDS
from specialists.schema import Accepts, Data, SpecialistResult, TableLink

__all__ = ["SPEC", "MatchCounts", "PolygenicRequest", "PolygenicResult"]


class PolygenicRequest(Request):
    """Options of `score_polygenic_risk`."""

    score: str | None = None
    """Which score: a PGS Catalog id (PGS001229) or a trait, or several with commas between; None
    where scoring files are given."""
    min_overlap: float = Field(default=0.75, ge=0, le=1)
    """Least share of the score's variants that must be usable; less is an error."""
    keep_ambiguous: bool = False
    """Also use variants whose strand cannot be told (A/T and C/G), as if on the same strand; by
    default only those whose strand allele frequencies tell."""
    sample: int | str | None = None
    """One sample, by its position in the file (from 1) or its label; None for all."""
    absent_means_reference: bool = False
    """For whole genomes that list only differences: count variants without a row (in a gVCF: in a
    stretch like the reference) as homozygous for the reference. Refused where the score's other
    alleles are not the reference alleles, unless reference_genome says which are."""
    reference_genome: str | None = None
    """Reference genome, an indexed FASTA file (.fai beside it), for absent_means_reference."""
    match_report: bool = False
    """Also give a table of what became of each variant of the score; no genotypes are in it."""
    chain: str | None = None
    """Chain file (UCSC) to lift the score's positions over to the build of the genotypes."""
    genotype_field: Literal["GT", "DS"] = "GT"
    """DS: use imputed dosages where a row has them."""
    panel: str | None = None
    """Name of an installed reference panel to compare people with; None takes the one named
    'default', if there is one."""
    ancestry_method: Literal["mahalanobis", "random_forest"] = "mahalanobis"
    """How the nearest population of the panel is found; random_forest needs scikit-learn."""
    sex: Literal["female", "male"] | None = None
    """The person's sex as it is known, to check the sample against."""
    population_risk: float | None = Field(default=None, gt=0, lt=1)
    """Average risk of the disease in people like this one, over the period that risk_period
    names; needed, with odds_ratio_per_sd, for an absolute risk."""
    odds_ratio_per_sd: float | None = Field(default=None, gt=0.05, lt=20)
    """The score's odds ratio per standard deviation, in people like this one."""
    age_years: int | None = Field(default=None, ge=0, le=120)
    """The person's age; needed by a joint model."""
    joint_model: str | None = None
    """Name of an installed joint model, which reads many scores of one person together with age
    and sex; none ships."""
    joint_disease: str | None = None
    """Which of the joint model's diseases; may be left out where it has one."""
    risk_period: str | None = Field(default=None, max_length=40)
    """What population_risk is over, such as 'to age 80'."""


class MatchCounts(Data):
    """What became of a score's variants. Every count is of variants unless it says calls."""

    variants: int
    """In the score."""
    without_position: int
    """The scoring file gives no place on a chromosome of the build."""
    positions_found: int
    """The genotypes have a row that starts at the same place."""
    alleles_matched: int
    """Of those found: the alleles are those of the row, as they are or on the other strand."""
    alleles_mismatched: int
    """Of those found: the row has other alleles."""
    strand_flipped: int
    """Of those matched: on the other strand."""
    effect_is_reference: int
    """Of those matched: the effect allele is the reference allele."""
    without_other_allele: int
    """Of those matched: by the effect allele alone, as the score names no other."""
    ambiguous: int
    """Of those matched: the strand cannot be told (A/T, C/G)."""
    ambiguous_dropped: int
    ambiguous_by_frequency: int = 0
    """Of those ambiguous: the score's and the samples' allele frequencies tell the strand."""
    duplicates_dropped: int
    """Another variant of the score had matched the same row and allele."""
    uncalled: int
    """Of those matched: no sample has a call."""
    used: int
    """Went into the sums."""
    absent: int
    """Have a position, but the genotypes have no row there."""
    absent_as_reference: int
    """Of those absent: counted as carrying no effect allele, as was asked."""
    missing_calls: int = 0
    """Calls, over all samples, that were missing among the variants used."""
    calls_imputed_from_samples: int = 0
    """Missing calls given the mean of the file's other samples (50 or more with a call)."""
    calls_imputed_from_frequency: int = 0
    """Missing calls given what the scoring file's effect allele frequency leads to expect."""
    calls_left_out: int = 0
    """Missing calls that nothing could stand in for."""


class ScoreCounts(Data):
    """How one of several scores met the genotypes."""

    name: str
    weights_sha256: str
    """Of its scoring file."""
    counts: MatchCounts


class PolygenicResult(SpecialistResult):
    """Scores of one or several samples, and how the score met the genotypes."""

    tables: tuple[TableLink, ...] = ()
    """What became of each variant, one table a score, where match_report asked for it."""
    counts: MatchCounts
    """Of the score; of the first one, where there are several."""
    scores: tuple[ScoreCounts, ...] = ()
    """Each score's own counts, where there are several."""
    genome_build: str | None
    """Build of the positions that were compared; None where neither file states it."""
    samples: int
    """Samples that were scored."""
    standings: tuple[Standing, ...] = ()
    """Where the listed samples stand in the reference panel."""
    quality: tuple[QualityCheck, ...] = ()
    """Hints on the listed samples' genotyping."""
    absolute_risks: tuple[AbsoluteRisk, ...] = ()
    """Only where the caller gave an average risk and an effect."""
    joint_risks: tuple[JointRisk, ...] = ()
    """Only where the caller named an installed joint model."""


SPEC = SpecialistSpec(
    name="score_polygenic_risk",
    title="Polygenic score",
    description=(
        "Computes a published polygenic score (PGS Catalog) from a person's or a cohort's "
        "genotypes: a VCF, BCF, BGEN or PLINK file, and a PGS id, a trait or a scoring file. "
        "Gives the score, "
        "its percentile within the file's own cohort, and how many variants were matched. Not "
        "for single-gene (monogenic) variants such as BRCA1, for absolute risk or for diagnosis."
    ),
    takes="VCF, BCF, BGEN or PLINK; PGS ids, a trait or scoring files",
    gives="score, percentile in a reference population or the file's cohort, matched variants",
    accepts=(
        Accepts(
            role="genotypes",
            description="genotypes as VCF, BCF, BGEN or PLINK, on GRCh37 or GRCh38",
            kinds=("variants",),
            maximum=26,
        ),
        Accepts(
            role="score",
            description="a PGS Catalog scoring file",
            kinds=("scoring_file",),
            required=False,
            maximum=50,
        ),
        Accepts(
            role="chain",
            description="a chain file (UCSC) between GRCh37 and GRCh38",
            kinds=("chain_file",),
            required=False,
        ),
        Accepts(
            role="reference_genome",
            description="a reference genome as FASTA with its index (.fai)",
            kinds=("reference_genome",),
            required=False,
        ),
    ),
    request=PolygenicRequest,
    result=PolygenicResult,
    backends=(
        BackendSpec(
            name="reference",
            target="specialists.polygenic.reference:LinearScore",
            requires=("cyvcf2",),
            memory_gib=0.5,
            install='pip install "wardround[genomics]"',
        ),
    ),
    keywords=(
        "polygenic", "polygenic score", "polygenic risk", "genetic risk", "genetic score",
        "genetic predisposition", "hereditary risk", "inherited risk", "prs", "pgs", "genotype",
        "genotypes", "genome", "genomes", "vcf", "bcf", "dna", "allele", "alleles",
        "poligénico", "poligénica", "riesgo genético", "riesgo poligénico", "genoma",
        "predisposición genética", "hereditario",
        "polygénique", "risque génétique", "score polygénique", "génome",
        "prédisposition génétique", "héréditaire",
        "polygen", "polygener", "genetisches risiko", "erbliches risiko", "genom", "erbgut",
        "genetische veranlagung",
        "risco genético", "risco poligênico", "escore poligênico", "predisposição genética",
        "hereditário",
        "多基因", "多基因风险评分", "遗传风险", "基因组", "基因型", "遗传易感性",
    ),
    timeout_s=300.0,
    option_words={"score": TRAIT_WORDS},
)  # fmt: skip
