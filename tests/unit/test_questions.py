from __future__ import annotations

import csv
import json

import pytest
from PIL import Image

from agent.evaluate.labels import read_cases
from specialists.errors import InvalidInput
from specialists.visual_question.spec import SPEC

ROWS = (
    ("a.jpg", "Is there a mass?", "Yes"),
    ("a.jpg", "Where is it?", "in the left lobe"),
    ("b.jpg", "Is it large? -CLOSED", "No."),
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("L", (32, 32)).save(tmp_path / "images" / name)
    return tmp_path


def write_json(folder, rows=ROWS):
    names = ("image_name", "question", "answer")
    table = [dict(zip(names, row, strict=True)) for row in rows]
    (folder / "trainset.json").write_text(json.dumps(table), "utf-8")


def write_csv(folder, rows=ROWS):
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("image_id", "question", "answer"), *rows])


@pytest.mark.parametrize("write", [write_json, write_csv])
def test_closed_questions_become_cases_grouped_by_image(folder, write):
    write(folder)
    cases = read_cases(folder, SPEC.labels, {})
    assert [(case.path.name, case.label, case.group) for case in cases] == [
        ("a.jpg", "yes", "a.jpg"),
        ("b.jpg", "no", "b.jpg"),
    ]
    assert cases[1].options == {"question": "Is it large?"}


def test_folder_without_a_closed_question_is_refused(folder):
    write_json(folder, [("a.jpg", "Where is it?", "left")])
    with pytest.raises(InvalidInput, match="no or yes"):
        read_cases(folder, SPEC.labels, {})


def test_question_about_a_missing_image_is_refused(folder):
    write_json(folder, [("../labels.csv", "Is it?", "yes")])
    with pytest.raises(InvalidInput, match="not in images"):
        read_cases(folder, SPEC.labels, {})
