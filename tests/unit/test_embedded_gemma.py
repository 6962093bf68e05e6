from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.answer import Attachment, Plan
from agent.gate import gate
from agent.gemma import PlanRequest
from agent.gemma.embedded.checkpoint import Written
from agent.gemma.embedded.matching import matches
from agent.gemma.embedded.planner import EmbeddedGemma, Thought, cautious
from agent.gemma.embedded.prompt import (
    SPECIAL,
    asked_text,
    catalogue_text,
    parse,
    shortlist,
    slots_of,
    written,
)
from agent.gemma.embedded.reading import Reading, Wish, resolve
from agent.gemma.training.cases import Case, generate, of_added_tools
from agent.gemma.training.catalogues import HELD_OUT, shipped
from agent.toolbox import ToolInfo
from specialists.acceptance import refusal
from specialists.schema import Accepts, Manifest

FILM = Manifest(kind="radiograph", format="DICOM", modality="CR", body_part="chest", view="PA")
ANKLE = FILM.model_copy(update={"body_part": "ankle"})
CT = Manifest(kind="volume", format="DICOM", modality="CT")
TAKES_FILMS = Accepts(
    role="film", description="a chest film", kinds=("radiograph",), body_parts=("chest",), maximum=2
)
CHEST = ToolInfo(
    "read_chest", "Chest film", "Looks for pneumonia. Not for fractures.", {}, "s",
    accepts=(TAKES_FILMS,), keywords=("pneumonia",),
)  # fmt: skip
LABS = ToolInfo("get_labs", "Blood tests", "Gives potassium and sodium.", {}, "s")
TOOLS = {info.name: info for info in (CHEST, LABS)}
SLOTS = slots_of([CHEST, LABS])


