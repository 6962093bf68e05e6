"""`wardround verify`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.command()
@click.option(
    "--cases",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='One case a line: {"id", "evidence", "statement", "cites"}.',
)
def command(cases: Path) -> None:
    """Check statements against the evidence they cite, one JSON object a line."""
    from agent.commands import read_lines

    for case in read_lines(cases):
        sys.stdout.write(json.dumps(_verified(case), ensure_ascii=False) + "\n")


def _verified(case: dict[str, Any]) -> dict[str, Any]:
    from pydantic import ValidationError

    from agent.grounding import check
    from specialists.errors import InvalidInput
    from specialists.schema import Evidence

    try:
        evidence = {one["id"]: Evidence.model_validate(one) for one in case["evidence"]}
        statement, cites = str(case["statement"]), list(case["cites"])
    except (KeyError, TypeError, ValidationError):
        raise InvalidInput(
            "Every case needs 'evidence' (a list of evidence), 'statement' and 'cites'."
        ) from None
    if any(name not in evidence for name in cites):
        told = "It cites evidence that is not there."
        return {"id": case.get("id"), "supported": False, "reason": told}
    verdict = check(statement, [evidence[name] for name in cites])
    return {"id": case.get("id"), "supported": verdict.supported, "reason": verdict.reason}
