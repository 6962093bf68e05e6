"""The card of a checkpoint: calibration, threshold and figures on hand-written cases.

The calibration is a logistic regression of "the plan is right" on the features that the planner
names, over the plans of the model and, where they differ, of the rules: the likelier one is
carried out. The threshold is the least probability from which at most 2% of the plans that act
are wrong actions: they act where every right plan asks, answers or refuses, or call a tool that
no right plan calls. Both are fitted on one half of the validation cases and told on the other, and
on cases that nothing was fitted or tuned on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.answer import Plan
from agent.duty import gate_question
from agent.evaluate.cases import Case, read_cases
from agent.evaluate.intervals import ratio
from agent.evaluate.routing import Outcome
from agent.gemma import PlanRequest
from agent.gemma.embedded.checkpoint import Written
from agent.gemma.embedded.planner import EmbeddedGemma, candidates, cautious, features
from agent.gemma.training.cases import of_added_tools
from agent.gemma.training.catalogues import HELD_OUT, shipped

__all__ = ["write_card"]

_WRONG_ACTIONS = 0.02
_ROUNDS = 50
_RIDGE = 1.0


@dataclass(frozen=True)
class _Read:
    """One case and what the model wrote of it."""

    number: int
    case: Case
    request: PlanRequest
    written: Written


@dataclass(frozen=True)
class _Row:
    """One case as it is decided: how probable, and how right."""

    number: int
    category: str
    probability: float
    right: bool
    acts: bool
    wrong_action: bool
    asks_right: bool
    """Whether a question back would be right here."""


def write_card(
    folder: Path, cases: Sequence[Path], command: str, unseen: Path | None = None
) -> Any:
    """Measure a checkpoint and write `card.json` beside it.

    Args:
        folder: Of the checkpoint.
        cases: Files of validation cases, one a line; every second case is fitted on.
        command: That trained it.
        unseen: Cases that are only measured.

    Returns:
        The card.
    """
    gemma = EmbeddedGemma(folder)
    gemma.card.clear()
    read = _read(gemma, *cases)
    fit = _calibration([one for one in read if one.number % 2 == 0])
    gemma.card["calibration"] = fit
    rows = [_row(gemma, one) for one in read]
    fitted = [row for row in rows if row.number % 2 == 0]
    threshold = _threshold([(row.probability, row.wrong_action) for row in fitted if row.acts])
    halves = {"fitted_half": fitted, "other_half": [row for row in rows if row.number % 2 == 1]}
    if unseen is not None:
        halves["unseen"] = [_row(gemma, one) for one in _read(gemma, unseen)]
    card = {
        "name": "wardround shipped Gemma",
        "architecture": "Gemma3ForCausalLM",
        "parameters": sum(p.numel() for p in gemma.checkpoint.model.parameters()),
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "trained_by": command,
        "course": json.loads((folder / "course.json").read_text(encoding="utf-8")),
        "data": "generated consultations (agent/gemma/training); question wording partly from "
        "VQA-RAD (Lau et al. 2018, CC0). No patient data.",
        "use": "Chooses tools for a question from their descriptions. It writes no text, and "
        "knows no medicine: what it plans is checked by the gate.",
        "calibration": fit,
        "threshold": threshold,
        "threshold_rule": "at most 2% of the acting plans of the fitted half act where every right "
        "plan asks, answers or refuses, or call a tool that no right plan calls",
        "figures": {
            "cases": f"fitted_half and other_half: {' and '.join(one.name for one in cases)}, "
            f"{len(rows)} cases; calibration "
            "and threshold are fitted on the even numbers, and cases of both halves were read "
            "while wording and plain code were tuned, so both figures are optimistic"
            + (f"; unseen: {unseen.name}, measured only" if unseen else ""),
            **{name: _figures(own, threshold) for name, own in halves.items()},
            "held_out_tools": _held_out(gemma),
        },
    }
    text = json.dumps(card, indent=1, ensure_ascii=False)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")
    return card


def _read(gemma: EmbeddedGemma, *files: Path) -> list[_Read]:
    read = []
    for number, case in enumerate((one for path in files for one in read_cases(path)), 1):
        request = case.request(shipped())
        read.append(_Read(number, case, request, gemma.write(request)))
    return read


def _calibration(read: Sequence[_Read]) -> dict[str, Any]:
    """Fit on every plan that may be carried out."""
    values, right = [], []
    for one in read:
        for thought in candidates(one.written, one.request):
            values.append(features(thought, one.request))
            right.append(_right(thought.plan, one))
    weights, bias = _logistic(values, right)
    return {"weights": weights, "bias": bias}


def _row(gemma: EmbeddedGemma, one: _Read) -> _Row:
    thought = gemma.judge(one.written, one.request)
    plan = gate_question(thought.plan, one.request).plan
    called = {call.tool for call in plan.calls}
    wanted = [{call.tool for call in right.calls} for right in one.case.right]
    return _Row(
        one.number,
        one.case.category,
        thought.probability,
        _right(thought.plan, one),
        plan.action == "call",
        plan.action == "call" and not any(called <= tools for tools in wanted),
        _right(cautious(thought, 2.0, one.request), one),
    )


def _right(plan: Plan, one: _Read) -> bool:
    gated = gate_question(plan, one.request).plan
    return Outcome(one.case, gated, 0.0, 0).exact


def _logistic(
    values: Sequence[Sequence[float]], right: Sequence[bool]
) -> tuple[list[float], float]:
    """Fit by Newton's method with a small ridge."""
    import numpy as np

    x = np.column_stack([np.asarray(values, float), np.ones(len(values))])
    y = np.asarray(right, float)
    beta = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        p = 1.0 / (1.0 + np.exp(-(x @ beta)))
        slope = x.T @ (y - p) - _RIDGE * beta
        curve = (x * (p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(len(beta))
        beta = beta + np.linalg.solve(curve, slope)
    return [round(float(one), 5) for one in beta[:-1]], round(float(beta[-1]), 5)


def _threshold(acting: Sequence[tuple[float, bool]]) -> float:
    """The least probability from which at most 2% of the plans that act are wrong actions."""
    best = 1.0
    ordered = sorted(acting, reverse=True)
    wrong = 0
    for place, (probability, mistaken) in enumerate(ordered, 1):
        wrong += mistaken
        if wrong <= _WRONG_ACTIONS * place:
            best = probability
    return round(best, 4)


def _figures(rows: Sequence[_Row], threshold: float) -> dict[str, Any]:
    acting = [row for row in rows if row.acts]
    kept = [row for row in acting if row.probability >= threshold]
    return {
        "n": len(rows),
        "exact_plan": ratio([(_final(row, threshold), 1) for row in rows]),
        "exact_plan_without_threshold": ratio([(row.right, 1) for row in rows]),
        "wrong_actions": ratio([(row.wrong_action, 1) for row in kept]),
        "wrong_plans_that_act": ratio([(not row.right, 1) for row in kept]),
        "asked_instead_of_acting": ratio([(row.probability < threshold, 1) for row in acting]),
        "calibration_error": _calibration_error([(row.probability, row.right) for row in rows]),
        "categories": {
            name: round(sum(own) / len(own), 3)
            for name in sorted({row.category for row in rows})
            if (own := [_final(row, threshold) for row in rows if row.category == name])
        },
    }


def _final(row: _Row, threshold: float) -> bool:
    """Whether what is carried out is right, with the threshold."""
    return row.asks_right if row.acts and row.probability < threshold else row.right


def _calibration_error(sure: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Mean gap of probability and share right, over bins of alike size."""
    ordered = sorted(sure, key=lambda pair: pair[0])
    size = -(-len(ordered) // bins)
    groups = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    gaps = [abs(sum(p for p, _ in g) - sum(right for _, right in g)) for g in groups]
    return round(sum(gaps) / len(ordered), 4)


def _held_out(gemma: EmbeddedGemma, n: int = 300) -> dict[str, Any]:
    """Tools of kinds that training never saw, added to the shipped ones."""
    wanted: list[tuple[float, float]] = []
    others: list[tuple[float, float]] = []
    for number, case in enumerate(of_added_tools(7, n, HELD_OUT)):
        called = {wish.tool for wish in gemma.think(case.request).reading.wishes}
        added = set(case.request.catalogue) - set(shipped())
        (others if number % 2 else wanted).append((bool(called & added), 1))
    return {
        "cases": f"{n} generated, one of {len(HELD_OUT)} kinds of tools never used in training",
        "chosen_when_wanted": ratio(wanted),
        "chosen_when_not": ratio(others),
    }
