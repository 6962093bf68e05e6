from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from specialists.base import Reading, Source
from specialists.errors import GenomeBuildMismatch, InvalidInput, UnreadableFile
from specialists.polygenic.panel import Panel, installed, load_panel, panel_path, save_panel
from specialists.polygenic.panel_build import build_panel
from specialists.polygenic.panel_labels import read_labels
from specialists.polygenic.panel_placement import place
from specialists.polygenic.reference import LinearScore
from specialists.polygenic.spec import PolygenicRequest, PolygenicResult
from specialists.schema import Manifest
from tests.cohorts import PEOPLE, Cohort

pytest.importorskip("cyvcf2")
pytest.importorskip("safetensors")

MIXED = PEOPLE


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    return Cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="module")
def panel(cohort) -> Panel:
    return build_panel(
        [cohort.vcf],
        cohort.labels,
        "small",
        title="Two valleys",
        column="group",
        scores=[cohort.score],
        components=6,
    )


@pytest.fixture
def home(tmp_path, monkeypatch, panel) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    save_panel(panel, panel_path("small"))
    return tmp_path


def read(cohort: Cohort, **options) -> Reading:
    genotypes = Source((cohort.vcf,), Manifest(kind="variants", format="VCF"))
    score = Source((cohort.score,), Manifest(kind="scoring_file", format="PGS"))
    inputs = {"genotypes": [genotypes], "score": [score]}
    return LinearScore().read(inputs, PolygenicRequest(**options), lambda share, doing: None)


def result_of(cohort: Cohort, **options) -> PolygenicResult:
    result = read(cohort, **options).result
    assert isinstance(result, PolygenicResult)
    return result


def test_panel_holds_the_labelled_people_without_children(panel):
    assert panel.cohort.names == ("N", "S")
    assert np.bincount(panel.cohort.population).tolist() == [29, 29]
    assert panel.genome_build == "GRCh38"
    assert 100 <= len(panel.sites) <= 400
    assert set(panel.sites.chromosome.tolist()) == {1}
    assert set(panel.sex_sites.chromosome.tolist()) == {23}


def test_panel_holds_no_names(panel, tmp_path):
    save_panel(panel, tmp_path / "some.safetensors")
    assert b"Secret" not in (tmp_path / "some.safetensors").read_bytes()


def test_scores_of_a_panel_are_plain_sums(cohort, panel):
    (score,) = panel.scores
    expected = (cohort.dosage() @ cohort.weights)[1:-1]
    assert score.values == pytest.approx(expected, abs=1e-6)
    assert score.name == "PGS999999"


def test_panel_is_read_as_it_was_written(panel, tmp_path):
    path = tmp_path / "some.safetensors"
    save_panel(panel, path)
    again = load_panel(path)
    assert again.cohort.names == panel.cohort.names
    assert again.title == "Two valleys"
    assert again.cohort.components == pytest.approx(panel.cohort.components, rel=1e-5)
    assert np.array_equal(again.scores[0].values, panel.scores[0].values)


def test_what_is_no_panel_is_refused(tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"no panel at all")
    with pytest.raises(UnreadableFile):
        load_panel(path)


@pytest.mark.parametrize("name", ["../up", "a/b", "Upper", "", ".hidden"])
def test_panels_name_cannot_lead_elsewhere(name, home):
    with pytest.raises(InvalidInput, match="name is made of"):
        panel_path(name)


def test_panel_that_is_not_there_names_those_that_are(cohort, home):
    assert installed() == ["small"]
    with pytest.raises(InvalidInput, match="Installed: small"):
        read(cohort, sample=1, panel="other")


