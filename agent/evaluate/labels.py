"""A folder of labelled images becomes cases: an image, its class, its group and its options."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from specialists.errors import InvalidInput

__all__ = ["Labelled", "read_cases", "read_labels"]

_LABEL_COLUMNS = ("label", "dx", "diagnostic", "dr_grade", "grade")
_GROUP_COLUMNS = ("patient_id", "lesion_id", "group", "person", "case_id")
_ALIASES = {
    "age": "age_years", "localization": "site", "region": "site", "gender": "sex",
}  # fmt: skip
"""What data sets call a field of a request."""
_ENDINGS = ("", ".jpg", ".jpeg", ".png")
_IN_NAMES = (
    re.compile(r"(?:NORMAL2-)?IM-\d+"),  # Kermany's films: a person without pneumonia
    re.compile(r"person\d+"),  # and one with it
    re.compile(r"(?<=___)(?:Case-\d+|P\d+)"),  # the osteosarcoma set's cases
)
_READERS = {
    "trainset.json": "agent.evaluate.questions:read_questions",
    "labels.csv": "agent.evaluate.labels:read_labels",
}
"""Which function reads a folder that has this file; called as `read_labels` is."""

Schema = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Labelled:
    """An image and the class it truly has."""

    path: Path
    label: str
    group: str = ""
    """Cases of one group (a patient, a lesion) are drawn together by the bootstrap."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the call, beside the image."""


def read_cases(data: Path, labels: Mapping[str, Sequence[str]], schema: Schema) -> list[Labelled]:
    """Read a folder in whichever of the known layouts it has.

    Args:
        data: The folder.
        labels: The specialist's classes, each with the names that data sets use.
        schema: JSON schema of each field of its request.

    Raises:
        InvalidInput: If the folder has no known layout, or what it names is missing or unknown.
    """
    for file, target in _READERS.items():
        if (data / file).is_file():
            module, name = target.split(":")
            read: Callable[..., list[Labelled]] = getattr(import_module(module), name)
            return read(data, labels, schema)
    raise InvalidInput("The data folder needs images/ and labels.csv.")


def read_labels(
    data: Path, labels: Mapping[str, Sequence[str]], schema: Schema | None = None
) -> list[Labelled]:
    """Read `labels.csv`, with every label translated to the specialist's class.

    Columns that are named like a field of the request become options of the call, as far as
    they have a value that the field may have.

    Raises:
        InvalidInput: If a column or an image is missing, or a label is unknown.
    """
    with (data / "labels.csv").open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    if rows and {"question", "answer"} <= rows[0].keys():
        from agent.evaluate.questions import read_questions

        return read_questions(data, labels, schema)
    column = next((name for name in _LABEL_COLUMNS if rows and name in rows[0]), None)
    if column is None or "image_id" not in rows[0]:
        wanted = " or ".join(_LABEL_COLUMNS)
        raise InvalidInput(f"labels.csv needs the columns image_id and {wanted}.")
    names = {alias.lower(): name for name, known in labels.items() for alias in (name, *known)}
    return [
        Labelled(
            _image(data, row["image_id"]),
            _class(row[column], names),
            _group(row),
            _options(row, column, schema or {}),
        )
        for row in rows
    ]


def _class(label: str, names: Mapping[str, str]) -> str:
    try:
        return names[label.strip().lower()]
    except KeyError:
        known = ", ".join(sorted(names))
        raise InvalidInput(f"labels.csv has a label that is not one of: {known}.") from None


def _group(row: Mapping[str, str]) -> str:
    """Of the same person, lesion or tile, as far as columns or the image's name tell."""
    for name in _GROUP_COLUMNS:
        if row.get(name):
            return row[name]
    found = (pattern.search(row["image_id"]) for pattern in _IN_NAMES)
    return next((match.group() for match in found if match), row["image_id"])


def _options(row: Mapping[str, str], label: str, schema: Schema) -> dict[str, Any]:
    options = {}
    for column, text in row.items():
        field_name = _ALIASES.get(column, column)
        if field_name in schema and column not in ("image_id", label) and text:
            value = _value(text.strip(), schema[field_name])
            if value is not None:
                options[field_name] = value
    return options


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """The text as the field's schema wants it; None where it can't be that."""
    for kind in schema.get("anyOf", [schema]):
        if "enum" in kind or "const" in kind:
            known = {str(one).lower(): one for one in kind.get("enum", [kind.get("const")])}
            if text.lower() in known:
                return known[text.lower()]
        elif kind.get("type") in ("number", "integer"):
            try:
                return int(float(text)) if kind["type"] == "integer" else float(text)
            except ValueError:
                continue
        elif kind.get("type") == "string":
            return text
    return None


def _image(data: Path, image_id: str) -> Path:
    path = data / "images" / image_id
    for candidate in (path.with_name(path.name + ending) for ending in _ENDINGS):
        if candidate.is_file() and candidate.resolve().is_relative_to(data.resolve()):
            return candidate
    raise InvalidInput("labels.csv names an image that is not in images/.")
