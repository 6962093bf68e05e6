"""Fits a specialist's probabilities and sets to a folder of the user's own labelled cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.agent import Agent
from agent.evaluate.labels import read_cases
from agent.evaluate.specialists import Told, ask_all, spread
from specialists.errors import InvalidInput, WardroundError

__all__ = ["calibrate_specialist"]


async def calibrate_specialist(
    agent: Agent,
    tool: str,
    data: Path,
    backend: str = "auto",
    progress: Told = lambda _: None,
    *,
    limit: int | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """Call a classifying specialist on every case and fit its calibration.

    Args:
        agent: Open, with settings that say `calibrations=False`.
        tool: The specialist's tool name.
        data: Folder as `evaluate` takes it.
        backend: Which of its models.
        progress: Told how far it is.
        limit: Take so many cases only, spread over the table.
        out: Where to write the file; default: where the model finds it.

    Returns:
        The calibration as JSON, and `file`, its place.

    Raises:
        InvalidInput: If the specialist has no classes, or the cases are too few or unfit.
        BackendUnavailable: If the model can't run here.
    """
    from tools.calibrations import Answered, calibrate

    info = agent.toolbox.info(tool)
    if not info.labels:
        raise InvalidInput(f"{tool} gives no classes that could be calibrated.")
    table = data / "labels.csv"
    if not table.is_file():
        raise InvalidInput("The data folder needs images/ and labels.csv.")
    cases = spread(read_cases(data, info.labels, info.options.get("properties", {})), limit)
    said, _ = await ask_all(agent, tool, cases, progress, backend)
    answered, refused = [], dict[str, int]()
    for case, one in zip(cases, said, strict=True):
        if isinstance(one, WardroundError):
            refused[one.code] = refused.get(one.code, 0) + 1
        else:
            kind = await _kind(agent, case.path)
            answered.append(Answered(one, kind, case.label, case.group))
    if not answered:
        reasons = ", ".join(f"{code} {n} times" for code, n in sorted(refused.items()))
        raise InvalidInput(f"No case of the folder was accepted by the specialist: {reasons}.")
    calibration, place = calibrate(tool, answered, table.read_bytes(), refused, out)
    return {**calibration.model_dump(mode="json"), "file": str(place)}


async def _kind(agent: Agent, path: Path) -> str:
    (file,) = (await agent.inspect([path])).files
    return file.manifest.kind if file.manifest is not None else "image"
