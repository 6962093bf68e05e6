"""The tokenizer: byte-pair encoding with byte fallback, trained on generated prompts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from agent.gemma.embedded.prompt import SPECIAL, asked_text, catalogue_text, slots_of
from agent.gemma.training.cases import generate

__all__ = ["VOCABULARY", "train_tokenizer"]

VOCABULARY = 4096
_BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))


def train_tokenizer(seed: int, cases: int = 16_000) -> str:
    """Train on generated cases; gives the tokenizer's JSON."""
    from tokenizers import Tokenizer, models, trainers

    draft = Tokenizer(models.BPE())
    _split(draft)
    size = VOCABULARY - len(SPECIAL) - len(_BYTES)
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, min_frequency=2)
    draft.train_from_iterator(_texts(seed, cases), trainer)
    learned = json.loads(draft.to_str())["model"]
    pieces = sorted(learned["vocab"], key=learned["vocab"].get)
    names = [*SPECIAL, *_BYTES, *pieces]
    vocabulary = {piece: number for number, piece in enumerate(names)}
    merges = [tuple(pair) for pair in learned["merges"]]
    return _assembled(vocabulary, merges)


def _assembled(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> str:
    from tokenizers import AddedToken, Tokenizer, decoders, models

    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True))
    _split(tokenizer)
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.add_special_tokens(
        [AddedToken(one, lstrip=True, rstrip=True, normalized=False) for one in SPECIAL]
    )
    return str(tokenizer.to_str())


def _split(tokenizer: Any) -> None:
    """Words, single digits and single Chinese characters are encoded apart."""
    from tokenizers import Regex, pre_tokenizers

    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always"),
            pre_tokenizers.Split(Regex("[\u4e00-\u9fff]"), "isolated"),
            pre_tokenizers.Split(Regex("[0-9]"), "isolated"),
            pre_tokenizers.Split(Regex("[.;?+%']"), "isolated"),
        ]
    )


def _texts(seed: int, cases: int) -> Iterable[str]:
    import re

    seen: set[int] = set()
    for case in generate(seed, cases):
        tools = list(case.request.catalogue.values())
        slots = slots_of(tools)
        texts = [asked_text(case.request, slots)]
        if id(case.request.catalogue) not in seen:
            seen.add(id(case.request.catalogue))
            texts.append(catalogue_text(tools, slots))
        for text in texts:
            yield from (part for part in re.split(r"<\w+>", text) if part.strip())
