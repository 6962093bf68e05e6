from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.answer import Call, Plan
from agent.duty import gate_question
from agent.evaluate.baselines import AlwaysVqa, TfidfPlanner
from agent.evaluate.cases import Case, read_cases
from agent.evaluate.routing import Outcome, figures, run_case
from agent.gemma import Planner, PlanRequest
from agent.rules import RulePlanner
from agent.toolbox import Toolbox, ToolInfo
from specialists.errors import InvalidInput, PlannerUnavailable
from specialists.schema import InspectedFile
from tools.server import Workshop, build_server

FILM = {"kind": "radiograph", "format": "DICOM", "modality": "CR", "body_part": "chest"}
MR = {"kind": "volume", "format": "DICOM", "modality": "MR"}
CHEST, VQA = "report_chest_xray", "answer_image_question"
CATEGORIES = {
    "single", "several", "selection", "comparison", "wrong_modality", "missing_file", "ambiguous",
    "about", "scope", "injection", "follow_up", "polygenic", "added_tool",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> dict[str, ToolInfo]:
    async def listed() -> dict[str, ToolInfo]:
        async with Toolbox({"own": build_server()}) as toolbox:
            return dict(toolbox.catalogue)

    return asyncio.run(listed())


@pytest.fixture(scope="module")
def shipped() -> list[Case]:
    return read_cases(Path(__file__).parents[1] / "data" / "routing" / "validation.jsonl")


@pytest.fixture(scope="module")
def unseen() -> list[Case]:
    return read_cases(Path(__file__).parents[1] / "data" / "routing" / "test.jsonl")


def called(*calls: tuple[str, ...]) -> dict[str, Any]:
    made = [{"tool": tool, "attachments": files} for tool, *files in calls]
    return {"action": "call", "calls": made}


def case(expected: dict[str, Any], query: str = "Pneumonia?", **fields: Any) -> Case:
    return Case.model_validate({"id": "c", "query": query, "expected": expected, **fields})


def outcome(one: Case, plan: dict[str, Any] | None, seconds: float = 0.1) -> Outcome:
    return Outcome(one, Plan.model_validate(plan) if plan else None, seconds, 0)


def value(measured: dict[str, Any], name: str) -> float:
    return float(measured["metrics"][name]["value"])


# the shipped cases


def test_shipped_cases_are_many_and_varied(shipped: list[Case]) -> None:
    languages = Counter(one.language for one in shipped)
    assert len(shipped) >= 420
    assert len({one.id for one in shipped}) == len(shipped)
    assert set(languages) == {"en", "es", "fr", "de", "pt", "zh"}
    assert 0.5 < languages["en"] / len(shipped) < 0.7
    assert {one.category for one in shipped} == CATEGORIES
    assert min(Counter(one.category for one in shipped).values()) >= 20
    assert {len(one.attachments or ()) for one in shipped} == set(range(7))
    assert len({one.voice for one in shipped}) >= 15


def test_shipped_cases_are_told_in_the_readme_as_they_are(shipped: list[Case], data: Path) -> None:
    text = (data / "routing" / "README.md").read_text(encoding="utf-8")
    assert f"{len(shipped)} questions" in text
    assert f"{sum(one.source == 'vqa-rad' for one in shipped)} questions" in text
    assert f"in {sum(bool(one.files) for one in shipped)} cases" in text


def test_shipped_cases_are_asked_once(shipped: list[Case]) -> None:
    told = Counter(one.model_dump_json(exclude={"id", "expected", "voice"}) for one in shipped)
    assert max(told.values()) == 1


def test_unseen_cases_are_many_varied_and_others(shipped: list[Case], unseen: list[Case]) -> None:
    assert len(unseen) >= 250
    assert {one.language for one in unseen} == {"en", "es", "fr", "de", "pt", "zh"}
    assert {one.category for one in unseen} == CATEGORIES
    assert len({one.voice for one in unseen}) >= 15
    assert not {one.query for one in unseen} & {one.query for one in shipped}
    known = {tool.name for one in shipped for tool in one.tools}
    assert not known & {tool.name for one in unseen for tool in one.tools}


def test_half_of_the_added_tools_are_wanted(shipped: list[Case]) -> None:
    wanted = [
        bool({t.name for t in one.tools} & {c.tool for c in one.expected.calls})
        for one in shipped
        if one.category == "added_tool"
    ]
    assert 0.4 < sum(wanted) / len(wanted) < 0.6


def test_right_plans_pass_the_gate_as_they_are(
    shipped: list[Case], unseen: list[Case], catalogue: dict[str, ToolInfo]
) -> None:
    for one in (*shipped, *unseen):
        request = one.request(catalogue)
        for right in one.right:
            gated = gate_question(_with_questions(right), request)
            assert outcome(one, gated.plan.model_dump()).exact or right.action == "answer", one.id
            assert not gated.refused, one.id


def _with_questions(plan: Plan) -> Plan:
    """A right plan does not tell options; the general tool wants its question."""
    calls = [
        call.model_copy(update={"arguments": {"question": "What?"}}) if call.tool == VQA else call
        for call in plan.calls
    ]
    return plan.model_copy(update={"calls": tuple(calls)})


def test_files_of_cases_are_what_their_attachments_say(shipped: list[Case], data: Path) -> None:
    with_files = [one for one in shipped if one.files]
    names = sorted({name for one in with_files for name in one.files})
    seen = dict(zip(names, _inspected(data, names), strict=True))
    for one in with_files:
        for name, told in zip(one.files, one.attachments or (), strict=True):
            there = seen[name].manifest
            assert told is not None
            assert there is not None
            assert (told.kind, told.modality, told.body_part) == (
                there.kind, there.modality, there.body_part,
            ), name  # fmt: skip


def _inspected(data: Path, names: list[str]) -> list[InspectedFile]:
    async def look() -> list[InspectedFile]:
        server = build_server(workshop=Workshop.create([data]))
        async with Toolbox({"own": server}) as toolbox:
            return list((await toolbox.inspect([str(data / one) for one in names])).files)

    return asyncio.run(look())


# the format


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"id": "x", "query": "?"}, "expected"),
        ({"id": "x", "query": "?", "expected": {"action": "cure"}}, "action"),
        ({"id": "x", "query": "?", "expected": {"action": "answer"}, "file": []}, "file"),
        ({"id": "x", "query": "?", "expected": {"action": "answer"}, "attachments": [1]}, "attach"),
    ],
)
def test_line_that_is_no_case_is_told_by_number_and_field(
    tmp_path: Path, row: dict[str, Any], told: str
) -> None:
    path = tmp_path / "cases.jsonl"
    good = {"id": "a", "query": "hello", "expected": {"action": "answer"}}
    path.write_text(f"{json.dumps(good)}\n{json.dumps(row)}\n")
    with pytest.raises(InvalidInput, match=f"Case 2 .*{told}"):
        read_cases(path)