def test_labels_are_found_by_their_usual_names(tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("sample,population\nA,N\nB,\nC,S\n")
    assert read_labels(table).of(["C", "B", "A", "D"]) == ["S", None, "N", None]


def test_table_without_labels_is_refused(cohort, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("sample,colour\nA,red\n")
    with pytest.raises(InvalidInput, match="no column for populations"):
        read_labels(table)
    table.write_text("sample,pop\nSecret1,N\n")
    with pytest.raises(InvalidInput, match="two or more populations"):
        build_panel([cohort.vcf], table, "few")


def test_person_is_placed_with_their_population(cohort, home):
    result = result_of(cohort, sample=10, panel="small")
    (standing,) = result.standings
    assert (standing.nearest, standing.mixed, standing.low_confidence) == ("N", False, False)
    assert standing.candidates[0].weight > 0.8
    (score,) = result.risk_scores
    values = (cohort.dosage() @ cohort.weights)[1:30]
    own = values[8]
    rank = np.count_nonzero(values < own) + np.count_nonzero(values <= own) + 1
    assert score.percentile == pytest.approx(50 * rank / 29)
    assert score.reference == "the people of N in the reference panel small"
    assert standing.percentile_low < standing.percentile < standing.percentile_high
    assert f"percentile {score.percentile:.1f}" in score.text


def test_person_of_mixed_ancestry_has_all_candidates_and_no_single_label(cohort, home):
    result = result_of(cohort, sample=MIXED, panel="small")
    (standing,) = result.standings
    assert standing.mixed
    assert standing.percentile is None
    weights = {one.population: one.weight for one in standing.candidates}
    assert weights["N"] == pytest.approx(0.5, abs=0.2)
    assert all(one.percentile is not None for one in standing.candidates)
    (score,) = result.risk_scores
    assert score.percentile == standing.percentile_adjusted
    assert "adjusted for ancestry" in (score.reference or "")
    texts = " ".join(one.text for one in result.measurements)
    assert "lies between populations" in texts
    assert "none of these groups is the person's own" in texts


def test_panel_named_default_is_used_unasked(cohort, home, panel):
    assert result_of(cohort, sample=10).standings == ()
    save_panel(panel, panel_path("default"))
    assert len(result_of(cohort, sample=10).standings) == 1


def test_person_is_drawn_among_reference_people(cohort, home):
    for sample, title in ((10, "among people of N"), (MIXED, "adjusted for ancestry")):
        (picture,) = read(cohort, sample=sample, panel="small").pictures
        assert title in picture.title


def test_panel_on_another_build_is_refused_by_name_and_left_out_as_default(
    cohort, home, panel, tmp_path
):
    other = replace(panel, genome_build="GRCh37", name="old")
    save_panel(other, panel_path("old"))
    with pytest.raises(GenomeBuildMismatch, match="GRCh37"):
        read(cohort, sample=10, panel="old")
    save_panel(other, panel_path("default"))
    result = result_of(cohort, sample=10)
    assert result.standings == ()
    assert any("it was not used" in text for text in result.warnings)


def test_score_is_not_compared_where_much_of_it_is_missing(cohort, home, tmp_path):
    thin = Cohort(tmp_path)
    lines = thin.vcf.read_text().splitlines()
    head = sum(line.startswith("#") for line in lines)
    kept = [*lines[:head], *(line for n, line in enumerate(lines[head:]) if n % 4 or n > 400)]
    thin.vcf.write_text("\n".join(kept) + "\n")
    result = result_of(thin, sample=10, panel="small", min_overlap=0.5)
    (standing,) = result.standings
    assert standing.shared == pytest.approx(0.75, abs=0.1)
    assert standing.z_norm2 is None
    assert any("was not compared" in text for text in result.warnings)


def test_missing_variants_are_filled_with_the_reference_mean(cohort, panel):
    path = cohort.vcf.parent / "panel.safetensors"
    save_panel(panel, path)
    lines = cohort.vcf.read_text().splitlines()
    head = sum(line.startswith("#") for line in lines)
    some = cohort.vcf.parent / "some.vcf"
    some.write_text("\n".join([*lines[:head], *lines[head + 20 :]]) + "\n")
    found = place([some], [10], [cohort.score], path).scores[0]
    assert found is not None
    assert found.filled.tolist() == [20]
    mean = panel.scores[0].expected[:20].sum()
    own = (cohort.dosage()[9, 20:] * cohort.weights[20:]).sum()
    assert found.totals[0] == pytest.approx(own + mean, abs=1e-6)


def test_absolute_risk_needs_both_facts_of_the_caller(cohort, home):
    facts = {"population_risk": 0.12, "odds_ratio_per_sd": 1.6}
    result = result_of(cohort, sample=10, panel="small", risk_period="to age 80", **facts)
    (risk,) = result.absolute_risks
    assert 0.01 < risk.low < risk.probability < risk.high < 0.5
    text = next(one.text for one in result.measurements if one.name.startswith("absolute risk"))
    assert "that the caller gave" in text and "to age 80" in text
    for one in facts:
        partly = result_of(cohort, sample=10, panel="small", **{one: facts[one]})
        assert partly.absolute_risks == ()
        assert any("needs both" in text for text in partly.warnings)
    without = result_of(cohort, sample=10, **facts)
    assert without.absolute_risks == ()
    assert any("reference panel" in text for text in without.warnings)


def test_nothing_is_called_high_and_no_name_gets_out(cohort, home):
    result = result_of(cohort, sample=10, panel="small")
    text = result.model_dump_json()
    assert "Secret" not in text
    assert "high risk" not in text.lower()
    assert "risk" not in result.summary.lower()


def test_ancestry_is_no_longer_among_what_was_not_assessed(cohort, home):
    told = result_of(cohort, sample=10, panel="small").not_assessed
    assert not any(text.startswith("Ancestry") for text in told)
    assert any(text.startswith("Ancestry") for text in result_of(cohort, sample=10).not_assessed)


def test_file_of_many_says_that_a_person_must_be_named(cohort):
    told = result_of(cohort).not_assessed
    assert any("60 samples and none was named" in text for text in told)


def test_panel_without_the_score_still_tells_ancestry_and_quality(cohort, home, panel):
    save_panel(replace(panel, scores=()), panel_path("small"))
    result = result_of(cohort, sample=10, panel="small")
    (standing,) = result.standings
    assert (standing.nearest, standing.percentile) == ("N", None)
    assert any("does not have this score" in text for text in result.warnings)
    assert any("does not say whether it is more or less" in text for text in result.warnings)
    assert next(one for one in result.quality if one.name == "call rate").value == 1


def test_part_of_a_score_says_what_the_whole_may_be(cohort, home, tmp_path):
    short = Cohort(tmp_path)
    lines = short.vcf.read_text().splitlines()
    head = sum(line.startswith("#") for line in lines)
    short.vcf.write_text("\n".join(lines[: head + 200]) + "\n")
    save_panel(
        build_panel([short.vcf], short.labels, "short", column="group", scores=[short.score]),
        panel_path("short"),
    )
    result = result_of(short, sample=10, panel="short", min_overlap=0.2)
    assert "this part of the score is at percentile" in result.risk_scores[0].text
    assert any("may lie anywhere from percentile" in text for text in result.warnings)
