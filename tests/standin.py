"""A server for tests, in a process of its own: as much of vLLM's API as the agent uses.

`python -m tests.standin FOLDER` serves the shipped Gemma at /v1/completions, under the grammar of
the request. At /v1/chat/completions chance writes, under the JSON schema. Says its port.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

from agent.gemma.constrained import grammar_tokenizer, json_grammar
from agent.gemma.embedded.planner import EmbeddedGemma
from tests.checkpoints import SPECIAL, build_tokenizer

_EOS = SPECIAL.index("<eos>")
_ONE_AT_A_TIME = threading.Lock()


class Chance:
    """Writes what a grammar allows, as the dice fall; ends strings and begins calls where it may.

    Args:
        folder: Where its tokenizer is put.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        build_tokenizer(folder)
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self._guide = grammar_tokenizer(self._tokenizer)

    def write(self, grammar: str, seed: str) -> Iterator[str]:
        """The same for the same seed, character by character."""
        from llguidance import LLMatcher

        dice, matcher = Random(seed), LLMatcher(self._guide, grammar)
        while not matcher.is_stopped():
            bits = int.from_bytes(matcher.compute_bitmask(), "little")
            letters = {self._tokenizer.decode([n]): n for n in range(bits.bit_length())
                       if bits >> n & 1 and n >= len(SPECIAL)}  # fmt: skip
            first = next((one for one in '"{' if one in letters), None)
            token = letters[first or dice.choice(sorted(letters))] if letters else _EOS
            matcher.consume_token(token)
            if letters:
                yield self._tokenizer.decode([token])


class Handler(BaseHTTPRequestHandler):
    """Answers what is posted; the class has the two models."""

    shipped: EmbeddedGemma
    chance: Chance

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        streams = self.path.endswith("/chat/completions")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if streams else "application/json")
        self.end_headers()
        with _ONE_AT_A_TIME:
            for part in self._chatted(asked) if streams else self._completed(asked):
                self.wfile.write(part.encode())

    def _chatted(self, asked: dict[str, Any]) -> Iterator[str]:
        schema = asked["response_format"]["json_schema"]["schema"]
        for piece in type(self).chance.write(json_grammar(schema), str(asked["messages"])):
            choice = {"index": 0, "delta": {"role": "assistant", "content": piece}}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1,
                     "model": asked["model"], "choices": [choice]}  # fmt: skip
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"

    def _completed(self, asked: dict[str, Any]) -> Iterator[str]:
        grammar = asked["structured_outputs"]["grammar"]
        tokens, told = self._written(asked["prompt"], grammar, asked["max_tokens"])
        spell = type(self).shipped.checkpoint.tokenizer.id_to_token
        likeliest = [
            {spell(number): score for number, score in one[: asked["logprobs"]]} for one in told
        ]
        choice = {"index": 0, "text": "", "finish_reason": "stop", "token_ids": tokens,
                  "logprobs": {"top_logprobs": likeliest}}  # fmt: skip
        yield json.dumps({"id": "1", "object": "text_completion", "created": 1,
                          "model": asked["model"], "choices": [choice]})  # fmt: skip

    def _written(
        self, prompt: list[int], grammar: str, longest: int
    ) -> tuple[list[int], list[list[tuple[int, float]]]]:
        """Greedy tokens under a grammar, each with all that were allowed, the likeliest first."""
        import torch
        from llguidance import LLMatcher
        from llguidance.torch import (
            allocate_token_bitmask,
            apply_token_bitmask_inplace,
            fill_next_token_bitmask,
        )
        from transformers.cache_utils import DynamicCache

        checkpoint = type(self).shipped.checkpoint
        matcher = LLMatcher(checkpoint._guide, LLMatcher.grammar_from_lark(grammar))
        assert not matcher.is_error(), matcher.get_error()
        mask = allocate_token_bitmask(1, checkpoint._guide.vocab_size)
        tokens: list[int] = []
        cache, given = DynamicCache(), prompt
        told: list[list[tuple[int, float]]] = []
        with torch.inference_mode():
            while not matcher.is_stopped() and len(tokens) < longest:
                out = checkpoint.model(torch.tensor([given]), past_key_values=cache)
                logits = out.logits[:, -1]
                fill_next_token_bitmask(matcher, mask)
                apply_token_bitmask_inplace(logits, mask)
                scores = logits[0].log_softmax(0)
                best = [(int(n), float(scores[n])) for n in scores.argsort(descending=True)[:40]]
                told.append([(n, max(score, -9999.0)) for n, score in best])
                given = [best[0][0]]
                tokens += given
                matcher.consume_token(tokens[-1])
        return tokens, told

    def log_message(self, format: str, *args: object) -> None:
        return


def main() -> None:
    """Serve until the process is ended."""
    import torch

    torch.set_num_threads(1)
    Handler.shipped = EmbeddedGemma()
    Handler.chance = Chance(Path(sys.argv[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