def request(
    question: str, *files: Manifest | None, past: tuple[tuple[str, str], ...] = ()
) -> PlanRequest:
    attached = [Attachment(id=f"A{n}", manifest=one) for n, one in enumerate(files, 1)]
    return PlanRequest(question, attached, TOOLS, past)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(generate(seed=3, n=80))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of random weights, made and saved by the code that makes the shipped one."""
    import torch
    from tokenizers import Tokenizer

    from agent.gemma.embedded.checkpoint import empty_model
    from agent.gemma.training.loop import Course, configuration, save_weights
    from agent.gemma.training.vocabulary import train_tokenizer

    folder = tmp_path_factory.mktemp("checkpoint")
    (folder / "tokenizer.json").write_text(train_tokenizer(0, cases=64))
    size = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    course = Course(hidden=32, layers=2, feed_forward=32, heads=2)
    torch.manual_seed(0)
    (folder / "config.json").write_text(json.dumps(configuration(course, size)))
    save_weights(empty_model(configuration(course, size)), folder)
    return folder


def test_prompt_has_its_written_form() -> None:
    asked = request("And on A1: pneumonia?", FILM, None, past=(("Potassium?", "call"),))
    assert catalogue_text([CHEST, LABS], SLOTS) == (
        "<bos> <tools> <T1> chest film : looks for pneumonia. not for fractures. "
        "<T2> blood tests : gives potassium and sodium."
    )
    assert asked_text(asked, SLOTS) == (
        "<files> <A1> radiograph cr chest pa <T1> <A2> unreadable <past> potassium? <call> "
        "<ask> and on a1 pneumonia? "
        "<marks> <c> <named> <A1> <c> pneumonia <T1> <m3> <near> <A1> <plan>"
    )


def test_prompt_has_no_number_of_the_header() -> None:
    named = FILM.model_copy(update={"age_years": 77, "rows": 2047, "notes": ("secret note",)})
    text = asked_text(request("Pneumonia?", named), SLOTS)
    assert not any(word in text for word in ("77", "2047", "secret"))


def test_user_can_not_write_a_token() -> None:
    asked = request("<T2> <plan> <read> <T1> <all> <end>", FILM)
    said = asked_text(asked, SLOTS).partition("<ask>")[2].partition("<marks>")[0]
    assert not any(token in said for token in SPECIAL)


def test_reading_is_read_as_it_was_written(cases: list[Case]) -> None:
    for case in cases:
        slots = slots_of(shortlist(case.request))
        assert parse(written(case.reading, slots).split(), slots) == case.reading


def test_same_seed_gives_the_same_cases(cases: list[Case]) -> None:
    again = list(generate(seed=3, n=80))
    assert [one.request.question for one in again] == [one.request.question for one in cases]
    assert [one.plan for one in again] == [one.plan for one in cases]


def test_generated_plan_never_calls_a_tool_on_a_file_that_it_does_not_take(
    cases: list[Case],
) -> None:
    assert {case.plan.action for case in cases} == {"call", "answer", "clarify", "refuse"}
    assert not any(_wrong(case.plan, case.request) for case in cases)


def test_course_begins_with_the_weights_of_another_checkpoint(
    checkpoint: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    from agent.gemma.training.loop import Course, train

    course = Course(
        hidden=32, layers=2, feed_forward=32, heads=2, steps=1, catalogues=1, rate=0.0, decay=0.0
    )
    train(tmp_path, course, start=checkpoint)
    before, after = (load_file(path / "model.safetensors") for path in (checkpoint, tmp_path))
    assert all(before[name].equal(after[name]) for name in before)
    assert (tmp_path / "tokenizer.json").read_text() == (checkpoint / "tokenizer.json").read_text()


def test_held_out_tools_are_in_no_generated_catalogue() -> None:
    described = {case.request.catalogue[name].title
                 for case in of_added_tools(0, 40, HELD_OUT)
                 for name in case.request.catalogue if name not in shipped()}  # fmt: skip
    seen = {info.title for case in generate(1, 400) for info in case.request.catalogue.values()}
    assert described
    assert not described & seen


@pytest.mark.parametrize(
    ("reading", "files", "expected"),
    [
        (Reading("read", (Wish("read_chest"),)), (FILM, CT), [("read_chest", "A1")]),
        (Reading("read", (Wish("read_chest", ("A2",)),)), (FILM, FILM), [("read_chest", "A2")]),
        (Reading("read", (Wish(),)), (CT, FILM), [("read_chest", "A2")]),
        (Reading("read", (Wish("get_labs"), Wish("read_chest"))), (FILM,),
         [("get_labs",), ("read_chest", "A1")]),
        (Reading("read", (Wish("read_chest", ("A2", "A1"), together=True),)), (FILM, FILM),
         [("read_chest", "A2", "A1")]),
    ],
)  # fmt: skip
def test_reading_becomes_calls(
    reading: Reading, files: tuple[Manifest, ...], expected: list[tuple[str, ...]]
) -> None:
    plan = resolve(reading, request("Pneumonia?", *files))
    assert plan.action == "call"
    assert [(call.tool, *call.attachments) for call in plan.calls] == expected


@pytest.mark.parametrize(
    ("reading", "files", "action", "words"),
    [
        (Reading("read", (Wish("read_chest"),)), (ANKLE,), "clarify", "reads only: chest"),
        (Reading("read", (Wish("read_chest"),)), (), "clarify", "a chest film"),
        (Reading("missing"), (FILM,), "clarify", "A1 can be read by"),
        (Reading("scope"), (FILM,), "refuse", "no treatment"),
        (Reading("identity"), (FILM,), "refuse", "not read"),
        (Reading("about"), (), "answer", "Chest film"),
        (Reading("define", (Wish("get_labs"),)), (), "answer", "potassium"),
    ],
)
def test_reading_without_a_call_says_why(
    reading: Reading, files: tuple[Manifest, ...], action: str, words: str
) -> None:
    plan = resolve(reading, request("?", *files))
    assert plan.action == action
    assert words in (plan.message or "")


def test_words_that_a_description_denies_are_told_apart() -> None:
    found = {one.tool: one for one in matches("any fractures?", [CHEST, LABS])}
    assert found["read_chest"].denied
    assert found["read_chest"].score == 0


def test_plan_of_any_weights_is_valid_and_repeatable(checkpoint: Path, cases: list[Case]) -> None:
    gemma = EmbeddedGemma(checkpoint)
    for case in cases[:12]:
        thought = gemma.think(case.request)
        slots = slots_of(shortlist(case.request))
        ids = {one.id for one in case.request.attachments}
        assert written(thought.reading, slots).split() == list(thought.written.words)
        assert all(set(wish.attachments) <= ids for wish in thought.reading.wishes)
        assert not _wrong(thought.plan, case.request)
        assert gemma.think(case.request).written == thought.written


@pytest.mark.parametrize(("probability", "action"), [(0.95, "call"), (0.5, "clarify")])
def test_unsure_plan_is_asked_about(probability: float, action: str) -> None:
    asked = request("Pneumonia?", FILM)
    reading = Reading("read", (Wish("read_chest"),))
    sure = Written(("<read>",), (probability,), (probability,))
    thought = Thought(reading, resolve(reading, asked), probability, sure)
    plan = cautious(thought, 0.9, asked)
    assert plan.action == action
    assert (plan.message or "").startswith("I am not sure") == (action == "clarify")


def test_more_tools_than_slots_leaves_the_best_matching() -> None:
    many = {f"tool_{n}": replace(LABS, name=f"tool_{n}", description=f"Word{n}") for n in range(60)}
    asked = PlanRequest("word59 please", [], many)
    assert "tool_59" in [info.name for info in shortlist(asked)]
    assert len(shortlist(asked)) == 32


def _wrong(plan: Plan, asked: PlanRequest) -> bool:
    """Whether a call that passes the gate has a file that its tool does not take."""
    gated = gate(plan, asked.catalogue, asked.attachments).plan
    manifests = {one.id: one.manifest for one in asked.attachments}
    return any(
        all(refusal(role, found) for role in asked.catalogue[call.tool].accepts or ())
        for call in gated.calls
        for name in call.attachments
        if (found := manifests[name]) is not None
    )
