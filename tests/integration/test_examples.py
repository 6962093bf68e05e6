"""The examples run as they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from examples import ask_about_a_film, call_one_tool, follow_a_consultation


@pytest.fixture(autouse=True)
def own_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WARDROUND_STATE_DIR", str(tmp_path))


def test_ask_about_a_film(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask_about_a_film.main([ask_about_a_film.FILM])
    assert answer.statements[0].text in capsys.readouterr().out


def test_call_one_tool(capfd: pytest.CaptureFixture[str]) -> None:
    report = asyncio.run(call_one_tool.main(call_one_tool.SERIES))
    assert report["measurements"]
    assert report["summary"] in capfd.readouterr().out


def test_follow_a_consultation(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = asyncio.run(follow_a_consultation.main())
    assert [one.id for one in second.attachments] == ["A1"]
    assert any("bone" in one.text.lower() for one in second.statements)
    assert "step: consult" in capsys.readouterr().out
    assert first.evidence == second.evidence
