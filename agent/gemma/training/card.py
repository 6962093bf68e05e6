"""The card of a checkpoint: calibration, threshold and figures on the validation set.

The calibration is a logistic regression of "the plan is right" on the features that the planner
names. The threshold is the least probability from which at most 2% of the plans that act do so
where every right plan asks, answers or refuses. `second_opinion` is the model's own probability
under which the rules are followed where they plan otherwise. All are fitted on one half of the
cases and told on the other.
"""

from __future__ import annotations

import hashlib
import json
import math
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
from agent.gemma.embedded.planner import EmbeddedGemma, cautious, features
from agent.gemma.training.cases import of_added_tools
from agent.gemma.training.catalogues import HELD_OUT, shipped
from agent.rules import planned

__all__ = ["write_card"]

_WRONG_ACTIONS = 0.02
_ROUNDS = 50
_RIDGE = 1e-2


@dataclass(frozen=True)
class _Row:
    """One case: what the calibration sees, and whether the plan was right."""

    number: int
    category: str
    values: tuple[float, ...]
    right: bool
    acts: bool
    misplaced: bool
    """Whether it acts where no right plan does."""
    asks_right: bool
    """Whether a question back would be right here."""


@dataclass(frozen=True)
class _Read:
    """One case and what the model wrote of it."""

    number: int
    case: Case
    request: PlanRequest
    written: Written


def write_card(folder: Path, cases: Path, command: str) -> dict[str, Any]:
    """Measure a checkpoint and write `card.json` beside it.

    Args:
        folder: Of the checkpoint.
        cases: Validation cases, one a line.
        command: That trained it.

    Returns:
        The card.
    """
    gemma = EmbeddedGemma(folder)
    gemma.card.clear()
    read = _read(gemma, cases)
    opinion = _second_opinion(gemma, read)
    gemma.card["second_opinion"] = opinion
    rows = [_row(gemma, one) for one in read]
    fitted = [row for row in rows if row.number % 2 == 0]
    told = [row for row in rows if row.number % 2 == 1]
    weights, bias = _logistic([row.values for row in fitted], [row.right for row in fitted])
    fit = {"weights": weights, "bias": bias}
    gemma.card["calibration"] = fit
    sure = [(gemma.calibrated(row.values), row) for row in rows]
    threshold = _threshold([(p, row.misplaced) for p, row in sure if row.acts and row in fitted])
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
        "second_opinion": opinion,
        "figures": {
            "validation": f"{cases.name}, {len(rows)} cases, not a held-out set: all is fitted on "
            "the half with even numbers, and cases of both halves were read while wording and "
            "plain code were tuned, so both figures are optimistic",
            "fitted_half": _figures([(p, r) for p, r in sure if r in fitted], threshold),
            "other_half": _figures([(p, r) for p, r in sure if r in told], threshold),
            "held_out_tools": _held_out(gemma),
        },
    }
    text = json.dumps(card, indent=1, ensure_ascii=False)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")
    return card


def _read(gemma: EmbeddedGemma, cases: Path) -> list[_Read]:
    read = []
    for number, case in enumerate(read_cases(cases), 1):
        request = case.request(shipped())
        read.append(_Read(number, case, request, gemma.write(request)))
    return read


def _second_opinion(gemma: EmbeddedGemma, read: Sequence[_Read]) -> float:
    """The switch to the rules with which most plans of the fitted half are right."""
    known = []
    for one in read:
        if one.number % 2 == 0:
            thought = gemma.judge(one.written, one.request)
            plans = (thought.plan, planned(one.request))
            own, other = (_right(plan, one) for plan in plans)
            known.append((math.prod(one.written.probabilities), own, other))
    steps = [step / 20 for step in range(20)]
    return max(steps, key=lambda step: (sum(b if p < step else a for p, a, b in known), -step))


def _row(gemma: EmbeddedGemma, one: _Read) -> _Row:
    thought = gemma.judge(one.written, one.request)
    acts = gate_question(thought.plan, one.request).plan.action == "call"
    return _Row(
        one.number,
        one.case.category,
        features(thought),
        _right(thought.plan, one),
        acts,
        acts and all(plan.action != "call" for plan in one.case.right),
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
    """The least probability from which at most 2% of the plans that act should not."""
    best = 1.0
    ordered = sorted(acting, reverse=True)
    wrong = 0
    for place, (probability, misplaced) in enumerate(ordered, 1):
        wrong += misplaced
        if wrong <= _WRONG_ACTIONS * place:
            best = probability
    return round(best, 4)


def _figures(sure: Sequence[tuple[float, _Row]], threshold: float) -> dict[str, Any]:
    acting = [(p, row) for p, row in sure if row.acts]
    kept = [(p, row) for p, row in acting if p >= threshold]
    final = [_final(p, row, threshold) for p, row in sure]
    categories = sorted({row.category for _, row in sure})
    return {
        "n": len(sure),
        "exact_plan": ratio([(one, 1) for one in final]),
        "exact_plan_without_threshold": ratio([(row.right, 1) for _, row in sure]),
        "wrong_actions": ratio([(row.misplaced, 1) for _, row in kept]),
        "wrong_plans_that_act": ratio([(not row.right, 1) for _, row in kept]),
        "asked_instead_of_acting": ratio([(p < threshold, 1) for p, _ in acting]),
        "calibration_error": _calibration_error(sure),
        "categories": {
            name: round(sum(own) / len(own), 3)
            for name in categories
            if (own := [_final(p, row, threshold) for p, row in sure if row.category == name])
        },
    }


def _final(probability: float, row: _Row, threshold: float) -> bool:
    """Whether what is carried out is right, with the threshold."""
    return row.asks_right if row.acts and probability < threshold else row.right


def _calibration_error(sure: Sequence[tuple[float, _Row]], bins: int = 10) -> float:
    """Mean gap of probability and share right, over bins of alike size."""
    ordered = sorted(sure, key=lambda pair: pair[0])
    size = -(-len(ordered) // bins)
    groups = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    gaps = [abs(sum(p for p, _ in g) - sum(row.right for _, row in g)) for g in groups]
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
