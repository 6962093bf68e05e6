from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from agent.server import build_consulting_server
from agent.settings import Settings
from specialists.schema import Accepts
from tests.toys import (
    PNG,
    CrashingToy,
    FailingToy,
    SlowToy,
    WaitingToy,
    toy_spec,
)
from tools.adapter import ERROR_KEY

pytestmark = pytest.mark.anyio
Serve = Callable[..., Any]


async def test_call_gives_structured_result_text_and_picture(serve: Serve, score: Path) -> None:
    async with Client(serve(toy_spec())) as client:
        result = await client.call_tool_mcp("report_toy", {"files": [str(score)]})
        assert not result.is_error
        assert result.structured_content["findings"][0]["assertion"] == "present"
        assert result.content[0].text == result.structured_content["summary"]
        link = result.structured_content["pictures"][0]
        assert str(result.content[1].uri) == link["uri"]
        (blob,) = await client.read_resource(link["uri"])
        assert base64.b64decode(blob.blob) == PNG
        assert blob.mime_type == "image/png"


async def test_call_by_handle_reads_the_inspected_file(serve: Serve, score: Path) -> None:
    async with Client(serve(toy_spec())) as client:
        seen = await client.call_tool_mcp("inspect_files", {"files": [str(score)]})
        (one,) = seen.structured_content["files"]
        assert one["accepted_by"] == ["report_toy"]
        result = await client.call_tool_mcp("report_toy", {"files": [one["handle"]]})
        assert not result.is_error


async def test_call_reports_progress(serve: Serve, score: Path) -> None:
    told: list[tuple[float, str | None]] = []

    async def note(share: float, _: float | None, message: str | None) -> None:
        told.append((share, message))

    async with Client(serve(toy_spec())) as client:
        await client.call_tool_mcp("report_toy", {"files": [str(score)]}, progress_handler=note)
    assert (0.5, "looking") in told


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ({}, "invalid_input", "files"),
        ({"files": []}, "invalid_input", "files"),
        ({"files": ["/etc/passwd"]}, "file_not_allowed", "outside"),
        ({"files": ["file-0123456789abcdef"]}, "unknown_handle", "handle"),
        ({"files": ["genomics/none.txt"]}, "file_not_found", "no file"),
        ({"files": ["SCORE"], "detail": 9}, "invalid_input", "detail"),
        ({"files": ["SCORE"], "colour": "Doe^Jane"}, "invalid_input", "colour"),
        ({"files": ["SCORE"], "backend": "big"}, "invalid_input", "It has: toy"),
        ({"files": ["SCORE", "SCORE2"]}, "not_accepted", "at most 1"),
        ({"files": ["ct/series"]}, "not_accepted", "a scoring file"),
    ],
)
async def test_call_wrong_input_is_an_error_with_a_code(
    serve: Serve, score: Path, arguments: dict[str, Any], code: str, words: str
) -> None:
    other = score.with_name("complex_variants_PGS004239.txt")
    text = json.dumps(arguments).replace("SCORE2", str(other)).replace("SCORE", str(score))
    async with Client(serve(toy_spec())) as client:
        result = await client.call_tool_mcp("report_toy", json.loads(text))
    told = (result.meta or {})[ERROR_KEY]
    assert result.is_error
    assert told["code"] == code
    assert words in told["message"]
    assert result.content[0].text == f"{code}: {told['message']}"
    assert str(score.parent) not in result.content[0].text
    assert "Doe" not in result.content[0].text


async def test_call_error_of_the_tree_keeps_its_code(serve: Serve, score: Path) -> None:
    async with Client(serve(toy_spec(backend=FailingToy))) as client:
        result = await client.call_tool_mcp("report_toy", {"files": [str(score)]})
    assert (result.meta or {})[ERROR_KEY]["code"] == "unusable_geometry"


