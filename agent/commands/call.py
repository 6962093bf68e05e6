"""`wardround call`: one tool by itself; every field of its request is an option."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("tool", required=False)
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def command(tool: str | None, rest: tuple[str, ...]) -> None:
    """Call TOOL on FILES: wardround call TOOL [FILE…] [--OPTION VALUE…] [--json].

    The options are the tool's own; `wardround call TOOL --help` lists them.
    """
    from agent.commands import run

    if tool is None or tool in ("-h", "--help"):
        click.echo(click.get_current_context().get_help(), err=tool is None)
        sys.exit(0 if tool else 2)
    sys.exit(run(_call(tool, list(rest))))


async def _call(tool: str, rest: list[str]) -> int:
    from agent.agent import Agent

    async with Agent() as agent:
        info = agent.toolbox.info(tool)
        parser = _parser(info)
        with parser.make_context(f"wardround call {tool}", rest) as context:
            given = dict(context.params)
        return await _answer(agent, tool, given)


async def _answer(agent: Any, tool: str, given: dict[str, Any]) -> int:
    from agent.commands import Progress, show_json, told
    from specialists.errors import InvalidInput, WardroundError

    as_json, pictures = given.pop("json"), given.pop("pictures")
    files = given.pop("files", ())
    options = {name: value for name, value in given.items() if value is not None}
    progress = Progress()
    try:
        outcome = await agent.call_async(tool, files, progress.report(), **options)
    except WardroundError as error:
        progress.clear()
        if as_json:
            show_json({"error": {"code": error.code, "message": error.client_message}})
        told(f"{error.code}: {error.client_message}")
        return 2 if isinstance(error, InvalidInput) else 3
    progress.clear()
    if as_json:
        show_json(outcome.structured)
    else:
        sys.stdout.write(outcome.text + "\n")
    if pictures is not None:
        drawn = [*outcome.pictures(tool), *outcome.tables(tool)]
        for path in await agent.save_pictures_async(drawn, pictures):
            told(f"wrote {path}")
    return 0


def _parser(info: Any) -> click.Command:
    """A click command whose options are the tool's arguments."""
    schema = info.options
    options: list[click.Parameter] = [
        _option(name, field, name in schema.get("required", []))
        for name, field in schema.get("properties", {}).items()
    ]
    if info.accepts is not None:
        path = click.Path(path_type=Path)
        options.insert(0, click.Argument(["files"], nargs=-1, type=path))
    options += [
        click.Option(["--json"], is_flag=True, help="Write the result as JSON."),
        click.Option(
            ["--pictures"],
            type=click.Path(path_type=Path, file_okay=False),
            help="Write the pictures and tables into this folder.",
        ),
    ]
    return click.Command(info.name, params=options, help=info.description)


def _option(name: str, field: dict[str, Any], required: bool) -> click.Option:
    kinds = {one.get("type") for one in field.get("anyOf", [field])} - {"null"}
    flag = f"--{name.replace('_', '-')}"
    help_ = field.get("description")
    if kinds == {"boolean"}:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], default=None, help=help_)
    kind = {"integer": click.INT, "number": click.FLOAT}.get("".join(kinds), click.STRING)
    many = kinds == {"array"}
    return click.Option([flag, name], type=kind, required=required, multiple=many, help=help_)
