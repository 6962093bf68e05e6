"""What fits a GPU: which Gemma plans, whether MedGemma is served beside it, what is left."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.gemma.choice import CHOICES, Choice

__all__ = ["MEDGEMMA_GIB", "Plan", "plans"]

MEDGEMMA_GIB = 12.0
"""For a served MedGemma 1.5 4B: 8.0 of weights, 1.2 of keys and values for one request of 40,960
tokens (six of 34 layers see all of it, the others 1,024 tokens; 4 KiB a token and layer), the
rest for what is computed. Counted from the model's configuration, not measured."""
_USABLE = 0.93
"""Of a card's memory: the driver and the processes' contexts keep the rest."""

_SHIPPED = replace(CHOICES[-1], why="on the processor; the card is for specialist models")
_ENCODER_GIB = 2.0
"""Without so much left, no encoder runs beside the rest."""


@dataclass(frozen=True)
class Plan:
    """One way to use a card."""

    gemma: Choice
    """Who plans; its model is empty where the shipped one does."""
    gemma_gib: float
    """Memory that its server gets."""
    medgemma: bool
    left_gib: float
    """For specialist models in process."""


def plans(gpu_gib: float) -> tuple[Plan, ...]:
    """Say how a card can be used, with MedGemma first where it fits."""
    usable = gpu_gib * _USABLE
    found = []
    if usable >= MEDGEMMA_GIB:
        found.append(_plan(usable - MEDGEMMA_GIB, medgemma=True))
    found.append(_plan(usable, medgemma=False))
    if all(one.left_gib < _ENCODER_GIB for one in found):
        found.append(Plan(_SHIPPED, 0.0, False, round(usable, 1)))
    return tuple(found)


def _plan(room_gib: float, *, medgemma: bool) -> Plan:
    fits = next(one for one in CHOICES if room_gib >= one.memory_gib * _USABLE)
    gemma = fits if fits.model else _SHIPPED
    gemma_gib = gemma.memory_gib * _USABLE
    return Plan(gemma, round(gemma_gib, 1), medgemma, round(room_gib - gemma_gib, 1))