async def test_call_unforeseen_error_tells_and_logs_no_content(
    serve: Serve, score: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(serve(toy_spec(backend=CrashingToy))) as client:
        result = await client.call_tool_mcp("report_toy", {"files": [str(score)]})
        assert (
            await client.call_tool_mcp("inspect_files", {"files": [str(score)]})
        ).is_error is False
    assert (result.meta or {})[ERROR_KEY]["code"] == "internal_error"
    assert "Doe" not in result.content[0].text
    assert "ValueError" in caplog.text
    assert "Doe" not in caplog.text


async def test_call_over_its_time_limit_times_out(serve: Serve, score: Path) -> None:
    async with Client(serve(toy_spec(backend=SlowToy, timeout_s=0.2))) as client:
        result = await client.call_tool_mcp("report_toy", {"files": [str(score)]})
    told = (result.meta or {})[ERROR_KEY]
    assert told["code"] == "timed_out"
    assert told["retryable"] is True


async def test_call_cancelled_by_the_client_stops_the_specialist(serve: Serve, score: Path) -> None:
    WaitingToy.ended.clear()
    async with Client(serve(toy_spec(backend=WaitingToy))) as client:
        call = asyncio.create_task(client.call_tool_mcp("report_toy", {"files": [str(score)]}))
        await asyncio.sleep(0.5)
        assert not WaitingToy.ended.is_set()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(WaitingToy.ended.wait, 5.0)


async def test_call_without_a_model_says_what_would_help(serve: Serve, score: Path) -> None:
    async with Client(serve(toy_spec(backend=None))) as client:
        result = await client.call_tool_mcp("report_toy", {"files": [str(score)]})
    told = (result.meta or {})[ERROR_KEY]
    assert told["code"] == "backend_unavailable"
    assert "wardround.backends" in told["message"]


async def test_call_seven_slow_tools_run_side_by_side(serve: Serve, score: Path) -> None:
    specs = [toy_spec(f"report_{n}", SlowToy) for n in range(7)]
    async with Client(serve(*specs)) as client:
        await client.call_tool_mcp("inspect_files", {"files": [str(score)]})
        started = asyncio.get_running_loop().time()
        calls = [client.call_tool_mcp(spec.name, {"files": [str(score)]}) for spec in specs]
        results = await asyncio.gather(*calls)
        took = asyncio.get_running_loop().time() - started
    assert not any(result.is_error for result in results)
    assert took < 3.0


async def test_inspect_unreadable_file_leaves_the_others_unharmed(
    serve: Serve, score: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.dcm").touch()
    files = [str(tmp_path / "empty.dcm"), str(score)]
    async with Client(serve(toy_spec(), root=tmp_path)) as client:
        result = await client.call_tool_mcp("inspect_files", {"files": files})
    empty, good = result.structured_content["files"]
    assert empty["error_code"] == "empty_file"
    assert good["manifest"]["kind"] == "scoring_file"


async def test_file_option_becomes_the_role_of_its_name(serve: Serve, data: Path) -> None:
    roles = (
        Accepts(role="file", description="genotypes", kinds=("variants",)),
        Accepts(role="detail", description="a score", kinds=("scoring_file",), required=False),
    )
    async with Client(serve(toy_spec(accepts=roles))) as client:
        files = ["genomics/tiny1000G.vcf.gz", "genomics/PGS000802_hmPOS_GRCh37.txt"]
        result = await client.call_tool_mcp("report_toy", {"files": files})
    assert not result.is_error


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("inspect_files", {"files": []}, "files"),
        ("inspect_files", {"files": ["x"], "name": "Doe^Jane"}, "name"),
        ("consult", {"question": ""}, "question"),
        ("consult", {"question": "Pneumonia?", "patient": "Doe^Jane"}, "patient"),
        ("consult", {"question": "Pneumonia?", "files": "Doe^Jane.dcm"}, "files"),
    ],
)
async def test_wrong_argument_is_named_and_its_value_is_not_repeated(
    tool: str, arguments: dict[str, Any], words: str, settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    async with Client(build_consulting_server(settings)) as client:
        result = await client.call_tool_mcp(tool, arguments)
    told = (result.meta or {})[ERROR_KEY]
    assert told["code"] == "invalid_input"
    assert words in told["message"]
    assert "Doe" not in result.content[0].text + caplog.text
