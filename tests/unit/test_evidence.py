"""A tool's structured result becomes evidence."""

import pytest

from agent.evidence import PERCENTILE, evidence_from
from specialists.schema import (
    Evidence,
    Finding,
    Measurement,
    Narrative,
    PredictionSet,
    Provenance,
    RiskScore,
    SpecialistResult,
)

PROVENANCE = Provenance(
    specialist="report_chest_xray",
    backend="reference",
    model="m",
    version="1",
    evaluated_on="AUC 0.9 on 100 films.",
)


def said(**parts) -> list[Evidence]:
    result = SpecialistResult(summary="s", provenance=PROVENANCE, **parts)
    return evidence_from("tool", ["A1", "A2"], result.model_dump(mode="json"), 1)


def risk(**changed) -> RiskScore:
    fields = {
        "name": "PGS000001",
        "trait": "breast cancer",
        "sample": "sample 1",
        "value": 1.2345,
        "average": 0.01,
        "percentile": 84.2,
        "reference": "EUR",
        "overlap": 0.974,
        "text": "The polygenic score PGS000001 (breast cancer) of sample 1 is 1.2345.",
    }
    return RiskScore(**{**fields, **changed})


def test_finding_keeps_assertion_side_and_probability():
    finding = Finding(
        name="pneumonia",
        assertion="present",
        probability=0.9,
        site="lower lobe",
        laterality="left",
        text="Pneumonia in the left lower lobe (0.90).",
    )
    (one,) = said(findings=(finding,))
    assert (one.id, one.tool, one.attachment) == ("E1", "tool", "A1")
    assert one.finding is not None
    assert (one.finding.assertion, one.finding.laterality) == ("present", "left")
    assert (one.value, one.unit) == (0.9, "1")


def test_measurement_keeps_value_and_unit():
    measured = Measurement(name="volume", value=12.5, unit="cm3", text="The volume is 12.5 cm3.")
    (one,) = said(measurements=(measured,))
    assert (one.value, one.unit, one.finding) == (12.5, "cm3", None)


@pytest.mark.parametrize(
    ("labels", "assertion", "value"),
    [(("nevus",), "present", 0.9), (("nevus", "melanoma"), "uncertain", None)],
)
def test_prediction_set_is_uncertain_unless_one_class_is_left(labels, assertion, value):
    one = PredictionSet(
        target="diagnosis",
        labels=labels,
        coverage=0.9,
        probabilities={"nevus": 0.9, "melanoma": 0.1},
        conclusive=len(labels) == 1,
        text="At 90 % coverage: " + " or ".join(labels),
    )
    (evidence,) = said(prediction_sets=(one,))
    assert evidence.finding is not None
    assert (evidence.finding.assertion, evidence.value) == (assertion, value)
    assert evidence.finding.name == " or ".join(labels)


def test_risk_score_gives_score_percentile_and_overlap():
    score, percentile, overlap = said(risk_scores=(risk(),))
    assert (score.value, score.unit) == (1.2345, "1")
    assert (percentile.value, percentile.unit) == (84.2, PERCENTILE)
    assert "84.2 of EUR" in percentile.text
    assert overlap.value == 0.974
    assert "97.4 %" in overlap.text


def test_risk_score_without_reference_gives_no_percentile():
    assert len(said(risk_scores=(risk(percentile=None, reference=None),))) == 2


def test_evidence_is_numbered_from_start():
    result = SpecialistResult(
        summary="s", provenance=PROVENANCE, narrative=Narrative(text="No pneumothorax.")
    )
    (one,) = evidence_from("tool", [], result.model_dump(mode="json"), 7)
    assert (one.id, one.attachment, one.text) == ("E7", None, "No pneumothorax.")


def test_result_of_a_summary_alone_is_that_summary():
    said = SpecialistResult(summary="By its header the image is CT.", provenance=PROVENANCE)
    (piece,) = evidence_from("tool", ["A1"], said.model_dump(mode="json"), 1)
    assert piece.text == "By its header the image is CT."


def test_result_with_more_fields_than_shared_is_read():
    structured = SpecialistResult(
        summary="s", provenance=PROVENANCE, narrative=Narrative(text="A report.")
    ).model_dump(mode="json")
    assert evidence_from("tool", ["A1"], {**structured, "counts": {"used": 3}}, 1)


@pytest.mark.parametrize(
    ("structured", "text"),
    [
        ({"result": "The liver is 1520 mL."}, "The liver is 1520 mL."),
        ({"liver": {"volume_ml": 1520}, "organs": ["liver"]}, "1520"),
        ({"text": "No fracture."}, "No fracture."),
    ],
)
def test_result_of_another_server_is_one_piece_of_text(structured, text):
    (one,) = evidence_from("other", ["A1"], structured, 3)
    assert one.id == "E3"
    assert text in one.text
    assert one.finding is None


def test_empty_result_of_another_server_is_no_evidence():
    assert evidence_from("other", ["A1"], {"result": ""}, 1) == []
