"""Cases as tensors: one catalogue, then several consultations that do not see each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.gemma.embedded.prompt import asked_text, catalogue_text, slots_of, written
from agent.gemma.training.cases import Case

__all__ = ["Batch", "Sequences", "batched"]

_QUESTION_WEIGHT, _EVERY = 0.1, 3
"""Of every third of a question's own words in the loss: they teach to look words up."""


@dataclass(frozen=True)
class Sequences:
    """One catalogue with its consultations."""

    tokens: list[int]
    positions: list[int]
    blocks: list[int]
    """0 for the catalogue, then the number of the consultation."""
    weights: list[float]
    """Of each token as a target."""


@dataclass(frozen=True)
class Batch:
    """Tensors of shape (sequences, tokens); the mask is (sequences, 1, tokens, tokens)."""

    tokens: Any
    positions: Any
    mask: Any
    weights: Any


def batched(cases: Iterable[Case], tokenizer: Any) -> Batch:
    """Put cases that share a catalogue into one sequence, and sequences into a batch."""
    groups: dict[int, list[Case]] = {}
    for case in cases:
        groups.setdefault(id(case.request.catalogue), []).append(case)
    return _padded([_sequence(group, tokenizer) for group in groups.values()])


def _sequence(cases: Sequence[Case], tokenizer: Any) -> Sequences:
    tools = list(cases[0].request.catalogue.values())
    slots = slots_of(tools)
    start = _encode(tokenizer, catalogue_text(tools, slots))
    made = Sequences(start[:], [*range(len(start))], [0] * len(start), [0.0] * len(start))
    for number, case in enumerate(cases, 1):
        asked = _encode(tokenizer, asked_text(case.request, slots))
        answer = _encode(tokenizer, written(case.reading, slots))
        made.tokens.extend([*asked, *answer])
        made.positions.extend(range(len(start), len(start) + len(asked) + len(answer)))
        made.blocks.extend([number] * (len(asked) + len(answer)))
        counted = [_QUESTION_WEIGHT * ((at + number) % _EVERY == 0) for at in range(len(asked))]
        made.weights.extend([*counted, *[1.0] * len(answer)])
    return made


def _encode(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def _padded(sequences: Sequence[Sequences]) -> Batch:
    import torch

    longest = max(len(one.tokens) for one in sequences)

    def pad(values: Sequence[Sequence[float]], fill: float, kind: Any) -> Any:
        rows = [[*one, *[fill] * (longest - len(one))] for one in values]
        return torch.tensor(rows, dtype=kind)

    blocks = pad([one.blocks for one in sequences], -1, torch.long)
    before = torch.ones(longest, longest, dtype=torch.bool).tril()
    same = blocks[:, None, :] == blocks[:, :, None]
    seen = before & (same | (blocks[:, None, :] == 0))
    return Batch(
        pad([one.tokens for one in sequences], 0, torch.long),
        pad([one.positions for one in sequences], 0, torch.long),
        torch.where(seen, 0.0, torch.finfo(torch.float32).min)[:, None],
        pad([one.weights for one in sequences], 0.0, torch.float32),
    )
