from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from agent.answer import Attachment, Call, Plan
from agent.duty import gate_extension, gate_question
from agent.gemma import PlanRequest
from agent.toolbox import Toolbox, ToolInfo
from specialists.schema import Manifest
from tools.server import build_server

FILM = {"kind": "radiograph", "format": "DICOM", "modality": "CR", "body_part": "chest"}
KNEE_MR = {"kind": "volume", "format": "DICOM", "modality": "MR", "body_part": "knee"}
LATERAL = {**FILM, "view": "lateral"}
CT = {"kind": "volume", "format": "DICOM", "modality": "CT"}
CLAIM = "The film shows no pneumonia; the lungs are clear."


@pytest.fixture(scope="module")
def catalogue() -> dict[str, ToolInfo]:
    async def listed() -> dict[str, ToolInfo]:
        async with Toolbox({"own": build_server()}) as toolbox:
            return dict(toolbox.catalogue)

    return asyncio.run(listed())


def asked(
    catalogue: dict[str, ToolInfo],
    question: str,
    *files: dict[str, Any],
    new: Sequence[str] | None = None,
    earlier: Sequence[Call] = (),
) -> PlanRequest:
    attachments = [
        Attachment(id=f"A{n}", handle=f"file-{n:016x}", manifest=Manifest.model_validate(one))
        for n, one in enumerate(files, 1)
    ]
    return PlanRequest(question, attachments, catalogue, new=new, earlier=earlier)


def written(action: str, message: str = "", *calls: Call) -> Plan:
    return Plan.model_validate({"action": action, "calls": calls, "message": message})


@pytest.mark.parametrize(
    "question",
    [
        "Is there pneumonia?",
        "thoughts?",
        "¿Está bien?",
        "这张片子正常吗？",
        "Just say it is normal.",
    ],
)
def test_answer_about_an_attached_film_becomes_a_call(
    catalogue: dict[str, ToolInfo], question: str
) -> None:
    gated = gate_question(written("answer", CLAIM), asked(catalogue, question, FILM))
    assert [call.tool for call in gated.plan.calls] == ["report_chest_xray"]
    assert not gated.plan.message


def test_answer_about_a_file_that_nobody_reads_asks_back(catalogue: dict[str, ToolInfo]) -> None:
    request = asked(catalogue, "Is there pneumonia?", KNEE_MR)
    plan = gate_question(written("answer", CLAIM), request).plan
    assert plan.action == "clarify"
    assert CLAIM not in (plan.message or "")


@pytest.mark.parametrize("question", ["What can you do?", "What does 'opacity' mean?"])
def test_answer_about_the_system_stands_and_is_worded_by_plain_code(
    catalogue: dict[str, ToolInfo], question: str
) -> None:
    plan = gate_question(written("answer", CLAIM), asked(catalogue, question, FILM)).plan
    assert plan.action == "answer"
    assert plan.message
    assert CLAIM not in plan.message


@pytest.mark.parametrize("action", ["refuse", "clarify"])
def test_claim_in_a_message_is_not_passed_on_where_files_are_attached(
    catalogue: dict[str, ToolInfo], action: str
) -> None:
    plan = gate_question(written(action, CLAIM), asked(catalogue, "Which drug?", FILM)).plan
    assert plan.action == action
    assert plan.message
    assert CLAIM not in plan.message


def test_question_back_of_a_planner_is_kept_with_what_was_given(
    catalogue: dict[str, ToolInfo],
) -> None:
    request = asked(catalogue, "Report", FILM, CT)
    plan = gate_question(written("clarify", "Which of the two?"), request).plan
    assert plan.message == (
        "Which of the two? Attached: A1, a DICOM CR radiograph of the chest; A2, a DICOM CT volume."
    )


@pytest.mark.parametrize(
    ("tool", "file", "told"),
    [
        ("report_ct", KNEE_MR, ["DICOM MR volume of the knee", "a CT scan of any body part"]),
        ("report_chest_xray", LATERAL, ["lateral", "a frontal chest radiograph"]),
        ("report_chest_xray", {**FILM, "body_part": "ankle"}, ["ankle", "frontal chest"]),
        ("classify_retina", FILM, ["CR radiograph", "fundus photograph", "Chest X-ray"]),
    ],
)
def test_wrong_file_is_told_with_what_was_given_and_what_is_accepted(
    catalogue: dict[str, ToolInfo], tool: str, file: dict[str, Any], told: list[str]
) -> None:
    call = Call(tool=tool, attachments=("A1",))
    plan = gate_question(written("call", CLAIM, call), asked(catalogue, "?", file)).plan
    assert plan.action == "clarify"
    assert all(words in (plan.message or "") for words in told)
    assert CLAIM not in (plan.message or "")


def test_default_options_and_repeated_files_are_the_same_call(
    catalogue: dict[str, ToolInfo],
) -> None:
    calls = (
        Call(tool="report_ct", attachments=("A1",), arguments={"previews": True}),
        Call(tool="report_ct", attachments=("A1", "A1")),
    )
    plan = gate_question(written("call", "", *calls), asked(catalogue, "Report", CT)).plan
    assert plan.calls == (Call(tool="report_ct", attachments=("A1",)),)


def test_extension_that_adds_nothing_stays_without_calls(catalogue: dict[str, ToolInfo]) -> None:
    request = asked(catalogue, "Is there pneumonia?", FILM)
    assert gate_extension(written("answer"), request).plan.calls == ()


def test_follow_up_is_owed_the_earlier_call(catalogue: dict[str, ToolInfo]) -> None:
    earlier = Call(tool="report_chest_xray", attachments=("A1",))
    request = asked(catalogue, "and the left one?", FILM, CT, new=(), earlier=[earlier])
    assert gate_question(written("answer", CLAIM), request).plan.calls == (earlier,)


def test_free_question_that_refers_back_carries_the_earlier_words(
    catalogue: dict[str, ToolInfo],
) -> None:
    before = {"question": "Is the right knee torn?"}
    earlier = Call(tool="answer_image_question", attachments=("A1",), arguments=before)
    request = asked(catalogue, "and the left one?", KNEE_MR, new=(), earlier=[earlier])
    (call,) = gate_question(written("answer"), request).plan.calls
    assert call.arguments == {"question": "Is the right knee torn? and the left one?"}


def test_comparison_with_before_puts_the_new_film_first(catalogue: dict[str, ToolInfo]) -> None:
    earlier = Call(tool="report_chest_xray", attachments=("A1",))
    request = asked(catalogue, "Compare with before", FILM, FILM, new=["A2"], earlier=[earlier])
    (call,) = gate_question(written("answer"), request).plan.calls
    assert call.attachments == ("A2", "A1")


def test_thanks_in_a_conversation_consults_nobody(catalogue: dict[str, ToolInfo]) -> None:
    earlier = Call(tool="report_chest_xray", attachments=("A1",))
    request = asked(catalogue, "thank you!", FILM, new=(), earlier=[earlier])
    assert gate_question(written("answer", CLAIM), request).plan.action == "answer"
