from __future__ import annotations

import pytest

from agent.answer import Attachment, Call, Plan
from agent.gemma import PlanRequest
from agent.gemma.embedded.clauses import clauses, left_out, picked, picks
from agent.gemma.embedded.concepts import concepts, matters, regions_of, spelled, weight_of
from agent.gemma.embedded.matching import matches
from agent.gemma.embedded.reading import Reading, Wish, resolve
from agent.gemma.embedded.weighing import support, talked_past
from agent.gemma.training.catalogues import shipped
from agent.toolbox import ToolInfo
from specialists.schema import Manifest

FILM = Manifest(kind="radiograph", format="DICOM", modality="DX", body_part="chest", view="PA")
LATERAL = FILM.model_copy(update={"view": "lateral"})
ANKLE = FILM.model_copy(update={"body_part": "ankle", "view": "AP"})
CT = Manifest(kind="volume", format="DICOM", modality="CT", body_part="chest")
FUNDUS = Manifest(kind="photograph", format="JPEG", modality="OP", body_part="eye")
SKIN = Manifest(kind="photograph", format="JPEG", modality="XC", body_part="skin")
SLIDE = Manifest(kind="slide", format="SVS", modality="SM")
VCF = Manifest(kind="variants", format="VCF")
WEIGHTS = Manifest(kind="scoring_file", format="PGS scoring file")


def files(*manifests: Manifest) -> list[Attachment]:
    return [Attachment(id=f"A{n}", manifest=one) for n, one in enumerate(manifests, 1)]


# concepts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("¿Rotura de menisco?", {"knee"}),
        ("Sprunggelenksfraktur?", {"limb", "fracture"}),
        ("y a-t-il un épanchement pleural", {"effusion"}),
        ("tem pneumonia?", {"pneumonia"}),
        ("有没有肺结节", {"lung nodule"}),
        ("ankle #", {"limb", "fracture"}),
        ("consoldation or empyhsema", {"consolidation", "emphysema"}),
        ("will it rain tomorrow", {"weather"}),
        ("ich bin nie krank", set()),
        ("never mind, thanks", {"courtesy"}),
        ("Muss man operieren?", {"operation", "what to do"}),
        ("rivaroxaban ou ramipril", {"drug"}),
        ("bitte einen Dolmetscher", {"interpreter", "translate"}),
    ],
)
def test_concepts_are_found_in_any_language(text: str, expected: set[str]) -> None:
    assert set(concepts(text)) == expected


def test_longer_phrase_wins_over_its_words() -> None:
    assert concepts("macular edema") == ("macular edema",)
    assert concepts("macular degeneration") == ("macular degeneration",)


def test_talk_is_no_matter_of_a_file() -> None:
    text = "Should we operate on this pneumonia?"
    assert set(concepts(text)) == {"what to do", "operation", "pneumonia"}
    assert matters(text) == ("pneumonia",)


def test_every_concept_has_forms_regions_and_a_weight() -> None:
    assert len(spelled()) > 260
    assert {weight_of(name) for name in spelled()} == {0.5, 0.9, 1.0, 2.0}
    assert regions_of("retinopathy") == {"eye"}
    assert regions_of("weather") == set()


# parts of a question


def test_question_is_cut_where_another_begins() -> None:
    assert clauses("CXR: consolidation? Ankle: fracture? 1.5 mm slices") == [
        "cxr", "consolidation", "ankle", "fracture", "1.5 mm slices",
    ]  # fmt: skip
    assert clauses("¿Neumonía y enfisema?") == ["neumonía", "enfisema"]
    assert clauses("everything but the CT") == ["everything but the ct"]
    assert len(clauses(", ".join("abcdefghij"))) == 6


def test_part_is_near_the_file_of_its_region() -> None:
    given = files(FILM, CT, ANKLE)
    assert picks("ankle #", given).near == {"A3"}
    assert picks("emphysema on the ct", given).named == {"A2"}
    assert picks("melanoma", given).far
    assert not picks("melanoma", files(FILM, Manifest(kind="image", format="PNG"))).far


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("Leave the CT alone, I only want the film read", {"A2"}),
        ("Everything except the fundus photo", {"A3"}),
        ("no hace falta la TC, ¿neumonía?", {"A2"}),
        ("Alles außer dem CT", {"A2"}),
        ("tout sauf le fond d'œil", {"A3"}),
        ("不要看CT", {"A2"}),
        ("CT without contrast, please report", set()),
        ("not pneumonia but an effusion?", set()),
    ],
)
def test_files_are_left_out(question: str, left: set[str]) -> None:
    assert left_out(question, files(FILM, CT, FUNDUS)) == left


@pytest.mark.parametrize(
    ("question", "given", "kept"),
    [
        ("only the CT", (FILM, CT), {"A2"}),
        ("second photo only", (SKIN, FILM, SKIN), {"A3"}),
        ("the first VCF with the weights", (VCF, VCF, WEIGHTS), {"A1"}),
        ("nur das zweite Bild", (FILM, SKIN), {"A2"}),
        ("the last one", (FILM, CT, SKIN), {"A3"}),
        ("just the frontal view", (FILM, LATERAL), {"A1"}),
        ("better than the last film?", (FILM, FILM), set()),
        ("两只眼都分级", (FUNDUS, FUNDUS), set()),
        ("pneumonia?", (FILM, CT), set()),
    ],
)
def test_question_keeps_to_files(
    question: str, given: tuple[Manifest, ...], kept: set[str]
) -> None:
    assert picked(question, files(*given)) == kept


