import json
import sys
from pathlib import Path

import anyio
import pytest
import yaml
from click.testing import CliRunner
from fastmcp import Client

from agent.cli import cli
from agent.clients import CLIENTS, Entry, merged, printed, write_entry
from specialists.errors import InvalidInput

ENTRY = Entry("/opt/wardround", ("serve",), {"WARDROUND_ROOTS": "/studies"})
WITH_FILE = [name for name, client in CLIENTS.items() if client.files is not None]


def install(*words: str) -> str:
    done = CliRunner().invoke(cli, ["install", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_written_entry_starts_a_server_that_lists_its_tools(tmp_path: Path) -> None:
    file = tmp_path / "claude_desktop_config.json"
    install("claude-desktop", "--file", str(file), "--root", str(tmp_path))

    async def names() -> set[str]:
        async with Client(json.loads(file.read_text())) as client:
            return {tool.name for tool in await client.list_tools()}

    assert {"consult", "inspect_files", "report_ct"} <= anyio.run(names)


@pytest.mark.parametrize("name", WITH_FILE)
def test_other_servers_and_settings_stay_when_an_entry_is_written(
    name: str, tmp_path: Path
) -> None:
    client = CLIENTS[name]
    file = tmp_path / "settings.json"
    before = {"theme": "dark", client.section: {"other": {"command": "x", "env": {"A": "é"}}}}
    file.write_text(json.dumps(before))
    file.chmod(0o600)
    write_entry(file, client, ENTRY)
    after = json.loads(file.read_text())
    assert after["theme"] == "dark"
    assert after[client.section]["other"] == before[client.section]["other"]  # type: ignore[index]
    assert after[client.section]["wardround"]["args"] == ["serve"]
    assert file.stat().st_mode & 0o777 == 0o600
    kept = json.loads((tmp_path / "settings.json.before-wardround").read_text())
    assert kept == before


def test_second_installation_renews_the_entry_and_keeps_what_a_person_added() -> None:
    client = CLIENTS["cursor"]
    first = merged({}, client, ENTRY)
    first["mcpServers"]["wardround"]["disabled"] = True
    first["mcpServers"]["wardround"]["env"]["WARDROUND_DEVICE"] = "cpu"
    moved = Entry("/new/wardround", ("serve",), {"WARDROUND_ROOTS": "/more"})
    assert merged(first, client, moved)["mcpServers"]["wardround"] == {
        "command": "/new/wardround",
        "args": ["serve"],
        "env": {"WARDROUND_ROOTS": "/more", "WARDROUND_DEVICE": "cpu"},
        "disabled": True,
    }


@pytest.mark.parametrize("text", ['{"a": 1, // note\n}', "[]", '{"mcpServers": []}', "\x00"])
def test_configuration_that_cannot_be_merged_is_left_alone(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text(text)
    with pytest.raises(InvalidInput):
        write_entry(file, CLIENTS["cursor"], ENTRY)
    assert file.read_text() == text
    assert list(tmp_path.iterdir()) == [file]


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    shown = install("vscode", "--file", str(file), "--root", str(tmp_path), "--dry-run")
    assert json.loads(shown)["servers"]["wardround"]["type"] == "stdio"
    assert not file.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_linked_configuration_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    link = tmp_path / "mcp.json"
    link.symlink_to(real)
    write_entry(link, CLIENTS["cursor"], ENTRY)
    assert link.is_symlink()
    assert "wardround" in json.loads(real.read_text())["mcpServers"]


@pytest.mark.parametrize("name", ["goose", "librechat"])
def test_printed_yaml_says_command_arguments_and_folders(name: str) -> None:
    odd = Entry('/a b/"ward: round', ("serve",), {"WARDROUND_ROOTS": "/x: y#z"})
    said = yaml.safe_load(printed(name, odd))[CLIENTS[name].section]["wardround"]
    assert said.get("cmd", said.get("command")) == odd.command
    assert said["args"] == ["serve"]
    assert said.get("envs", said.get("env")) == dict(odd.env)


def test_open_webui_is_told_the_line_that_serves_http() -> None:
    assert printed("open-webui", ENTRY).endswith("serve --http --port 8765")


def test_uvx_entry_names_the_package_and_its_extras(tmp_path: Path) -> None:
    said = json.loads(install("cursor", "--print", "--uvx", "--root", str(tmp_path)))
    entry = said["mcpServers"]["wardround"]
    assert entry["command"] == "uvx"
    assert entry["args"][-2:] == ["wardround", "serve"]
