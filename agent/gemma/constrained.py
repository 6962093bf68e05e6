"""Constrained decoding in this process: only tokens that a grammar allows can be written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["GrammarProcessor", "grammar_tokenizer", "json_grammar"]


def grammar_tokenizer(tokenizer: Any, vocabulary: int | None = None) -> Any:
    """Prepare a transformers fast tokenizer for grammars; once a model, as it takes a while.

    Args:
        tokenizer: A `PreTrainedTokenizerFast`.
        vocabulary: Width of the model's logits, where it is padded beyond the tokenizer's.
    """
    from llguidance.hf import from_tokenizer

    return from_tokenizer(tokenizer, n_vocab=vocabulary)


def json_grammar(schema: dict[str, Any]) -> str:
    """Turn a JSON schema into a grammar of one-line JSON, with the keys in the schema's order."""
    from llguidance import LLMatcher

    return str(
        LLMatcher.grammar_from_json_schema(
            json.dumps(schema),
            overrides={
                "item_separator": ", ",
                "key_separator": ": ",
                "whitespace_flexible": False,
                "json_allowed_escapes": 'nt\\"',
            },
        )
    )


class GrammarProcessor:
    """Masks the logits of one sequence; for one call of `generate`.

    Args:
        tokenizer: From `grammar_tokenizer`.
        grammar: From `json_grammar`, or any that llguidance reads.
        prompt_length: Tokens of the prompt, which the grammar does not cover.

    Raises:
        ValueError: If the grammar can't be read.
    """

    def __init__(self, tokenizer: Any, grammar: str, prompt_length: int) -> None:
        from llguidance import LLMatcher

        self._matcher = LLMatcher(tokenizer, grammar)
        if self._matcher.is_error():
            raise ValueError(f"unreadable grammar: {self._matcher.get_error()}")
        self._consumed = prompt_length

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return the scores (1, vocabulary) with what the grammar does not allow at -inf."""
        import numpy as np
        import torch

        for token in input_ids[0, self._consumed :].tolist():
            self._matcher.consume_token(token)
        self._consumed = input_ids.shape[1]
        packed = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed = np.zeros(scores.shape[1], np.bool_)
        bits = np.unpackbits(packed, bitorder="little")[: scores.shape[1]]
        allowed[: len(bits)] = bits.astype(np.bool_)
        mask = torch.from_numpy(~allowed).to(scores.device)
        return scores.masked_fill(mask, float("-inf"))