# matching


def test_tool_is_matched_by_meaning_and_not_by_what_it_denies() -> None:
    bone = ToolInfo("b", "Broken bones", "Finds fractures of the limbs. Not for ribs.", {}, "s")
    rain = ToolInfo("w", "Weather", "Gives the weather forecast for a place.", {}, "s")
    assert [one.tool for one in matches("¿está roto el tobillo?", [bone, rain])] == ["b"]
    assert [one.tool for one in matches("wird es morgen regnen?", [bone, rain])] == ["w"]
    assert [one.denied for one in matches("costilla", [bone, rain])] == [True]
    assert matches("costilla", [bone, rain])[0].score == 0


def test_service_outweighs_the_matter_that_it_is_wanted_on() -> None:
    papers = ToolInfo("p", "PubMed", "Searches publications on a topic.", {}, "s")
    tools = [*shipped().values(), papers]
    best = matches("recent papers about emphysema", tools)[0]
    assert best.score >= matches("recent papers", tools)[0].score
    assert "p" in [one.tool for one in matches("recent papers about emphysema", tools)[:2]]


# what follows for a plan


def plan_of(question: str, *given: Manifest, tools: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    asked = PlanRequest(question, files(*given), shipped())
    wishes = tuple(Wish(name) for name in tools) or (Wish(),)
    plan = resolve(Reading("read", wishes), asked)
    return [(call.tool, *call.attachments) for call in plan.calls]


def test_plan_keeps_to_what_the_question_picks() -> None:
    assert plan_of("only the CT", FILM, CT) == [("report_ct", "A2")]
    assert plan_of("all but the film", FILM, CT, FUNDUS) == [
        ("report_ct", "A2"), ("classify_retina", "A3"),
    ]  # fmt: skip
    assert plan_of("the first VCF with the scoring file", VCF, VCF, WEIGHTS) == [
        ("score_polygenic_risk", "A1", "A3")
    ]


def test_free_question_beside_a_specialist_needs_words_of_its_own() -> None:
    both = ("report_chest_xray", "answer_image_question")
    assert plan_of("pneumonia?", FILM, tools=both) == [("report_chest_xray", "A1")]
    assert plan_of("pneumonia? And a broken rib?", FILM, tools=both) == [
        ("report_chest_xray", "A1"), ("answer_image_question", "A1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "order"),
    [
        ("A1 is the old one, A2 is from this morning: better?", ("A2", "A1")),
        ("A2 is last year's, any change on A1?", ("A1", "A2")),
        ("compare the two films", ("A1", "A2")),
    ],
)
def test_film_that_is_called_the_earlier_one_comes_last(
    question: str, order: tuple[str, str]
) -> None:
    asked = PlanRequest(question, files(FILM, FILM), shipped())
    plan = resolve(Reading("read", (Wish("report_chest_xray", (), together=True),)), asked)
    assert [call.attachments for call in plan.calls] == [order]


def test_free_question_goes_to_the_file_of_its_region() -> None:
    free = ("answer_image_question",)
    assert plan_of("is the ankle broken?", FILM, ANKLE, tools=free) == [
        ("answer_image_question", "A2")
    ]
    both = ("answer_image_question", "report_chest_xray")
    assert plan_of("infection? ankle fracture?", FILM, ANKLE, CT, tools=both) == [
        ("report_chest_xray", "A1"), ("answer_image_question", "A2"),
    ]  # fmt: skip


def test_tool_named_for_what_is_left_out_means_the_rest() -> None:
    assert plan_of("all but the skin photo", SKIN, FUNDUS, tools=("classify_skin_lesion",)) == [
        ("classify_retina", "A2")
    ]


def test_words_bear_a_plan_out_or_not() -> None:
    papers = ToolInfo("papers", "PubMed", "Searches publications on a topic.", {}, "s")
    asked = PlanRequest("papers on pneumonia?", files(FILM), {**shipped(), "papers": papers})
    share, strange, ignored = support(
        Plan(action="call", calls=(Call(tool="classify_retina", attachments=()),)), asked
    )
    assert (share, strange, ignored) == (0.0, 1.0, 1.0)
    share, strange, ignored = support(Plan(action="call", calls=(Call(tool="papers"),)), asked)
    assert (share, strange, ignored) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("question", "action", "expected"),
    [
        ("Is there pneumonia?", "call", (0.0, 0.0, 0.0)),
        ("Is there pneumonia?", "refuse", (0.0, 0.0, 1.0)),
        ("Should we operate?", "call", (1.0, 1.0, 0.0)),
        ("Should we operate?", "refuse", (0.0, 0.0, 0.0)),
    ],
)
def test_plan_that_talks_past_the_question_is_told(
    question: str, action: str, expected: tuple[float, float, float]
) -> None:
    calls = (Call(tool="report_chest_xray", attachments=("A1",)),) if action == "call" else ()
    plan = Plan.model_validate({"action": action, "calls": calls, "message": None})
    request = PlanRequest(question, files(FILM), shipped(), [])
    assert talked_past(plan, request) == expected
