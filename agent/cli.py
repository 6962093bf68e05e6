"""The command `wardround`.

stdout carries the result alone; everything else goes to stderr. Exit codes: 0 done, 1 a
specialist failed and the rest was answered, 2 the call was wrong, 3 nothing could be answered.
Nothing but click is imported until a command runs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

__all__ = ["main"]

_COMMANDS = {
    "ask": ("agent.commands.ask", "Ask a question about files."),
    "export": ("agent.commands.export", "Write a saved answer as HTML, FHIR or DICOM."),
    "view": ("agent.commands.view", "Look through a saved answer in a browser, and review it."),
    "chat": ("agent.commands.chat", "Ask questions in a conversation."),
    "route": ("agent.commands.route", "Plan cases without running specialists."),
    "verify": ("agent.commands.verify", "Check statements against their evidence."),
    "call": ("agent.commands.call", "Call one tool by itself."),
    "tools": ("agent.commands.tools", "List the tools."),
    "models": ("agent.commands.models", "List the models, or their measured figures."),
    "inspect": ("agent.commands.inspect", "Say what files are."),
    "evaluate": ("agent.commands.evaluate", "Measure a specialist on labelled images."),
    "calibrate": ("agent.commands.calibrate", "Fit a specialist's probabilities to your cases."),
    "train-head": ("agent.commands.train_head", "Train a head on an encoder with your cases."),
    "scores": ("agent.commands.scores", "List and fetch scores of the PGS Catalog."),
    "reference-panel": (
        "agent.commands.reference_panel",
        "Make or list cohorts that polygenic scores are read against.",
    ),
    "serve": ("agent.commands.serve", "Serve the tools over MCP."),
    "up": ("agent.commands.up", "Serve Gemma and MedGemma on this machine's GPU."),
    "token": ("agent.commands.token", "Let a caller in over HTTP."),
    "install": ("agent.commands.install", "Set an MCP client up to start this server."),
    "demo": ("agent.commands.demo", "Answer seven real cases, refuse an eighth."),
    "doctor": ("agent.commands.doctor", "Say what would be used here, and what is missing."),
}


class _Lazy(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, help_) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="wardround")
@click.option("-v", "--verbose", is_flag=True, help="Log what is done, to stderr.")
def cli(verbose: bool) -> None:
    """Ask specialist models about films, volumes, slides, photographs and genotypes.

    For research and teaching. Not a medical device: every answer is for a qualified reader.
    """
    import logging

    level = logging.INFO if verbose else logging.ERROR
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(name)s %(message)s")


def main() -> Any:
    """Run the command line; errors of our tree become a line on stderr and exit code 2 or 3."""
    from agent.commands import exit_code_of

    try:
        return cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the process's edge: told in one line
        sys.exit(exit_code_of(error))
