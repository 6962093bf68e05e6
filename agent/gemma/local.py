"""Gemma in this process, by transformers: any checkpoint in the hub's layout."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.gemma.chat import LONGEST_ANSWER, ChatGemma, Message
from agent.gemma.checkpoint import find_checkpoint, place, require_memory
from agent.gemma.constrained import GrammarProcessor, grammar_tokenizer, json_grammar
from agent.settings import Settings
from specialists.errors import PlannerUnavailable

__all__ = ["LocalGemma"]

logger = logging.getLogger(__name__)

_ADVICE = "The checkpoint may be cut short or of another family."


@dataclass
class _Loaded:
    model: Any
    tokenizer: Any
    grammar: Any
    """The tokenizer, as grammars need it."""
    kept: list[int] = field(default_factory=list)
    """Tokens whose keys and values `cache` holds."""
    cache: Any = None


@dataclass(frozen=True)
class _Job:
    """One chat to be answered, in another thread."""

    messages: Sequence[Message]
    grammar: str
    tell: Callable[[str], None]
    stop: threading.Event
    deadline: float


class LocalGemma(ChatGemma):
    """Plans and composes with a checkpoint in this process.

    Loaded at first use, once. One chat is answered at a time; what its prompt shares with the
    one before is not computed again.

    Args:
        settings: `gemma_checkpoint`, `gemma_revision`, `gemma_device`, `gemma_timeout_s`,
            `gemma_retries`.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.gemma_retries, _ADVICE)
        self._settings = settings
        self._loaded: _Loaded | None = None
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """The checkpoint's id, or its folder's own name."""
        source = self._settings.gemma_checkpoint or ""
        shown = os.path.basename(source.rstrip("/")) if os.path.isdir(source) else source
        return f"{shown} (in process)"

    async def close(self) -> None:
        """Let go of the weights."""
        self._loaded = None

    async def _write(
        self, messages: Sequence[Message], name: str, schema: dict[str, Any]
    ) -> AsyncGenerator[str]:
        async with self._turn:
            if self._loaded is None:
                self._loaded = await asyncio.to_thread(_load, self._settings)
            loop, pieces = asyncio.get_running_loop(), asyncio.Queue[str | None]()

            def tell(piece: str | None) -> None:
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

            deadline = time.monotonic() + self._settings.gemma_timeout_s
            job = _Job(messages, json_grammar(schema), tell, threading.Event(), deadline)
            work = asyncio.create_task(asyncio.to_thread(_answer, self._loaded, job))
            work.add_done_callback(lambda _: pieces.put_nowait(None))
            try:
                while (piece := await pieces.get()) is not None:
                    yield piece
                await work
            finally:
                # The thread ends at its next token; the cache is not touched before it has.
                job.stop.set()
                await asyncio.wait([work])


def _load(settings: Settings) -> _Loaded:
    """Find, check and load the checkpoint.

    Raises:
        PlannerUnavailable: If it is missing, too large, or not one that transformers can load.
    """
    started = time.perf_counter()
    folder = find_checkpoint(settings.gemma_checkpoint or "", settings.gemma_revision)
    where = place(settings.gemma_device)
    require_memory(folder, where)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    if not sys.stderr.isatty():
        disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, where.dtype),
            local_files_only=True,
            use_safetensors=True,
        )
    except (OSError, ValueError, KeyError) as error:
        logger.warning("checkpoint: %s", type(error).__name__)
        raise PlannerUnavailable(
            f"The checkpoint could not be loaded ({type(error).__name__}). It must be a text model "
            "of the Gemma family in safetensors, with its tokenizer and chat template."
        ) from error
    if tokenizer.chat_template is None:
        raise PlannerUnavailable("The checkpoint has no chat template: an instruction-tuned one "
                                 "is needed, such as google/gemma-4-E4B-it.")  # fmt: skip
    model = model.to(where.device).eval()
    width = model.get_output_embeddings().out_features
    logger.info("loaded in %.1f s on %s", time.perf_counter() - started, where.device)
    return _Loaded(model, tokenizer, grammar_tokenizer(tokenizer, width))


def _answer(loaded: _Loaded, job: _Job) -> None:
    """Generate greedily under the grammar, telling each piece of text.

    Raises:
        PlannerUnavailable: If the time is over, or the prompt does not fit.
    """
    import torch

    ids = _prompt(loaded.tokenizer, job.messages)
    limit = getattr(loaded.model.config.get_text_config(), "max_position_embeddings", None)
    if limit is not None and len(ids) >= limit:
        raise PlannerUnavailable(f"The question and its tools take {len(ids)} tokens; the model "
                                 f"takes {limit}.")  # fmt: skip
    room = LONGEST_ANSWER if limit is None else min(LONGEST_ANSWER, limit - len(ids))
    try:
        with torch.inference_mode():
            out = loaded.model.generate(
                torch.tensor([ids], device=loaded.model.device),
                past_key_values=_cache(loaded, ids),
                max_new_tokens=room,
                do_sample=False,
                logits_processor=[GrammarProcessor(loaded.grammar, job.grammar, len(ids))],
                stopping_criteria=[_Stop(job)],
                streamer=_Streamer(loaded.tokenizer, job.tell),
                return_dict_in_generate=True,
            )
    except torch.OutOfMemoryError:
        raise PlannerUnavailable(
            "The memory was not enough for this question. `wardround doctor` says which Gemma fits."
        ) from None
    # The last token was written but never read, so its keys are not there.
    loaded.kept, loaded.cache = out.sequences[0, :-1].tolist(), out.past_key_values
    if time.monotonic() > job.deadline:
        raise PlannerUnavailable("The language model in this process did not answer in time.")


def _prompt(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    written = tokenizer.apply_chat_template(
        list(messages), add_generation_prompt=True, return_dict=True
    )
    return list(written["input_ids"])


def _cache(loaded: _Loaded, ids: list[int]) -> Any:
    """Keys and values of the tokens that this prompt shares with the last chat.

    At least one token is left to read, since its logits are where the answer starts.
    """
    from transformers import DynamicCache

    shared = 0
    for old, new in zip(loaded.kept, ids[:-1], strict=False):
        if old != new:
            break
        shared += 1
    cache, surplus = loaded.cache, len(loaded.kept) - shared
    loaded.cache, loaded.kept = None, []
    if cache is None or shared == 0:
        return DynamicCache()
    if surplus:
        cache.crop(-surplus)
    return cache


class _Stop:
    """Ends a generation that nobody waits for, or that takes too long."""

    def __init__(self, job: _Job) -> None:
        self._job = job

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Return (1,): whether to stop."""
        import torch

        over = self._job.stop.is_set() or time.monotonic() > self._job.deadline
        return torch.tensor([over], device=input_ids.device)


class _Streamer:
    """Tells text as its tokens come; what may still change is held back."""

    def __init__(self, tokenizer: Any, tell: Callable[[str], None]) -> None:
        self._tokenizer, self._tell = tokenizer, tell
        self._tokens: list[int] = []
        self._told = ""
        self._prompt = True

    def put(self, value: Any) -> None:
        """Take token ids: first the prompt's, then each new one."""
        if self._prompt:
            self._prompt = False
            return
        self._tokens += value.flatten().tolist()
        text = self._tokenizer.decode(self._tokens, skip_special_tokens=True)
        if not text.endswith("\ufffd"):
            self._say(text)

    def end(self) -> None:
        """Tell what was held back."""
        self._say(self._tokenizer.decode(self._tokens, skip_special_tokens=True))

    def _say(self, text: str) -> None:
        if len(text) > len(self._told):
            self._tell(text[len(self._told) :])
            self._told = text
