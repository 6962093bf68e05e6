import gzip
import json
import re
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

import jsonschema
import pytest
from pydicom.sr._concepts_dict import concepts

from agent.answer import (
    Answer,
    AnswerProvenance,
    Attachment,
    Call,
    Disagreement,
    Fact,
    Failure,
    Picture,
    Plan,
    Section,
    Statement,
)
from agent.export import codes
from agent.export.dicom import segmentation
from agent.export.doubt import doubt
from agent.export.fhir.bundle import to_fhir
from agent.export.forms import export
from agent.export.html.page import to_html
from agent.export.markdown import to_markdown
from agent.export.material import Material, device_of, devices
from specialists.errors import InvalidInput
from specialists.schema import Evidence, EvidenceFinding, Manifest, Provenance

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CARD = ("Consulted as", "Evaluated on", "Weights", "Terms")
MEANINGS = {
    scheme: {code: told for each in words.values() for code, (told, _) in each.items()}
    for scheme, words in concepts.items()
}


def _model(version: str = "1", weights: str | None = "ab" * 32) -> Provenance:
    return Provenance(
        specialist="report_ct",
        backend="toy",
        model="toy & co",
        version=version,
        weights_sha256=weights,
        evaluated_on="200 cases: AUC 0.90 (0.85 to 0.95).",
        terms="Research only.",
    )


def _evidence(number: int, **fields) -> Evidence:
    told = {"tool": "report_ct", "attachment": "A1", "text": f"Said number {number}."}
    return Evidence(id=f"E{number}", **{**told, **fields})


EVIDENCE = (
    _evidence(
        1,
        finding=EvidenceFinding(
            name="pleural effusion", assertion="present", site="lung", laterality="left"
        ),
        value=0.97,
        unit="1",
    ),
    _evidence(2, finding=EvidenceFinding(name="pneumothorax", assertion="absent"), value=0.02),
    _evidence(3, finding=EvidenceFinding(name="odd <b>thing</b>", assertion="uncertain")),
    _evidence(4, value=-812.123456789, unit="[hnsf'U]"),
    _evidence(5, text="Prose. " * 100),
)


def _answer(**fields) -> Answer:
    whole = {
        "question": "What about <script>alert(1)</script> & the lung?",
        "action": "call",
        "statements": (
            Statement(
                text="A pleural effusion.", kind="finding", citations=("E1",), certainty="probable"
            ),
            Statement(text="It is 3 cm3.", kind="measurement", citations=("E4", "E1")),
            Statement(text="Nothing was said of bones.", kind="limitation"),
        ),
        "evidence": EVIDENCE,
        "attachments": (
            Attachment(id="A1", manifest=Manifest(kind="volume", format="DICOM", modality="CT")),
            Attachment(id="A2"),
        ),
        "not_assessed": ("bones",),
        "caveats": ("the scan is thick",),
        "disagreements": (Disagreement(text="One says so, one not.", citations=("E1", "E2")),),
        "failures": (Failure(tool="toy", code="timed_out", message="Took too long."),),
        "plan": Plan(action="call", calls=(Call(tool="report_ct", attachments=("A1",)),)),
        "pictures": (Picture(title='A "picture"', uri="wardround://pictures/1", tool="report_ct"),),
        "provenance": AnswerProvenance(
            planner="rules",
            composer="plain code",
            checker="rules 1",
            prompts={"route/v1": "cd" * 32},
            models={"report_ct": (_model(),)},
            versions={"wardround": "0.1.0"},
        ),
    }
    return Answer(**{**whole, **fields})


def _bundle(answer: Answer) -> dict:
    return json.loads(to_fhir(Material(answer, now=NOW)))


def _of(bundle: dict, kind: str) -> list[dict]:
    found = [entry["resource"] for entry in bundle["entry"]]
    return [resource for resource in found if resource["resourceType"] == kind]


@pytest.fixture(scope="module")
def schema() -> dict:
    from tests.conftest import DATA

    return json.loads(gzip.decompress((DATA / "fhir" / "r4.schema.json.gz").read_bytes()))


def test_every_standard_code_is_in_the_standard():
    tables = [codes.ASSERTIONS, codes.SIDES, codes.SITES]
    used = [code for table in tables for code in table.values()]
    used += [code for pair in segmentation.TYPES.values() for code in pair]
    used += [segmentation.LEARNT, segmentation.RULES]
    for code in used:
        told = MEANINGS[code.scheme][code.value].lower()
        assert code.meaning.lower().split()[-1][:4] in told, (code, told)
    for unit in set(codes.UNITS) - {"{percentile}"}:
        assert unit in MEANINGS["UCUM"]


