"""MedGemma in this process, by transformers, from a folder in the hub's layout."""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from specialists.errors import BackendUnavailable, InvalidInput
from specialists.medgemma.client import Part, Watch, Written
from specialists.placement import dtype_of

__all__ = ["LocalClient", "messages"]

logger = logging.getLogger(__name__)

_MOST_TOLD = 20


class LocalClient:
    """Runs the model, for one caller at a time.

    In bfloat16 on a GPU that computes in it and float32 elsewhere: Gemma 3 overflows in float16.

    Args:
        folder: Config, weights (safetensors), tokenizer, chat template and processor.
        device: A torch device string.

    Raises:
        BackendUnavailable: If transformers can't load it.
    """

    served = "in process"

    def __init__(self, folder: Path, device: str) -> None:
        started = time.perf_counter()
        self._processor, self._model = _loaded(folder, device)
        self._turn = threading.Lock()
        ends = self._model.generation_config.eos_token_id
        tokenizer = self._processor.tokenizer
        listed = ends if isinstance(ends, list) else [ends]
        self._ends = {*listed, tokenizer.eos_token_id, tokenizer.pad_token_id}
        turn = tokenizer.convert_tokens_to_ids("<end_of_turn>")
        self._ends = {one for one in (*self._ends, turn) if isinstance(one, int)}
        self._ends.discard(tokenizer.unk_token_id)
        logger.info("MedGemma loaded in %.1f s on %s", time.perf_counter() - started, device)

    def write(
        self, parts: Sequence[Part], most: int, watch: Watch, stop: Sequence[str] = ()
    ) -> Written:
        """As `Client.write`."""
        tokenizer = self._processor.tokenizer
        stops = {"stop_strings": list(stop), "tokenizer": tokenizer} if stop else {}
        with self._running(watch):
            prompt = self._prompt(parts, most)
            out = self._model.generate(
                **prompt,
                max_new_tokens=most,
                do_sample=False,
                eos_token_id=sorted(self._ends),
                stopping_criteria=[_Looking(watch)],
                **stops,
            )
        new = out[0, prompt["input_ids"].shape[1] :].tolist()
        text = tokenizer.decode([one for one in new if one not in self._ends])
        ended = not new or new[-1] in self._ends
        for one in stop:
            if one in text:
                text, ended = text.split(one)[0], True
        return Written(text, cut=not ended and len(new) >= most)

    def first(
        self, parts: Sequence[Part], watch: Watch, among: Sequence[str] = ()
    ) -> Mapping[str, float]:
        """As `Client.first`."""
        tokenizer = self._processor.tokenizer
        with self._running(watch):
            logits = self._model(**self._prompt(parts, 1), logits_to_keep=1).logits[0, -1]
        scores = logits.float().log_softmax(-1)
        wanted = [tokenizer.encode(text, add_special_tokens=False)
                  for one in among for text in (one, f" {one}")]  # fmt: skip
        chosen = {*scores.topk(_MOST_TOLD).indices.tolist(), *(w[0] for w in wanted if len(w) == 1)}
        told: dict[str, float] = {}
        for token in sorted(chosen):
            text = tokenizer.decode([token])
            told[text] = float(np.logaddexp(told.get(text, -math.inf), float(scores[token])))
        return told

    @contextmanager
    def _running(self, watch: Watch) -> Iterator[None]:
        """Wait for the turn; the host sees to memory that is not there."""
        import torch

        while not self._turn.acquire(timeout=0.2):
            watch.look()
        try:
            with torch.inference_mode():
                yield
        finally:
            self._turn.release()

    def _prompt(self, parts: Sequence[Part], most: int) -> Any:
        """Tensors of the message.

        Raises:
            InvalidInput: If it is longer than the model takes.
        """
        written = self._processor.apply_chat_template(
            messages(parts),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        limit = self._model.config.get_text_config().max_position_embeddings
        if written["input_ids"].shape[1] + most > limit:
            raise InvalidInput("The pictures and the question are more than the model takes.")
        return written.to(self._model.device, dtype=self._model.dtype)


def messages(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """One turn of the user, as a processor's chat template takes it."""
    from PIL import Image

    told = [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image", "image": Image.fromarray(part)}
        for part in parts
    ]
    return [{"role": "user", "content": told}]


class _Looking:
    """Asks after every token whether anybody still waits."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Return (1,): never stop; to look may raise."""
        import torch

        self._watch.look()
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)


def _loaded(folder: Path, device: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from transformers.utils.logging import disable_progress_bar

    if not sys.stderr.isatty():
        disable_progress_bar()  # type: ignore[no-untyped-call]
    dtype = getattr(torch, dtype_of(device, overflows=True))
    try:
        processor: Any = AutoProcessor.from_pretrained(  # type: ignore[no-untyped-call]
            folder, local_files_only=True
        )
        model: Any = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=dtype, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        logger.warning("MedGemma: %s", type(error).__name__)
        raise BackendUnavailable(
            f"MedGemma's folder could not be loaded ({type(error).__name__}): it must hold the "
            "model, its tokenizer, chat template and processor as the hub has them. "
            "`wardround models pull` fetches it again."
        ) from error
    if getattr(processor, "chat_template", None) is None:
        raise BackendUnavailable("MedGemma's folder has no chat template.")
    return processor, model.to(device).eval()
