from __future__ import annotations

import asyncio
import json

import pytest

from tests.contract.snapshots import FOLDER, as_text, current, listed

CATALOGUE_BUDGET_TOKENS = 4200
CHARACTERS_A_TOKEN = 3.5
"""Fewer than English prose has in common tokenizers: JSON takes more tokens."""


@pytest.fixture(scope="module")
def snapshots() -> dict[str, object]:
    return current()


def test_schemas_are_those_of_the_snapshots(snapshots: dict[str, object]) -> None:
    stored = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert sorted(stored) == sorted(snapshots)
    for name, value in snapshots.items():
        assert as_text(value) == stored[name], f"{name}: a changed schema is a changelog entry"


def test_tools_are_read_only_and_idempotent() -> None:
    for tool in asyncio.run(listed()):
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.idempotent_hint is True
        assert tool.annotations.open_world_hint is False


def test_catalogue_stays_within_its_budget() -> None:
    seen = [
        {"name": tool.name, "description": tool.description, "parameters": tool.input_schema}
        for tool in asyncio.run(listed())
    ]
    tokens = len(json.dumps(seen, ensure_ascii=False)) / CHARACTERS_A_TOKEN
    assert tokens < CATALOGUE_BUDGET_TOKENS
