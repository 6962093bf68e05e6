"""The checkpoint in memory: loading, and greedy decoding under a grammar."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.gemma.embedded.grammar import plan_grammar

__all__ = ["Checkpoint", "Written"]

_LONGEST = 48


@dataclass(frozen=True)
class Written:
    """What the model wrote, and how sure it was of each token."""

    words: tuple[str, ...]
    probabilities: tuple[float, ...]
    """Of the token that was written, among those that the grammar allowed."""
    margins: tuple[float, ...]
    """Its probability less that of the next best."""


class Checkpoint:
    """A Gemma 3 checkpoint with its tokenizer.

    Args:
        folder: Has `config.json`, `model.safetensors` and `tokenizer.json`.
    """

    def __init__(self, folder: Path) -> None:
        from llguidance import LLTokenizer
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        self.tokenizer = Tokenizer.from_str(text)
        self._guide = LLTokenizer(text, eos_token=self.tokenizer.token_to_id("<end>"))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.model = empty_model(config)
        self.model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        self.model.eval()
        self._prefix: tuple[str, Any] | None = None

    def write(
        self, catalogue: str, asked: str, slots: Sequence[str], attachments: Sequence[str]
    ) -> Written:
        """Write a reading: greedy, under the grammar of these tools and attachments.

        No tool is wished for twice. The catalogue's part of the prompt is kept for the next
        question.
        """
        import torch

        with torch.inference_mode(), _one_thread():
            return self._write(
                catalogue, asked, plan_grammar(slots, attachments), {*slots, "<any>"}
            )

    def _write(self, catalogue: str, asked: str, grammar: str, once: set[str]) -> Written:
        import numpy as np
        from llguidance import LLMatcher
        from llguidance.numpy import (
            allocate_token_bitmask,
            apply_token_bitmask_inplace,
            fill_next_token_bitmask,
        )

        matcher = LLMatcher(self._guide, LLMatcher.grammar_from_lark(grammar))
        mask = allocate_token_bitmask(1, self._guide.vocab_size)
        cache = self._start(catalogue)
        given = self.tokenizer.encode(asked, add_special_tokens=False).ids
        words: list[str] = []
        probabilities: list[float] = []
        margins: list[float] = []
        while not matcher.is_stopped() and len(words) < _LONGEST:
            logits = self._next(given, cache)
            fill_next_token_bitmask(matcher, mask)
            apply_token_bitmask_inplace(logits, mask)
            logits[:, [self._number(word) for word in words if word in once]] = -np.inf
            chances = np.exp(logits[0] - logits[0].max())
            chances /= chances.sum()
            token = int(chances.argmax())
            next_best = float(np.partition(chances, -2)[-2])
            matcher.consume_token(token)
            words.append(str(self.tokenizer.id_to_token(token)))
            probabilities.append(float(chances[token]))
            margins.append(float(chances[token]) - next_best)
            given = [token]
        return Written(tuple(words), tuple(probabilities), tuple(margins))

    def _number(self, word: str) -> int:
        return int(self.tokenizer.token_to_id(word) or 0)

    def _next(self, tokens: Sequence[int], cache: Any) -> Any:
        import torch

        out = self.model(
            input_ids=torch.tensor([tokens]),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1].float().numpy()

    def _start(self, catalogue: str) -> Any:
        """The cache after the catalogue, ready to be written on."""
        from transformers.cache_utils import DynamicCache

        if self._prefix is None or self._prefix[0] != catalogue:
            cache = DynamicCache()
            self._next(self.tokenizer.encode(catalogue, add_special_tokens=False).ids, cache)
            self._prefix = (catalogue, cache)
        fresh = DynamicCache()
        for number, layer in enumerate(self._prefix[1].layers):
            fresh.update(layer.keys, layer.values, number)
        return fresh


@contextmanager
def _one_thread() -> Iterator[None]:
    """A model so small is slower on several threads, which wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def empty_model(config: dict[str, Any]) -> Any:
    """Build the architecture that a configuration describes, in single precision."""
    import torch
    from transformers.models.gemma3.configuration_gemma3 import Gemma3TextConfig
    from transformers.models.gemma3.modeling_gemma3 import Gemma3ForCausalLM

    settings = Gemma3TextConfig(**config)
    settings._attn_implementation = "eager"
    model: Any = Gemma3ForCausalLM(settings)
    return model.to(torch.float32)
