"""`wardround view`, and the script that the page is put together of."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from agent.app.page import empty_page, to_page
from agent.commands.view import command
from agent.export.labels import labels
from agent.export.material import Material
from specialists.errors import InvalidInput
from tests.stated import PICTURE_URI, stated

FRONT = sorted(one for one in files("agent.app").joinpath("front").iterdir() if one.is_file())


def _held(page: str) -> dict:
    return json.loads(re.search(r'id="held">(.*?)</script>', page, re.DOTALL)[1])


def test_page_is_written_beside_the_answer(tmp_path: Path) -> None:
    saved = tmp_path / "answer.json"
    saved.write_bytes(stated().export("json"))
    done = CliRunner().invoke(command, [str(saved)])
    assert done.exit_code == 0, done.output
    held = _held((tmp_path / "answer.page.html").read_text("utf-8"))
    assert held["answer"] == stated().model_dump(mode="json")
    assert held["pictures"] == {} and held["review"] is None


def test_saved_review_is_read_with_its_answer(tmp_path: Path) -> None:
    review = {"reader": "One", "statements": [{"statement": 0, "state": "accepted"}]}
    both = {"answer": stated().model_dump(mode="json"), "review": review}
    (tmp_path / "reviewed.json").write_text(json.dumps(both))
    page = tmp_path / "page.html"
    done = CliRunner().invoke(command, [str(tmp_path / "reviewed.json"), "--out", str(page)])
    assert done.exit_code == 0, done.output
    assert _held(page.read_text("utf-8"))["review"] == review


def test_page_is_opened_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", opened.append)
    saved = tmp_path / "answer.json"
    saved.write_bytes(stated().export("json"))
    CliRunner().invoke(command, [str(saved), "--open"])
    assert opened == [(tmp_path / "answer.page.html").as_uri()]


@pytest.mark.parametrize("content", ["{}", "no json", '{"answer": {}, "review": {}}', "[]"])
def test_file_that_is_no_answer_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(content)
    done = CliRunner().invoke(command, [str(tmp_path / "other.json")])
    assert isinstance(done.exception, InvalidInput)


def test_pictures_are_in_the_page() -> None:
    page = to_page(Material(stated(), pictures={PICTURE_URI: b"bytes"}))
    assert _held(page)["pictures"] == {PICTURE_URI: {"mimeType": "image/png", "blob": "Ynl0ZXM="}}


def test_no_answer_can_end_the_element_that_holds_it() -> None:
    evil = stated().model_copy(update={"question": "</script><!-- <script>"})
    page = to_page(Material(evil))
    assert page.count("<script") == empty_page().count("<script") == 3
    assert "<!--" not in page
    assert _held(page)["answer"]["question"] == evil.question


def test_modules_are_joined_without_two_of_one_name() -> None:
    script = re.findall(r"<script>(.*?)</script>", empty_page(), re.DOTALL)[0]
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", script, re.MULTILINE)
    assert len(names) == len(set(names)) > 60


@pytest.mark.parametrize("source", FRONT, ids=lambda one: one.name)
def test_sources_of_the_page_are_short_and_read_no_text_as_html(source) -> None:
    text = source.read_text("utf-8")
    assert len(text.splitlines()) < 300
    for risk in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "srcdoc"):
        assert risk not in text


def test_own_words_of_the_page_are_in_six_languages() -> None:
    script = re.findall(r"<script>(.*?)</script>", empty_page(), re.DOTALL)[0]
    told = set(re.findall(r'\bt\("([^"]+)"\)', script))
    assert len(told) > 40
    assert told <= set(labels())
