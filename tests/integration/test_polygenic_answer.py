"""What a genetic counsellor is told: with enough of a score, with too little, without a score."""

import gzip
import random
from pathlib import Path

import pytest

from agent import Agent, Answer, Settings

pytest.importorskip("cyvcf2")

DATA = Path(__file__).parents[1] / "data" / "genomics"
QUESTION = "What is this person's genetic risk of breast cancer?"
HEADER = """##fileformat=VCFv4.3
##contig=<ID=1,length=248956422>
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tJaneDoe
"""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def person(tmp_path) -> Path:
    """All variants of PGS000001 in one person."""
    text = gzip.decompress((DATA / "PGS000001_hmPOS_GRCh38.txt.gz").read_bytes()).decode()
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    column = {name: number for number, name in enumerate(lines[0])}
    draw = random.Random(1)
    rows = sorted(
        (int(line[column["hm_chr"]]), int(line[column["hm_pos"]]),
         line[column["other_allele"]], line[column["effect_allele"]])
        for line in lines[1:]
    )  # fmt: skip
    path = tmp_path / "person.vcf"
    path.write_text(
        HEADER
        + "".join(
            f"{chromosome}\t{position}\t.\t{other}\t{effect}\t.\t.\t.\tGT"
            f"\t{draw.choice(['0|0', '0|1', '1|1'])}\n"
            for chromosome, position, other, effect in rows
        )
    )
    return path


def ask(question: str, file: Path) -> Answer:
    settings = Settings(gemma_embedded=False)
    with Agent(settings) as agent:
        return agent.ask(question, [file])


def test_trait_of_the_question_is_the_score_and_nothing_is_called_high(home, person):
    answer = ask(QUESTION, person)
    text = " ".join(one.text for one in answer.statements)
    assert "PGS000001 (Breast cancer) of sample 1" in text
    assert "70 of the score's 77 variants" in text
    assert "By itself the score PGS000001 of sample 1 does not say" in answer.model_dump_json()
    assert "high risk" not in text.lower()
    assert "JaneDoe" not in answer.model_dump_json()
    left = " ".join(answer.not_assessed)
    assert "BRCA1" in left and "Family history" in left and "Absolute risk" in left


def test_too_small_overlap_says_what_it_means_and_what_helps(home):
    answer = ask(QUESTION, DATA / "tiny1000G.vcf.gz")
    text = answer.model_dump_json()
    assert "says nothing of the genetic risk of breast cancer" in text
    assert "imputed to a reference panel" in text
    assert "GRCh38" in text and "PGS000001" in text
    assert not any(one.kind == "measurement" for one in answer.statements)


@pytest.mark.parametrize(
    ("question", "score"),
    [
        ("Genetic risk of ER-positive breast cancer?", "PGS000002"),
        ("¿Cuál es el riesgo genético de cáncer de mama?", "PGS000001"),
        ("polygenic risk of breast cancer with PGS004255?", "PGS004255"),
    ],
)
def test_longest_word_and_a_named_id_decide_on_the_score(home, person, question, score):
    answer = ask(question, person)
    assert answer.plan is not None
    assert [call.arguments.get("score") for call in answer.plan.calls] == [score]
