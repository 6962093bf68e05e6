"""The command line's contracts, run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import cli, main
from agent.settings import Settings
from tests.scripted import Script, scripted_endpoint

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("WARDROUND_STATE_DIR", str(settings.state_dir))
    runner = CliRunner()

    def invoke(*arguments: str, **options: Any) -> Result:
        return runner.invoke(cli, [str(one) for one in arguments], **options)

    yield invoke


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def write_cases(path: Path, *cases: dict[str, Any]) -> str:
    path.write_text("\n".join(json.dumps(case) for case in cases))
    return str(path)


def test_ask_json_has_the_contract_fields_alone_on_stdout(run: Run, data: Path) -> None:
    result = run("ask", "What does this CT show?", str(data / "ct" / "series"), "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert set(answer) >= {
        "question", "action", "statements", "evidence", "attachments", "not_assessed",
        "disagreements", "dropped", "plan", "provenance", "message",
    }  # fmt: skip
    assert set(answer["statements"][0]) == {"text", "kind", "citations", "certainty"}
    assert set(answer["evidence"][0]) == {
        "id", "tool", "attachment", "text", "finding", "value", "unit",
    }  # fmt: skip
    assert str(data) not in result.stdout


def test_ask_with_one_bad_file_answers_the_rest_with_exit_code_1(
    run: Run, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.dcm").touch()
    files = [str(data / "ct" / "series"), str(tmp_path / "empty.dcm")]
    result = run("ask", "What does this CT show?", *files, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failures"][0]["code"] == "empty_file"


def test_ask_about_a_file_that_is_not_there_answers_nothing(run: Run, tmp_path: Path) -> None:
    result = run("ask", "Is there pneumonia?", str(tmp_path / "none.dcm"), "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["failures"][0]["code"] == "file_not_found"


def test_route_writes_a_gated_plan_a_case(run: Run, data: Path, tmp_path: Path) -> None:
    cases = write_cases(
        tmp_path / "cases.jsonl",
        {"id": "film", "query": "Pneumonia?", "files": ["cxr/RG1_J2KI.dcm"]},
        {"id": "ankle", "query": "Pneumonia?", "files": ["cxr/ankle_RG3_J2KI.dcm"]},
        {"id": "none", "query": "What can you do?", "files": []},
    )
    result = run("route", "--cases", cases, "--root", str(data))
    film, ankle, none = rows(result)
    call = {"tool": "report_chest_xray", "attachments": ["A1"], "arguments": {}}
    assert film == {"id": "film", "action": "call", "calls": [call], "message": ""}
    assert (ankle["action"], ankle["calls"]) == ("clarify", [])
    assert "chest" in ankle["message"]
    assert none["action"] == "answer"


def test_route_of_a_missing_file_asks_for_it(run: Run, tmp_path: Path) -> None:
    cases = write_cases(tmp_path / "c.jsonl", {"id": 1, "query": "Pneumonia?", "files": ["no.dcm"]})
    (row,) = rows(run("route", "--cases", cases))
    assert (row["action"], row["calls"]) == ("clarify", [])


def test_verify_tells_supported_from_unsupported(run: Run, tmp_path: Path) -> None:
    evidence = {
        "id": "E1",
        "tool": "report_chest_xray",
        "attachment": "A1",
        "text": "The model finds no pneumonia or opacity (calibrated probability 0.04).",
        "finding": {"name": "pneumonia or opacity", "assertion": "absent"},
        "value": 0.04,
        "unit": "1",
    }
    cases = write_cases(
        tmp_path / "cases.jsonl",
        *(
            {"id": number, "evidence": [evidence], "statement": text, "cites": cites}
            for number, (text, cites) in enumerate(
                [
                    ("There is no pneumonia or opacity.", ["E1"]),
                    ("There is pneumonia.", ["E1"]),
                    ("There is no pneumonia or opacity.", ["E2"]),
                    ("There is no pneumonia or opacity.", []),
                ]
            )
        ),
    )
    result = run("verify", "--cases", cases)
    assert [row["supported"] for row in rows(result)] == [True, False, False, False]
    assert all(set(row) == {"id", "supported", "reason"} for row in rows(result))


@pytest.mark.parametrize("command", ["route", "verify"])
@pytest.mark.parametrize("line", ["{", "[]", "{}"])
def test_cases_that_are_not_cases_are_a_wrong_call(
    command: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, settings: Settings,
) -> None:  # fmt: skip
    (tmp_path / "cases.jsonl").write_text(line)
    arguments = ["wardround", command, "--cases", str(tmp_path / "cases.jsonl")]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("invalid_input:")


def test_call_makes_every_field_an_option(run: Run, data: Path) -> None:
    genotypes = str(data / "genomics" / "tiny1000G.vcf.gz")
    score = str(data / "genomics" / "PGS001229_hmPOS_GRCh38.txt.gz")
    arguments = ["call", "score_polygenic_risk", genotypes, "--score", score]
    result = run(*arguments, "--min-overlap", "0", "--sample", "2", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["risk_scores"][0]["sample"] == "sample 2"
    assert found["counts"]["positions_found"] == 986
    low = run(*arguments, "--json")
    assert low.exit_code == 2
    assert json.loads(low.stdout)["error"]["code"] == "low_overlap"


def test_call_of_a_tool_without_a_model_could_not_be_answered(run: Run, data: Path) -> None:
    film = str(data / "cxr" / "RG1_J2KI.dcm")
    result = run("call", "answer_image_question", film, "--question", "What is shown?")
    assert result.exit_code in (0, 3)
    if result.exit_code == 3:
        assert "backend_unavailable" in result.stderr


def test_call_help_lists_the_tool_s_options(run: Run) -> None:
    result = run("call", "score_polygenic_risk", "--help")
    assert "--min-overlap FLOAT" in result.output
    assert "--keep-ambiguous" in result.output


def test_call_writes_pictures(run: Run, data: Path, tmp_path: Path) -> None:
    result = run(
        "call", "report_ct", str(data / "ct" / "series"), "--pictures", str(tmp_path / "p")
    )
    assert result.exit_code == 0
    pictures = list((tmp_path / "p").iterdir())
    assert len(pictures) == 3
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert all(path.stat().st_size < 700_000 for path in pictures)


def test_tools_lists_all_eight(run: Run) -> None:
    listed = json.loads(run("tools", "--json").stdout)
    assert [one["name"] for one in listed] == [
        "report_chest_xray", "report_ct", "answer_image_question", "classify_pathology",
        "classify_skin_lesion", "classify_retina", "score_polygenic_risk",
        "read_patient_record",
    ]  # fmt: skip


def test_inspect_json_says_what_it_is_and_who_takes_it(run: Run, data: Path) -> None:
    result = run("inspect", str(data / "cxr" / "ankle_RG3_J2KI.dcm"), "--json")
    (one,) = json.loads(result.stdout)["files"]
    assert one["manifest"]["modality"] == "CR"
    assert "report_chest_xray" not in one["accepted_by"]
    assert "chest" in one["refused_by"]["report_chest_xray"]


def test_slices_named_one_by_one_are_one_attachment(run: Run, data: Path) -> None:
    slices = [str(path) for path in sorted((data / "ct" / "series").iterdir())]
    (one,) = json.loads(run("inspect", *slices, "--json").stdout)["files"]
    assert one["manifest"]["frames"] == 20


def test_doctor_says_what_would_be_used(run: Run) -> None:
    report = json.loads(run("doctor", "--json").stdout)
    assert report["planner"]["in use"].startswith("Gemma, shipped checkpoint")
    assert report["specialists"]["report_ct"] == "reference"
    assert len(report["Gemma by GPU memory"]) == 5


def test_doctor_says_that_an_endpoint_does_not_answer_and_who_plans_then(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDROUND_GEMMA_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("WARDROUND_GEMMA_MODEL", "gemma")
    report = json.loads(run("doctor", "--json").stdout)
    assert "can't be reached" in report["planner"]["endpoint"]
    assert report["planner"]["in use"].startswith("Gemma, shipped checkpoint")


def test_doctor_says_that_an_endpoint_serves_another_model(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_endpoint(Script()) as url:
        monkeypatch.setenv("WARDROUND_GEMMA_URL", url)
        monkeypatch.setenv("WARDROUND_GEMMA_MODEL", "gamma")
        report = json.loads(run("doctor", "--json").stdout)
    assert "does not serve gamma, but gemma" in report["planner"]["endpoint"]


def test_chat_answers_and_explains(run: Run, data: Path) -> None:
    said = "What does this CT show?\n/why E1\n/files\n/tools\n/quit\n"
    result = run("chat", str(data / "ct" / "series"), input=said)
    assert result.exit_code == 0, result.exception
    assert "# What does this CT show?" in result.stdout
    assert "E1 (report_ct, A1)" in result.stderr
    assert "A1: a DICOM CT volume" in result.stderr
    assert "score_polygenic_risk" in result.stderr