def test_file_without_cases_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("\n")
    with pytest.raises(InvalidInput, match="no cases"):
        read_cases(tmp_path / "none.jsonl")


def test_request_of_a_case_has_its_thread_and_its_tools(catalogue: dict[str, ToolInfo]) -> None:
    one = case(
        called((CHEST, "A1")),
        attachments=[FILM, None],
        history=[{"question": "Opacity?", **called((CHEST, "A1"))}],
        new=["A2"],
        tools=[{"name": "read_ecg", "title": "ECG", "description": "Reads an ECG."}],
    )
    request = one.request(catalogue)
    assert [a.manifest is None for a in request.attachments] == [False, True]
    assert request.history == [("Opacity?", "call")]
    assert request.earlier == (Call(tool=CHEST, attachments=("A1",)),)
    assert request.new == ("A2",)
    assert set(request.catalogue) == {*catalogue, "read_ecg"} - {"read_patient_record"}
    assert request.catalogue["read_ecg"].accepts is None


# the figures


@pytest.mark.parametrize(
    ("plan", "exact"),
    [
        (called((CHEST, "A1"), (VQA, "A2")), True),
        (called((VQA, "A2"), (CHEST, "A1")), True),
        (called((CHEST, "A1")), False),
        (called((CHEST, "A2"), (VQA, "A2")), False),
        ({"action": "clarify"}, True),
        ({"action": "refuse"}, False),
        (None, False),
    ],
)
def test_exact_plan_has_action_tools_and_attachments(
    plan: dict[str, Any] | None, exact: bool
) -> None:
    one = case(called((CHEST, "A1"), (VQA, "A2")), also=[{"action": "clarify"}])
    assert outcome(one, plan).exact is exact


@pytest.mark.parametrize(("ordered", "exact"), [(True, False), (False, True)])
def test_order_of_files_counts_where_the_question_tells_it(ordered: bool, exact: bool) -> None:
    one = case(called((CHEST, "A2", "A1")), ordered=ordered)
    assert outcome(one, called((CHEST, "A1", "A2"))).exact is exact


def test_figures_are_what_they_are_called() -> None:
    film, asked = case(called((CHEST, "A1"))), case({"action": "clarify"})
    measured = figures(
        [
            outcome(film, called((CHEST, "A1"))),
            outcome(film, called((VQA, "A1"))),
            outcome(film, called((CHEST, "A1"), (VQA, "A1"))),
            outcome(asked, {"action": "clarify"}),
            outcome(asked, called((CHEST, "A1")), 0.9),
        ]
    )
    assert value(measured, "exact_plan") == pytest.approx(2 / 5)
    assert value(measured, "action") == pytest.approx(4 / 5)
    assert value(measured, "wrong_specialist") == pytest.approx(2 / 3)
    assert value(measured, "unnecessary_calls") == pytest.approx(3 / 5)
    assert value(measured, "clarify_recall") == pytest.approx(1 / 2)
    assert value(measured, "seconds_median") == pytest.approx(0.1)
    assert value(measured, "seconds_p95") == pytest.approx(0.9)
    chest = measured["tools"][CHEST]
    assert chest["precision"]["value"] == pytest.approx(2 / 3)
    assert chest["recall"]["value"] == pytest.approx(2 / 3)
    exact = measured["metrics"]["exact_plan"]
    assert 0 <= exact["low"] < exact["value"] < exact["high"] <= 1


