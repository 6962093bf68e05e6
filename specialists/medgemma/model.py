"""What MedGemma is: the hub model, and what is said of it in every result. No model library."""

from __future__ import annotations

from collections.abc import Sequence

from specialists.base import BackendSpec
from specialists.hub_models import MEDGEMMA_1_5_4B
from specialists.schema import Accepts, Provenance

__all__ = ["HUB", "NAME", "TRUNK_AND_HEAD", "backend", "provenance"]

NAME = "medgemma"
HUB = MEDGEMMA_1_5_4B
TRUNK_AND_HEAD = (
    "chest", "lung", "heart", "abdomen", "liver", "kidney", "pancreas", "colon", "pelvis", "head",
    "brain", "chest and abdomen", "abdomen and pelvis", "chest, abdomen and pelvis",
    "head and neck", "neck and chest", "neck, chest and abdomen",
    "neck, chest, abdomen and pelvis",
)  # fmt: skip
"""Parts of the body whose scans MedGemma is asked about at all; a figure is published for CT of
the chest alone."""
_MEMORY_GIB = 12.0
"""Weights in bfloat16 (8.0), and keys, values and pictures of a long prompt."""


def backend(
    target: str,
    *,
    accepts: tuple[Accepts, ...] = (),
    findings: tuple[str, ...] = (),
    description: str = "",
    gives: str = "",
    scores: bool = False,
    timeout_s: float = 600.0,
) -> BackendSpec:
    """Describe a specialist's MedGemma backend.

    Args:
        target: Module of this package and the class in it: 'ct:CtBackend'.
        accepts: Which of the specialist's files it is competent for.
        findings: What it can emit beyond the specialist's own list.
        description: The tool's, where MedGemma answers.
        gives: What the tool then gives.
        scores: Whether what it gives are scores of classes, which want a calibration.
        timeout_s: Longest call.
    """
    return BackendSpec(
        name=NAME,
        target=f"specialists.medgemma.{target}",
        requires=("torch", "transformers"),
        needs_gpu=True,
        memory_gib=_MEMORY_GIB,
        install='pip install "wardround[gemma]"',
        hub=HUB,
        shares_weights=True,
        needs_calibration=scores,
        accepts=accepts,
        findings=findings,
        description=description,
        gives=gives,
        timeout_s=timeout_s,
    )


def provenance(
    specialist: str, evaluated_on: str, served: str, prompts: Sequence[str]
) -> Provenance:
    """Say where a result comes from.

    Args:
        specialist: The tool's name.
        evaluated_on: What is published of it for this task.
        served: 'in process' or 'endpoint'.
        prompts: Which were used: name, version and digest.
    """
    return Provenance(
        specialist=specialist,
        backend=NAME,
        model=f"{HUB.id} ({served})",
        version=f"1.5; prompts {', '.join(prompts)}",
        evaluated_on=f"{evaluated_on} Not measured here.",
        terms=HUB.terms,
    )
