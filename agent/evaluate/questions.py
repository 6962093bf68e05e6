"""A folder of images with questions becomes cases: those that are answered with yes or no."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.evaluate.labels import Labelled, Schema
from specialists.errors import InvalidInput

__all__ = ["read_questions"]

_MARK = re.compile(r"-?\s*\b(open|closed)\s*$", re.IGNORECASE)
"""VQA-RAD ends some questions with their kind, which must not help."""


def read_questions(
    data: Path, labels: Mapping[str, Sequence[str]], schema: Schema | None = None
) -> list[Labelled]:
    """Read the questions of a folder whose answer is one of the classes; others are left out.

    Args:
        data: Folder with `images/` and VQA-RAD's `trainset.json` (or any list of objects with
            `image_name`, `question` and `answer`), or `labels.csv` with the columns `image_id`,
            `question` and `answer`.
        labels: The specialist's classes, each with the names that data sets use.
        schema: Not used: the question is the one option.

    Returns:
        Cases, those of one image in one group.

    Raises:
        InvalidInput: If a column, an image or every closed answer is missing.
    """
    names = {alias.lower(): name for name, known in labels.items() for alias in (name, *known)}
    cases = []
    for row in _rows(data):
        answer = names.get(str(row["answer"]).strip().lower().rstrip("."))
        if answer is not None:
            options = {"question": _MARK.sub("", str(row["question"])).strip()}
            cases.append(Labelled(_image(data, row["image"]), answer, row["image"], options))
    if not cases:
        raise InvalidInput(f"No question of the folder is answered with {' or '.join(labels)}.")
    return cases


def _rows(data: Path) -> list[dict[str, Any]]:
    """Each question with `image`, `question` and `answer`."""
    if (data / "trainset.json").is_file():
        found = json.loads((data / "trainset.json").read_text(encoding="utf-8"))
        image = "image_name"
    else:
        with (data / "labels.csv").open(newline="", encoding="utf-8-sig") as stream:
            found = list(csv.DictReader(stream))
        image = "image_id"
    try:
        return [{**row, "image": row[image]} for row in found if (row["question"], row["answer"])]
    except (KeyError, TypeError):
        raise InvalidInput(f"A question needs {image}, question and answer.") from None


def _image(data: Path, name: str) -> Path:
    for ending in ("", ".jpg", ".png"):
        path = data / "images" / f"{name}{ending}"
        if path.is_file() and path.resolve().is_relative_to(data.resolve()):
            return path
    raise InvalidInput("A question is about an image that is not in images/.")