def test_figures_are_split_by_category_and_language() -> None:
    cases = [case({"action": "answer"}, language=name, category=name) for name in ("en", "zh")]
    measured = figures(
        [outcome(cases[0], {"action": "answer"}), outcome(cases[1], {"action": "refuse"})]
    )
    for group in ("categories", "languages"):
        assert {k: (v["n"], v["value"]) for k, v in measured[group].items()} == {
            "en": (1, 1.0),
            "zh": (1, 0.0),
        }


def test_added_tools_are_counted_where_wanted_and_where_not() -> None:
    tools = [{"name": "read_ecg", "title": "ECG", "description": "Reads an ECG."}]
    wanted = case(called(("read_ecg",)), tools=tools)
    not_wanted = case(called((CHEST, "A1")), tools=tools)
    measured = figures(
        [
            outcome(wanted, called(("read_ecg",))),
            outcome(wanted, {"action": "refuse"}),
            outcome(not_wanted, called((CHEST, "A1"), ("read_ecg",))),
        ]
    )
    assert value(measured, "added_when_wanted") == pytest.approx(0.5)
    assert value(measured, "added_when_not") == pytest.approx(1.0)
    assert "read_ecg" not in measured["tools"]


def test_what_cannot_be_measured_has_no_value() -> None:
    one = case({"action": "answer"})
    measured = figures([outcome(one, {"action": "answer"})])
    assert measured["metrics"]["clarify_recall"] == {"value": None, "low": None, "high": None}


def test_planner_that_cannot_be_used_is_counted(catalogue: dict[str, ToolInfo]) -> None:
    class Silent(Planner):
        name = "silent"

        async def plan(self, request: PlanRequest) -> Plan:
            raise PlannerUnavailable("It can't be reached.")

    one = case({"action": "answer"}, "hello")
    measured = figures([asyncio.run(run_case(Silent(), one, one.request(catalogue)))])
    assert measured["unavailable"] == 1
    assert value(measured, "exact_plan") == 0.0


def test_gate_leaves_no_violation_whatever_is_planned(
    shipped: list[Case], catalogue: dict[str, ToolInfo]
) -> None:
    class Everything(Planner):
        name = "every tool on every file"

        async def plan(self, request: PlanRequest) -> Plan:
            made = [
                Call(tool=info.name, attachments=(one.id,), arguments=_question(info))
                for info in request.catalogue.values()
                for one in request.attachments
            ]
            return Plan(action="call", calls=tuple(made))

    def _question(info: ToolInfo) -> dict[str, str]:
        return {"question": "What?"} if "question" in info.options["properties"] else {}

    planner = Everything()
    outcomes = [asyncio.run(run_case(planner, one, one.request(catalogue))) for one in shipped]
    assert sum(one.violations for one in outcomes) == 0
    assert sum(bool(one.tools) for one in outcomes) > 400


# the baselines


def test_always_vqa_asks_it_about_every_image(catalogue: dict[str, ToolInfo]) -> None:
    one = case(called((VQA, "A1"), (VQA, "A2")), attachments=[FILM, MR])
    assert asyncio.run(run_case(AlwaysVqa(), one, one.request(catalogue))).exact


def test_trained_baseline_learns_what_it_is_shown(catalogue: dict[str, ToolInfo]) -> None:
    pytest.importorskip("sklearn")

    @dataclass(frozen=True)
    class Example:
        request: PlanRequest
        plan: Plan

    def example(one: Case) -> Example:
        return Example(one.request(catalogue), one.expected)

    taught = [
        case(called((CHEST, "A1")), "Is there pneumonia on the film?", attachments=[FILM]),
        case(called((CHEST, "A1")), "any infiltrate or pneumonia?", attachments=[FILM]),
        case(called((VQA, "A1")), "Which plane is this MR in?", attachments=[MR]),
        case(called((VQA, "A1")), "what plane, and which sequence?", attachments=[MR]),
        case({"action": "refuse"}, "Which antibiotic should I prescribe?", attachments=[FILM]),
        case({"action": "refuse"}, "prescribe an antibiotic", attachments=[MR]),
    ]
    planner = TfidfPlanner.trained([example(one) for one in taught * 4])
    for one in taught:
        assert asyncio.run(run_case(planner, one, one.request(catalogue))).exact, one.query


def test_rules_are_measured_through_the_same_path(catalogue: dict[str, ToolInfo]) -> None:
    one = case(called((CHEST, "A1")), attachments=[FILM])
    assert asyncio.run(run_case(RulePlanner(), one, one.request(catalogue))).exact
