"""The answer as Markdown."""

from agent.answer import (
    Answer,
    AnswerProvenance,
    Attachment,
    Dropped,
    DroppedCount,
    Failure,
    Plan,
    Statement,
)
from agent.export.labels import DRAFT
from agent.export.markdown import to_markdown
from specialists.schema import Evidence, Manifest, Provenance


def answer(**changed) -> Answer:
    fields = {
        "question": "Is there pneumonia?",
        "action": "call",
        "statements": (
            Statement(text="No sign of pneumonia.", kind="finding", citations=("E1", "E2")),
            Statement(text="Not assessed: nodules.", kind="limitation"),
        ),
        "evidence": (
            Evidence(id="E1", tool="report_chest_xray", attachment="A1", text="No | sign."),
            Evidence(id="E2", tool="report_chest_xray", attachment="A1", text="word " * 80),
        ),
        "attachments": (
            Attachment(
                id="A1", manifest=Manifest(kind="radiograph", format="DICOM", modality="DX")
            ),
        ),
        "not_assessed": ("nodules",),
        "plan": Plan(action="call"),
        "provenance": AnswerProvenance(
            planner="rules",
            composer="plain code",
            checker="grounding rules 1",
            prompts={"route/v1": "abcdef0123456789"},
            models={
                "report_chest_xray": (
                    Provenance(
                        specialist="report_chest_xray",
                        backend="reference",
                        model="film net",
                        version="1.0",
                        evaluated_on="AUC 0.97 on 624 films.",
                    ),
                )
            },
        ),
    }
    return Answer(**{**fields, **changed})


def test_statements_carry_their_references():
    text = to_markdown(answer())
    assert text.startswith("# Is there pneumonia?\n\n- No sign of pneumonia. [E1, E2]")


def test_limits_are_told_once_and_behind_the_answer():
    text = to_markdown(answer())
    assert text.count("nodules") == 1
    assert text.index("No sign of pneumonia") < text.index("nodules") < text.index("## Evidence")


def test_evidence_table_survives_bars_and_long_texts():
    rows = [line for line in to_markdown(answer()).splitlines() if line.startswith("| E")]
    assert rows[0] == "| E1 | report_chest_xray | A1 | No \\| sign. |"
    assert rows[1].endswith("… |")
    assert len(rows[1]) < 220


def test_failure_is_shown_with_its_code():
    failure = Failure(tool="report_ct", attachment="A2", code="timed_out", message="Too slow.")
    assert "- report_ct on A2: Too slow. (timed_out)" in to_markdown(answer(failures=(failure,)))


def test_dropped_statements_are_counted_and_not_told():
    dropped = DroppedCount.of([Dropped(text="There is a secret mass.", reason="finding")])
    text = to_markdown(answer(dropped=dropped))
    assert "1 statement was left out" in text
    assert "mass" not in text


def test_models_and_planner_are_named():
    text = to_markdown(answer())
    assert "film net 1.0 (reference)" in text
    assert "AUC 0.97 on 624 films." in text
    assert "Planned by rules; written by plain code; checked by grounding rules 1." in text
    assert "Prompt route/v1, abcdef012345" in text


def test_draft_line_ends_every_answer():
    assert to_markdown(answer()).endswith(f"*{DRAFT}*")
    assert to_markdown(answer(statements=(), evidence=())).endswith(f"*{DRAFT}*")


def test_message_stands_in_for_statements():
    asked = answer(statements=(), evidence=(), action="clarify", message="Which film is meant?")
    assert "Which film is meant?" in to_markdown(asked)
    assert "Nothing can be said" not in to_markdown(asked)


def test_answer_survives_json():
    one = answer(dropped=DroppedCount.of([Dropped(text="x", reason="side")]))
    assert Answer.model_validate_json(one.model_dump_json()) == one
    assert one.model_dump(mode="json")["dropped"] == {"count": 1, "reasons": {"side": 1}}


def test_caveat_that_begins_with_a_single_letter_keeps_its_words_apart():
    text = to_markdown(answer(caveats=("A patch is taken\n to be small", "an age is missing.")))
    assert "- A patch is taken to be small.\n- An age is missing." in text


def test_headings_and_notes_are_in_the_answers_language():
    told = to_markdown(answer(language="es", dropped=DroppedCount(count=1)))
    assert "## No evaluado" in told and "## Evidencia" in told and "## Archivos" in told
    assert "Se omitió 1 afirmación" in told
    assert "Planificado por rules; redactado por plain code" in told
    assert "## Not assessed" not in told


def test_hounsfield_units_are_shown_as_people_write_them():
    item = Evidence(
        id="E1", tool="report_ct", attachment="A1", unit="[hnsf'U]", value=-753,
        text="The mean density of the right lung is -753 [hnsf'U] (Hounsfield units).",
    )  # fmt: skip
    assert "lung is -753 HU." in to_markdown(answer(evidence=(item,)))
