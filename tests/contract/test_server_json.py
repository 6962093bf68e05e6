"""`server.json`, by which the MCP registry lists the server, says what is true of it.

The schema here is what the registry's own (2025-12-11) demands of the parts that are used.
"""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from jsonschema import Draft7Validator

from agent.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = {"type": "string", "minLength": 1}
ARGUMENT = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": ["named", "positional"]},
        "name": TEXT,
        "value": TEXT,
        "description": TEXT,
    },
    "allOf": [
        {
            "if": {"properties": {"type": {"const": "named"}}},
            "then": {"required": ["name"]},
            "else": {"required": ["value"]},
        }
    ],
    "additionalProperties": False,
}
VARIABLE = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$"},
        "description": TEXT,
        "format": {"enum": ["string", "number", "boolean", "filepath"]},
        "isRequired": {"type": "boolean"},
        "isSecret": {"type": "boolean"},
    },
    "additionalProperties": False,
}
PACKAGE = {
    "type": "object",
    "required": ["registryType", "identifier", "version", "transport"],
    "properties": {
        "registryType": {"enum": ["pypi"]},
        "identifier": TEXT,
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "runtimeHint": {"enum": ["uvx"]},
        "runtimeArguments": {"type": "array", "items": ARGUMENT},
        "packageArguments": {"type": "array", "items": ARGUMENT},
        "transport": {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"const": "stdio"}},
            "additionalProperties": False,
        },
        "environmentVariables": {"type": "array", "items": VARIABLE},
    },
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "required": ["$schema", "name", "description", "version"],
    "properties": {
        "$schema": {
            "const": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
        },
        "name": {
            "type": "string",
            "pattern": r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$",
            "minLength": 3,
            "maxLength": 200,
        },
        "title": {"type": "string", "minLength": 1, "maxLength": 100},
        "description": {"type": "string", "minLength": 1, "maxLength": 100},
        "version": {"type": "string", "maxLength": 255, "pattern": r"^\d+\.\d+\.\d+$"},
        "packages": {"type": "array", "minItems": 1, "items": PACKAGE},
    },
    "additionalProperties": False,
}


@pytest.fixture
def entry() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "server.json").read_text("utf-8"))
    return found


def test_entry_of_the_registry_is_as_its_schema_demands(entry: dict[str, Any]) -> None:
    assert [fault.message for fault in Draft7Validator(SCHEMA).iter_errors(entry)] == []


def test_entry_names_this_version_its_extras_and_real_settings(entry: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (package,) = entry["packages"]
    assert {entry["version"], package["version"]} == {project["version"]}
    wanted = package["runtimeArguments"][0]["value"]
    assert wanted.endswith(f"=={project['version']}")
    extras = wanted.partition("[")[2].partition("]")[0].split(",")
    assert set(extras) <= set(project["optional-dependencies"])
    names = {one["name"] for one in package["environmentVariables"]}
    assert names <= {f"WARDROUND_{field}".upper() for field in Settings.model_fields}


def test_marker_that_the_registry_looks_for_stands_in_the_readme(entry: dict[str, Any]) -> None:
    assert f"<!-- mcp-name: {entry['name']} -->" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.anyio
async def test_console_script_serves_as_the_entry_starts_it(
    entry: dict[str, Any], tmp_path: Path
) -> None:
    script = shutil.which("wardround", path=str(Path(sys.executable).parent))
    assert script is not None
    arguments = [one["value"] for one in entry["packages"][0]["packageArguments"]]
    env = {"WARDROUND_ROOTS": str(tmp_path), "WARDROUND_STATE_DIR": str(tmp_path)}
    way = StdioTransport(script, arguments, env=env, cwd=str(ROOT), keep_alive=False)
    async with Client(way) as client:
        assert "consult" in {tool.name for tool in await client.list_tools()}