def test_a_finding_takes_its_code_from_the_terminology():
    assert codes.finding_code("pleural effusion").value == "60046008"
    assert codes.finding_code("odd thing") is None
    assert codes.private_code("odd thing") == codes.private_code("odd thing")
    assert len(codes.private_code("word " * 40).meaning) <= 64


def test_a_bundle_is_valid_fhir_r4(schema):
    bundle = _bundle(_answer())
    for part in [bundle, *[entry["resource"] for entry in bundle["entry"]]]:
        kind = {"$ref": f"#/definitions/{part['resourceType']}"}
        jsonschema.Draft6Validator({**kind, "definitions": schema["definitions"]}).validate(part)


def test_the_schema_of_the_tests_finds_faults(schema):
    bundle = _bundle(_answer())
    bundle["entry"][0]["resource"]["state"] = "final"
    report = {"$ref": "#/definitions/DiagnosticReport", "definitions": schema["definitions"]}
    assert not jsonschema.Draft6Validator(report).is_valid(bundle["entry"][0]["resource"])


def test_every_status_is_preliminary_and_every_reference_leads_somewhere():
    bundle = _bundle(_answer())
    for kind in ("DiagnosticReport", "Observation", "RiskAssessment"):
        assert {one["status"] for one in _of(bundle, kind)} <= {"preliminary"}
    targets = {entry["fullUrl"] for entry in bundle["entry"]}
    referred = set(re.findall(r'"reference": "([^"]+)"', json.dumps(bundle)))
    assert referred and referred <= targets
    assert len(targets) == len(bundle["entry"])


def test_observations_say_what_the_evidence_says():
    seen = {one["identifier"][0]["value"]: one for one in _of(_bundle(_answer()), "Observation")}
    assert list(seen) == ["E1", "E2", "E3", "E4", "E5"]
    assert seen["E1"]["code"]["coding"][0]["code"] == "60046008"
    assert seen["E1"]["bodySite"]["text"] == "left lung"
    assert seen["E1"]["component"][0]["valueQuantity"]["value"] == 0.97
    coded = {name: one.get("interpretation", [{}])[0].get("text") for name, one in seen.items()}
    assert [coded[f"E{n}"] for n in (1, 2, 3, 4)] == ["present", "absent", "uncertain", None]
    assert "coding" not in seen["E3"]["code"]
    assert seen["E4"]["valueQuantity"]["value"] == -812.123
    assert seen["E4"]["valueQuantity"]["code"] == "[hnsf'U]"
    assert seen["E5"]["valueString"] == EVIDENCE[4].text


def test_provenance_names_the_model_of_each_observation():
    bundle = _bundle(_answer())
    made = _of(bundle, "Provenance")
    assert len(made) == 2
    assert len(made[0]["target"]) == len(EVIDENCE)
    device = _of(bundle, "Device")[0]
    assert device["deviceName"][0]["name"] == "toy & co"
    assert made[0]["agent"][0]["who"]["reference"].endswith(device["id"])
    assert device["note"][0]["text"] == _model().evaluated_on


def test_the_same_answer_gives_the_same_bundle():
    assert _bundle(_answer()) == _bundle(_answer())
    other = _bundle(_answer(question="Another one?"))
    assert {e["fullUrl"] for e in other["entry"]}.isdisjoint(
        e["fullUrl"] for e in _bundle(_answer())["entry"]
    )


def test_two_models_of_one_tool_are_told_apart_by_their_calls():
    calls = tuple(Call(tool="report_ct", attachments=(name,)) for name in ("A1", "A2"))
    models = {"report_ct": (_model("1"), _model("2"))}
    made = _answer().provenance.model_copy(update={"models": models})
    answer = _answer(provenance=made, plan=Plan(action="call", calls=calls))
    assert [one.model.version for one in devices(answer)] == ["1", "2"]
    assert device_of(answer, _evidence(1, attachment="A2")).model.version == "2"
    assert device_of(answer.model_copy(update={"plan": Plan(action="call")}), EVIDENCE[0]) is None


def test_a_page_holds_no_markup_of_the_answer_and_loads_nothing():
    page = to_html(Material(_answer(), now=NOW, pictures={"wardround://pictures/1": b"png"}))
    assert "<script" not in page and "<b>thing" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(one.startswith(("#", "data:image/png;base64,")) for one in sources)
    assert not re.search(r"\sstyle=|\son\w+=|@import|url\(", page)


def test_every_link_of_a_page_leads_to_a_place_on_it():
    page = to_html(Material(_answer(), now=NOW))
    places = re.findall(r'id="([^"]+)"', page)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(places)
    assert {"E1", "E5", "S1", "S2", "P1", "M1"} <= set(places)


