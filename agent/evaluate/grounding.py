"""Is the grounding check right? Measured on statements that are known to be faithful or faulty."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agent.evaluate.intervals import quantile, ratio
from agent.grounding import CHECKER, check
from agent.grounding.items import language_of
from specialists.errors import InvalidInput
from specialists.schema import Evidence

__all__ = ["Judged", "as_lines", "evaluate_grounding", "judge"]

_MS = 1000


@dataclass(frozen=True)
class Judged:
    """One case, with what the checker said."""

    supported: bool
    """Whether the statement is faithful."""
    refused: bool
    """Whether the checker refused it."""
    fault: str
    """The kind of fault; empty where there is none."""
    language: str
    code: str
    """The kind of fault that the checker named."""
    milliseconds: float

    @property
    def caught(self) -> bool:
        """A faulty statement that was refused."""
        return self.refused and not self.supported


def judge(case: Mapping[str, Any]) -> Judged:
    """Check one case.

    Args:
        case: As `wardround verify` takes it, with 'supported' and, where it isn't, 'fault';
            'language' where it is known.

    Raises:
        InvalidInput: If a field is missing or the evidence has another form.
    """
    try:
        evidence = {one["id"]: Evidence.model_validate(one) for one in case["evidence"]}
        cited = [evidence[name] for name in case["cites"]]
        statement, supported = str(case["statement"]), bool(case["supported"])
    except (KeyError, TypeError, ValidationError):
        raise InvalidInput(
            "Every case needs 'evidence', 'statement', 'cites' (of that evidence) and 'supported'."
        ) from None
    start = time.thread_time()
    verdict = check(statement, cited)
    taken = _MS * (time.thread_time() - start)
    fault = "" if supported else str(case.get("fault") or "other")
    language = str(case.get("language") or language_of(statement))
    return Judged(supported, not verdict.supported, fault, language, verdict.code, taken)


def evaluate_grounding(cases: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Measure the checker: a refusal is its positive answer.

    Returns:
        Figures over all cases, by kind of fault and by language, each with the 95 % bootstrap
        interval over cases; and the processor time a statement takes, in milliseconds.
    """
    judged = [judge(case) for case in cases]
    faithful = [one for one in judged if one.supported]
    faults = sorted({one.fault for one in judged if one.fault})
    languages = sorted({one.language for one in judged})
    return {
        "checker": CHECKER,
        "n": len(judged),
        "faithful": len(faithful),
        "metrics": _figures(judged)
        | {
            "milliseconds_mean": ratio([(one.milliseconds, 1.0) for one in judged]),
            "milliseconds_median": quantile([one.milliseconds for one in judged], 0.5),
            "milliseconds_95": quantile([one.milliseconds for one in judged], 0.95),
        },
        "faults": {
            fault: _figures([*faithful, *(one for one in judged if one.fault == fault)])
            | {"n": sum(one.fault == fault for one in judged)}
            for fault in faults
        },
        "languages": {
            language: _figures([one for one in judged if one.language == language])
            | {"n": sum(one.language == language for one in judged)}
            for language in languages
        },
    }


def _figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """Precision, recall and F1 of refusals, and how many faithful statements are refused."""

    def share(over: Callable[[Judged], float], under: Callable[[Judged], float]) -> Any:
        return ratio([(over(one), under(one)) for one in judged])

    return {
        "recall": share(lambda one: one.caught, lambda one: not one.supported),
        "precision": share(lambda one: one.caught, lambda one: one.refused),
        "f1": share(lambda one: 2 * one.caught, lambda one: one.refused + (not one.supported)),
        "faithful_refused": share(
            lambda one: one.supported and one.refused, lambda one: one.supported
        ),
    }


def as_lines(report: Mapping[str, Any]) -> list[str]:
    """Write a report as a table."""
    lines = [
        f"{report['checker']}: {report['n']} cases, {report['faithful']} of them faithful",
        *(f"  {name:22} {_figure(one)}" for name, one in report["metrics"].items()),
    ]
    for title in ("faults", "languages"):
        lines += ["", f"{title[:-1]:16} n    recall                   F1                       "
                      "faithful refused"]  # fmt: skip
        lines += [
            f"{name:14} {row['n']:4}  {_figure(row['recall'])}  {_figure(row['f1'])}  "
            f"{_figure(row['faithful_refused'])}"
            for name, row in report[title].items()
        ]
    return lines


def _figure(one: Mapping[str, float | None]) -> str:
    if one["value"] is None:
        return "not measured           "
    return f"{one['value']:.3f}  ({one['low']:.3f} to {one['high']:.3f})"
