from __future__ import annotations

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from agent.cli import _COMMANDS, cli
from tests.contract.readme import README, first_answer, section, table


def test_table_of_specialists_is_the_registry() -> None:
    assert section("specialists")[1] == table()


def test_figures_in_the_readme_are_what_the_command_prints() -> None:
    result = CliRunner().invoke(cli, ["models", "--figures"])
    assert section("figures")[1] == result.stdout.strip()


def test_answer_in_the_readme_is_what_the_demo_prints() -> None:
    assert section("demo")[1] == first_answer()


def test_commands_named_in_the_readme_are_there() -> None:
    named = set(re.findall(r"^wardround ([\w-]+)", README.read_text(encoding="utf-8"), re.M))
    assert named
    assert named <= set(_COMMANDS)


def test_every_command_stands_in_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    assert [name for name in _COMMANDS if f"wardround {name}" not in text] == []


def test_python_in_the_readme_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert blocks
    for block in blocks:
        run = subprocess.run(
            [sys.executable, "-c", block],
            capture_output=True,
            text=True,
            cwd=README.parent,
            timeout=300,
        )
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_has_help(command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "agent", command, "--help"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "Usage:" in run.stdout