def test_a_page_reads_in_order_and_says_that_it_was_not_reviewed():
    page = to_html(Material(_answer(), now=NOW))
    headings = re.findall(r"<h2>([^<]+)</h2>", page)
    assert headings == [
        "Findings",
        "Measurements",
        "Disagreements",
        "What is missing",
        "Keep in mind",
        "Not assessed",
        "Evidence",
        "Pictures",
        "Models, and how far to trust them",
        "How this was made",
    ]
    assert "Preliminary – not reviewed" in page
    assert "3 cm³" in page
    assert "Patient" not in page


SECTIONS = (
    Section(name="urgent", title="Urgent", statements=(1,)),
    Section(name="answer", title="Answer", statements=(0,)),
    Section(name="limitations", title="Limits", statements=(2,)),
)


def test_sections_of_an_answer_come_in_their_order_and_number_the_statements():
    page = to_html(Material(_answer(sections=SECTIONS), now=NOW))
    headings = re.findall(r"<h2>([^<]+)</h2>", page)
    assert headings[:2] == ["Urgent", "Answer"] and "Limits" not in headings
    assert '<section id="part-urgent" class="urgent">' in page
    assert re.search(r'<li id="S1"><span class="no">1</span><span>It is 3 cm³', page)
    text = to_markdown(_answer(sections=SECTIONS))
    assert text.index("## Urgent") < text.index("## Answer") < text.index("## What is missing")
    assert "## Answer" not in to_markdown(_answer(sections=SECTIONS[1:]))


def test_what_each_side_of_a_disagreement_is_worth_is_told():
    worth = ("E1: toy, 200 cases: AUC 0.90.", "E2: other toy, not measured.")
    sides = Disagreement(text="One says so, one not.", citations=("E1", "E2"), worth=worth)
    answer = _answer(disagreements=(sides,))
    for text in (to_html(Material(answer, now=NOW)), to_markdown(answer)):
        assert all(each in text for each in worth)


def test_facts_name_what_is_measured_and_which_model_said_it():
    facts = {
        "E2": Fact(kind="set", name="diagnosis", backend="toy"),
        "E4": Fact(kind="measurement", name="lung density", laterality="left", backend="other"),
    }
    other = _model("2").model_copy(update={"backend": "other"})
    made = _answer().provenance.model_copy(update={"models": {"report_ct": (_model(), other)}})
    answer = _answer(facts=facts, provenance=made)
    seen = {one["identifier"][0]["value"]: one for one in _of(_bundle(answer), "Observation")}
    assert seen["E2"]["code"]["text"] == "diagnosis"
    assert seen["E2"]["valueCodeableConcept"]["text"] == "no pneumothorax"
    assert seen["E4"]["code"]["text"] == "lung density, left"
    assert device_of(answer, EVIDENCE[3]).model.version == "2"


@pytest.mark.parametrize(
    ("language", "text", "told"),
    [
        ("en", "There may be a nodule.", "uncertain"),
        ("en", "It is uncertain whether there is a nodule.", ""),
        ("es", "No concluyente para nódulo.", ""),
        ("de", "Ein Knoten.", "unsicher"),
        ("zh", "结果不确定", ""),
    ],
)
def test_doubt_is_added_where_the_words_lack_it(language, text, told):
    statement = Statement(text=text, kind="finding", certainty="uncertain")
    assert doubt(_answer(language=language), statement) == told


def test_the_own_words_of_a_page_are_in_six_languages():
    rows = (files("agent.export") / "labels.tsv").read_text("utf-8").splitlines()
    assert all(len(row.split("\t")) == 6 and all(row.split("\t")) for row in rows)
    page = to_html(Material(_answer(), now=NOW))
    headings = re.findall(r"<h2>([^<]+)</h2>", page) + re.findall(r"<d?th?>([^<]+)<", page)
    known = {escape(row.split("\t")[0], quote=False) for row in rows}
    told = [heading for heading in headings if heading not in CARD]
    assert set(told) <= known


def test_an_answer_without_statements_is_a_page_too():
    bare = {"statements": (), "evidence": (), "pictures": (), "attachments": ()}
    page = to_html(Material(_answer(action="refuse", message="Not for this.", **bare), now=NOW))
    assert "Not for this." in page
    page = to_html(Material(_answer(**bare), now=NOW))
    assert "Nothing can be said" in page
    assert _of(_bundle(_answer(**bare)), "DiagnosticReport")


def test_json_is_read_back_as_the_same_answer():
    assert Answer.model_validate_json(_answer().export("json")) == _answer()


@pytest.mark.parametrize("form", ["dicom-sr", "seg", "gsps"])
def test_dicom_needs_the_files(form):
    with pytest.raises(InvalidInput):
        export(_answer(), form)


def test_an_unknown_form_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput, match="fhir"):
        export(_answer(), "pdf")


def test_naming_the_patient_needs_the_files():
    with pytest.raises(InvalidInput, match="source files"):
        export(_answer(), "html", identified=True)
