"""The shipped checkpoint at a vLLM server: what it reads in a question is written over there.

Prompt, grammar and calibration are those of the planner in this process; the prompt goes out as
token ids, and the grammar with it. So an agent without torch plans as one with it does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from agent.gemma import PlanRequest
from agent.gemma.embedded.checkpoint import Written
from agent.gemma.embedded.grammar import rest_grammar
from agent.gemma.embedded.layout import served_name
from agent.gemma.embedded.planner import EmbeddedGemma
from agent.gemma.embedded.prompt import asked_text, catalogue_text, shortlist, slots_of
from agent.gemma.endpoint import connection, told_plainly
from agent.settings import Settings
from specialists.errors import PlannerUnavailable

__all__ = ["ServedGemma"]

_LONGEST = 48
_LIKELIEST = 12
"""Tokens that are told for each place: more than a reading can have used up."""
_READING = re.compile(
    r"(<read>( (<T\d+>|<any>)( <all>|( <A\d+>)+)( <pair>)?)+|<(?!read>)[a-z]+>)( <end>)?"
)

Token = tuple[str, Mapping[str, float]]
"""What was written, and the likeliest in its place with their probabilities."""


class ServedGemma(EmbeddedGemma):
    """Plans with the shipped checkpoint, which a vLLM server runs.

    Args:
        settings: `gemma_url`, `gemma_model`, `gemma_key`, `gemma_timeout_s`.
        folder: Another checkpoint of the same make, whose card and tokenizer are read here.
    """

    def __init__(self, settings: Settings, folder: Path | None = None) -> None:
        from openai import OpenAI

        super().__init__(folder)
        self._model = settings.gemma_model or ""
        self._client = OpenAI(**connection(settings))

    @property
    def name(self) -> str:
        """What it is, and that it is elsewhere."""
        return f"{super().name} (endpoint)"

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def write(self, request: PlanRequest) -> Written:
        """Let the model at the server write its reading of the question.

        Raises:
            PlannerUnavailable: If it can't be reached, has other weights, or keeps to no grammar.
        """
        own = served_name(self.card)
        if self._model != own:
            raise PlannerUnavailable(
                f"The checkpoint that ships here is served as {own}, and WARDROUND_GEMMA_MODEL "
                f"names {self._model}. Write and serve it anew: python -m agent.gemma.embedded DIR."
            )
        tools = shortlist(request)
        slots = slots_of(tools)
        texts = catalogue_text(tools, slots), asked_text(request, slots)
        prompt = [number for text in texts for number in self._numbers(text)]
        return self._read(prompt, list(slots.values()), [one.id for one in request.attachments])

    def _read(
        self, prompt: Sequence[int], slots: Sequence[str], attachments: Sequence[str]
    ) -> Written:
        """Have a reading written; one that wishes for a tool twice goes on without that tool.

        A grammar can't say that each tool comes once at most, so the rest is asked for again.
        """
        once, tokens = {*slots, "<any>"}, list[Token]()
        words: list[str] = []
        while words[-1:] != ["<end>"] and len(words) < _LONGEST:
            grammar = rest_grammar(words, slots, attachments)
            new = self._completed([*prompt, *map(self._tokenizer.token_to_id, words)], grammar)
            fresh = new[: _unrepeated(words, new, once)]
            tokens += fresh
            words += [word for word, _ in fresh]
            if not fresh or not _READING.fullmatch(" ".join(words)):
                raise _faulty("it does not keep to the grammar it is given")
        return _written(tokens, once)

    def _completed(self, prompt: Sequence[int], grammar: str) -> list[Token]:
        """What the server writes after a prompt, greedily and under a grammar."""
        with told_plainly():
            answer = self._client.completions.create(
                model=self._model,
                prompt=list(prompt),
                temperature=0,
                max_tokens=_LONGEST,
                logprobs=_LIKELIEST,
                extra_body={
                    "structured_outputs": {"grammar": grammar},
                    "skip_special_tokens": False,
                    "return_token_ids": True,
                },
            )
        try:
            choice: Any = answer.choices[0]
            words = [str(self._tokenizer.id_to_token(number)) for number in choice.token_ids]
            told = [_probabilities(one) for one in choice.logprobs.top_logprobs]
            return list(zip(words, told, strict=True))
        except (AttributeError, IndexError, TypeError, ValueError):
            raise _faulty("it tells no token ids with their probabilities") from None

    def _numbers(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    @cached_property
    def _tokenizer(self) -> Any:
        """Raises `PlannerUnavailable` if the package that reads it is missing."""
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise PlannerUnavailable(
                "The shipped Gemma's tokenizer needs a package: pip install tokenizers."
            ) from None
        return Tokenizer.from_file(str(self.folder / "tokenizer.json"))


def _unrepeated(words: Sequence[str], new: Sequence[Token], once: set[str]) -> int:
    """How many of the new tokens come before one that stands there already and may not again."""
    seen = {*words} & once
    for place, (word, _) in enumerate(new):
        if word in seen:
            return place
        seen |= {word} & once
    return len(new)


def _written(tokens: Sequence[Token], once: set[str]) -> Written:
    """The reading, with the probabilities among what was still allowed in each place."""
    probabilities, margins, used = [], [], set[str]()
    for word, told in tokens:
        allowed = 1.0 - sum(told.get(name, 0.0) for name in used)
        others = [chance for name, chance in told.items() if name not in {*used, word}]
        probabilities.append(told.get(word, 0.0) / allowed)
        margins.append((told.get(word, 0.0) - max(others, default=0.0)) / allowed)
        used |= {word} & once
    return Written(tuple(word for word, _ in tokens), tuple(probabilities), tuple(margins))


def _probabilities(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: math.exp(score) for name, score in scores.items()}


def _faulty(what: str) -> PlannerUnavailable:
    return PlannerUnavailable(
        f"The server of the shipped Gemma can't be used: {what}. It takes a vLLM with "
        "--structured-outputs-config.backend guidance."
    )
